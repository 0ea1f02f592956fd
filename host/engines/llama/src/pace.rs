//! How many prompt tokens fit into a step, learned from the steps before.

use std::time::Duration;

/// The weight of the newest measurement.
const NEWEST: f64 = 0.2;
/// Below this the kernels lose more than the neighbours win.
const LEAST: usize = 8;
/// The first guess.
const FIRST: usize = 32;
/// A prompt with nobody beside it may take this many step targets at once.
const ALONE: f64 = 4.0;

/// Learns the cost of steps.
#[derive(Debug)]
pub(crate) struct Pace {
    target: f64,
    capacity: usize,
    decode_seconds: f64,
    prefill_rate: Option<f64>,
}

impl Pace {
    /// A pace for steps of `target`, of at most `capacity` tokens.
    pub(crate) fn new(target: Duration, capacity: usize) -> Self {
        Self { target: target.as_secs_f64(), capacity, decode_seconds: 0.0, prefill_rate: None }
    }

    /// Learns from a step.
    pub(crate) fn record(&mut self, prefill: usize, took: Duration) {
        let took = took.as_secs_f64();
        if prefill == 0 {
            self.decode_seconds += NEWEST * (took - self.decode_seconds);
            return;
        }
        let spent = (took - self.decode_seconds).max(took * 0.1).max(1e-6);
        let rate = prefill as f64 / spent;
        self.prefill_rate =
            Some(self.prefill_rate.map_or(rate, |known| known + NEWEST * (rate - known)));
    }

    /// Prompt tokens for the next step; `alone` where no other sequence waits for it.
    pub(crate) fn quantum(&self, alone: bool) -> usize {
        let most = self.capacity.max(1);
        let Some(rate) = self.prefill_rate else { return FIRST.min(most) };
        let time = if alone {
            self.target * ALONE
        } else {
            (self.target - self.decode_seconds).max(self.target * 0.1)
        };
        whole(rate * time).clamp(LEAST.min(most), most)
    }
}

/// The whole part of a finite number that is not negative.
fn whole(value: f64) -> usize {
    Duration::try_from_secs_f64(value)
        .map_or(usize::MAX, |value| usize::try_from(value.as_secs()).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quantum_settles_where_the_step_meets_its_target() {
        let mut pace = Pace::new(Duration::from_millis(100), 512);
        for _ in 0..200 {
            let quantum = pace.quantum(false);
            pace.record(0, Duration::from_millis(20));
            // A millisecond for each prompt token, on top of what decoding takes.
            let took = 20 + u64::try_from(quantum).unwrap();
            pace.record(quantum, Duration::from_millis(took));
        }
        let quantum = pace.quantum(false);
        assert!((75..=85).contains(&quantum), "{quantum}");
        assert_eq!(pace.quantum(true) / quantum, 5);
    }

    #[test]
    fn the_quantum_stays_within_its_bounds() {
        let mut pace = Pace::new(Duration::from_millis(100), 64);
        assert_eq!(pace.quantum(false), 32);
        pace.record(8, Duration::from_secs(10));
        assert_eq!(pace.quantum(false), 8);
        for _ in 0..100 {
            pace.record(8, Duration::from_nanos(1));
        }
        assert_eq!(pace.quantum(false), 64);
        assert_eq!(Pace::new(Duration::ZERO, 4).quantum(false), 4);
    }
}
