//! When a call has run too long.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use wasmtime::UpdateDeadline;

use crate::engine::TICK;

/// A call may take this many times its limit by the wall clock while other threads hold the cores.
const PATIENCE: u32 = 10;

/// Ends a call that used up its time.
///
/// The wall clock alone would fail innocent calls on a machine whose every core decodes tokens, and
/// reading the thread's own clock at each start would cost a system call per token.
/// So the thread's clock is read only when half of the limit is over by the wall clock, and again
/// after each further half: the call ends when it has *used* half of its limit in between.
/// A call that got no core for many times its limit ends too, as others wait for its place, but
/// that is the machine's fault and neither the plugin's nor the request's.
#[derive(Default)]
pub(crate) struct Deadline {
    half: Duration,
    used_at_half: Option<Duration>,
    halves: u32,
    starved: bool,
}

impl Deadline {
    /// Begins a call; returns the ticks until [`Deadline::passed`] is to be called.
    pub(crate) fn begin(&mut self, limit: Duration) -> u64 {
        *self = Self { half: limit / 2, ..Self::default() };
        self.ticks()
    }

    /// Decides whether the call may go on.
    pub(crate) fn passed(&mut self) -> UpdateDeadline {
        self.halves += 1;
        let used = used_by_thread();
        let since = used.saturating_sub(*self.used_at_half.get_or_insert(used));
        let has_waited = self.halves >= 2 * PATIENCE;
        self.starved = has_waited && since < self.half;
        if has_waited || since >= self.half {
            UpdateDeadline::Interrupt
        } else {
            UpdateDeadline::Continue(self.ticks())
        }
    }

    /// How long a call has waited in vain for a core, where that is what ended it.
    pub(crate) fn starved(&self) -> Option<Duration> {
        self.starved.then(|| self.half * 2 * PATIENCE)
    }

    /// At least one tick more than the time takes, because the first tick is already under way.
    fn ticks(&self) -> u64 {
        let ticks = self.half.as_nanos().div_ceil(TICK.as_nanos());
        u64::try_from(ticks).unwrap_or(u64::MAX / 4).saturating_add(1)
    }
}

fn used_by_thread() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(now.tv_nsec).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(deadline: &mut Deadline, limit: Duration, expect_halves: usize) {
        deadline.begin(limit);
        assert_eq!(deadline.starved(), None);
        let goes_on = |_: &usize| matches!(deadline.passed(), UpdateDeadline::Continue(_));
        assert_eq!((1..100).take_while(goes_on).count() + 1, expect_halves);
    }

    #[test]
    fn a_call_that_used_its_time_ends() {
        let mut deadline = Deadline::default();
        check(&mut deadline, Duration::ZERO, 1);
        assert_eq!(deadline.starved(), None);
    }

    #[test]
    fn a_call_that_got_no_core_may_go_on_for_ten_limits_and_is_told_apart() {
        let mut deadline = Deadline::default();
        check(&mut deadline, Duration::from_hours(1), 20);
        assert_eq!(deadline.starved(), Some(Duration::from_hours(10)));
        // The next call has nothing to do with it.
        check(&mut deadline, Duration::ZERO, 1);
        assert_eq!(deadline.starved(), None);
    }

    #[test]
    fn half_a_limit_is_rounded_up_to_ticks() {
        assert_eq!(Deadline::default().begin(Duration::from_millis(200)), 21);
        assert_eq!(Deadline::default().begin(Duration::from_millis(1)), 2);
        assert_eq!(Deadline::default().begin(Duration::MAX), u64::MAX / 4 + 1);
    }
}
