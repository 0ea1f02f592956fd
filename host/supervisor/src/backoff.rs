//! When a worker that has died starts again.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

use crate::RestartPolicy;

/// What to do about a crash.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Verdict {
    /// Start again after this wait.
    Wait(Duration),
    /// No more tries: so many crashes within the window.
    GiveUp(u32),
}

/// A worker's record of crashes.
#[derive(Debug)]
pub(crate) struct Backoff {
    policy: RestartPolicy,
    crashes: VecDeque<Instant>,
}

impl Backoff {
    pub(crate) fn new(policy: RestartPolicy) -> Self {
        Self { policy, crashes: VecDeque::new() }
    }

    /// Records a crash of a worker that had been ready for so long.
    ///
    /// `jitter`, from 0 to 1, spreads the restarts of workers that a common cause has ended.
    pub(crate) fn crashed(&mut self, now: Instant, ready: Duration, jitter: f64) -> Verdict {
        let RestartPolicy { first_delay, max_delay, max_crashes, window, healthy_after } =
            self.policy;
        if ready >= healthy_after {
            self.crashes.clear();
        }
        self.crashes.push_back(now);
        while self.crashes.front().is_some_and(|&first| now.duration_since(first) > window) {
            self.crashes.pop_front();
        }
        let count = u32::try_from(self.crashes.len()).unwrap_or(u32::MAX);
        if count >= max_crashes {
            return Verdict::GiveUp(count);
        }
        let doubled = first_delay.saturating_mul(2_u32.saturating_pow(count - 1));
        // From three quarters of the delay to all of it.
        Verdict::Wait(doubled.min(max_delay).mul_f64(1.0 - 0.25 * jitter.clamp(0.0, 1.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RestartPolicy = RestartPolicy {
        first_delay: Duration::from_secs(1),
        max_delay: Duration::from_secs(5),
        max_crashes: 5,
        window: Duration::from_secs(100),
        healthy_after: Duration::from_mins(1),
    };

    /// Crashes as (seconds since the start, seconds that the worker was ready).
    #[track_caller]
    fn check(crashes: &[(u64, u64)], expect: Verdict) {
        let start = Instant::now();
        let mut backoff = Backoff::new(POLICY);
        let verdicts: Vec<_> = crashes
            .iter()
            .map(|&(at, ready)| {
                backoff.crashed(start + Duration::from_secs(at), Duration::from_secs(ready), 0.0)
            })
            .collect();
        assert_eq!(verdicts.last(), Some(&expect), "{verdicts:?}");
    }

    #[test]
    fn delays_double_to_a_limit() {
        let wait = |seconds| Verdict::Wait(Duration::from_secs(seconds));
        check(&[(0, 0)], wait(1));
        check(&[(0, 0), (1, 0)], wait(2));
        check(&[(0, 0), (1, 0), (2, 0)], wait(4));
        check(&[(0, 0), (1, 0), (2, 0), (3, 0)], wait(5));
        check(&[(0, 0), (1, 0), (2, 0), (3, 0), (4, 0)], Verdict::GiveUp(5));
    }

    #[test]
    fn old_crashes_and_those_before_a_healthy_time_are_forgotten() {
        let wait = |seconds| Verdict::Wait(Duration::from_secs(seconds));
        check(&[(0, 0), (1, 0), (2, 0), (3, 0), (200, 0)], wait(1));
        check(&[(0, 0), (1, 0), (2, 0), (3, 0), (70, 60)], wait(1));
        check(&[(0, 0), (1, 0), (2, 0), (3, 0), (70, 59)], Verdict::GiveUp(5));
    }

    #[test]
    fn jitter_shortens_a_wait() {
        let verdict = Backoff::new(POLICY).crashed(Instant::now(), Duration::ZERO, 1.0);
        assert_eq!(verdict, Verdict::Wait(Duration::from_millis(750)));
    }
}
