//! Threads that take too long, and what becomes of those that are lost.

use std::fs;
use std::time::Duration;

/// How many times its limit something may take by the wall clock while other work has the cores.
const PATIENCE: u32 = 6;

/// Whether what was begun has used up its limit. The wall clock alone would blame it for what else
/// the machine does; so it must have computed for half of the limit as well, where that is known.
pub(crate) fn is_over(limit: Duration, elapsed: Duration, used: Option<Duration>) -> bool {
    elapsed > limit && (used.is_none_or(|used| used >= limit / 2) || elapsed > limit * PATIENCE)
}

/// How long a thread of this process has computed, where the system tells.
pub(crate) fn used_by_thread(thread: i32) -> Option<Duration> {
    let text = fs::read_to_string(format!("/proc/self/task/{thread}/schedstat")).ok()?;
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

/// How long a process has computed, where the system tells.
pub(crate) fn used_by_process(process: u32) -> Option<Duration> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name before may hold anything, and the numbers behind it count from the third.
    let mut fields = text.rsplit_once(") ")?.1.split(' ').skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    // Linux counts in hundredths of a second here, on every machine.
    Some(Duration::from_millis((ticks()? + ticks()?) * 10))
}

/// The number of the thread that asks; 0 where threads have none that the system knows.
#[cfg(target_os = "linux")]
pub(crate) fn own_number() -> i32 {
    rustix::thread::gettid().as_raw_nonzero().get()
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn own_number() -> i32 {
    0
}

/// Lets a thread have what the others leave, so that a lost one slows nobody down.
#[cfg(target_os = "linux")]
pub(crate) fn to_the_background(thread: i32) {
    const LOWEST: i32 = 19;
    // To Linux each thread is a process of its own here.
    if let Some(thread) = rustix::process::Pid::from_raw(thread)
        && let Err(error) = rustix::process::setpriority_process(Some(thread), LOWEST)
    {
        tracing::warn!(%error, "the priority of a lost thread cannot be lowered");
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn to_the_background(_thread: i32) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_for_a_core_is_not_computing() {
        let limit = Duration::from_secs(10);
        let check = |elapsed, used: Option<u64>, expect| {
            let (elapsed, used) = (Duration::from_secs(elapsed), used.map(Duration::from_secs));
            assert_eq!(is_over(limit, elapsed, used), expect, "{elapsed:?} {used:?}");
        };
        check(9, Some(9), false);
        check(11, Some(9), true);
        check(11, Some(2), false);
        check(11, None, true);
        check(59, Some(4), false);
        check(61, Some(4), true);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn computing_is_counted() {
        let begun = std::time::Instant::now();
        let used = || {
            (used_by_thread(own_number()).unwrap(), used_by_process(std::process::id()).unwrap())
        };
        let before = used();
        while used().0 < before.0 + Duration::from_millis(100) {
            assert!(begun.elapsed() < Duration::from_secs(20), "{:?} {:?}", before, used());
        }
        assert!(used().1 >= before.1 + Duration::from_millis(50));
        assert_eq!(used_by_thread(0), None);
    }
}
