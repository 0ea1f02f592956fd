//! Open files: each connection is one, and a system's usual limit is below what a server needs.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What workers, uploads and plugins may need beside the connections.
const OTHERS: u64 = 512;

/// The fewest connections that are accepted, however low the limit is.
const LEAST: u64 = 16;

/// Raises the limit of open files as far as it may be, for so many connections.
///
/// Returns how many connections there is room for; without any room for more, accepting one would
/// fail, and so would starting a worker again.
pub(crate) fn raise(connections: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let wanted = (connections as u64).saturating_add(OTHERS);
    let raised = raised(&limit, wanted);
    let now = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => raised.current,
        Err(_) => limit.current,
    };
    let room = room(now, connections as u64);
    if room < connections as u64 {
        tracing::warn!(
            "the system lets this process open {} files, which is enough for {room} connections \
             and not for {connections}: raise the hard limit (`ulimit -Hn`), or lower \
             `max-connections`",
            now.unwrap_or(u64::MAX),
        );
    }
    usize::try_from(room).unwrap_or(connections)
}

/// The limit with so many files, or as many as the hard limit allows.
fn raised(limit: &Rlimit, wanted: u64) -> Rlimit {
    let allowed = limit.maximum.map_or(wanted, |most| wanted.min(most));
    let current = limit.current.map(|now| now.max(allowed));
    Rlimit { current, maximum: limit.maximum }
}

/// How many of the connections fit below a limit; `None` is no limit.
fn room(limit: Option<u64>, connections: u64) -> u64 {
    limit.map_or(connections, |limit| connections.min(limit.saturating_sub(OTHERS).max(LEAST)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A soft and a hard limit become another soft one with room for so many of 2,048 connections.
    #[track_caller]
    fn check(soft: Option<u64>, hard: Option<u64>, expect: Option<u64>, connections: u64) {
        let after = raised(&Rlimit { current: soft, maximum: hard }, 2048 + OTHERS);
        assert_eq!((after.current, after.maximum), (expect, hard));
        assert_eq!(room(after.current, 2048), connections);
    }

    #[test]
    fn the_soft_limit_goes_up_to_what_is_needed_and_allowed() {
        check(Some(1024), Some(524_288), Some(2560), 2048);
        check(Some(1024), None, Some(2560), 2048);
        check(Some(1024), Some(1024), Some(1024), 512);
        check(Some(100_000), Some(524_288), Some(100_000), 2048);
        check(None, None, None, 2048);
        check(Some(64), Some(64), Some(64), LEAST);
    }
}
