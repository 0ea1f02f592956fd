//! Why a worker died, in words that help.

use std::{os::unix::process::ExitStatusExt, process::ExitStatus};

use crate::Cause;

/// What a line or a signal means, and what helps.
struct Known {
    /// Lower case; found anywhere in a line.
    pattern: &'static str,
    advice: &'static str,
}

const MEMORY: &str = "there is not enough memory: use a smaller quantization, a shorter `context-length` or fewer `gpu-layers`";
const DRIVER: &str =
    "the GPU or its driver refuses: check `nvidia-smi`, or set `gpu-layers = 0` to do without";
const PORTABLE: &str = "the engine was built for another processor: build it again on this machine, or with `--portable`";

/// Lines that engines and their libraries are known to write before they end, in order of weight.
const KNOWN: &[Known] = &[
    Known { pattern: "out of memory", advice: MEMORY },
    Known { pattern: "cudamalloc", advice: MEMORY },
    Known { pattern: "failed to allocate", advice: MEMORY },
    Known { pattern: "unable to allocate", advice: MEMORY },
    Known { pattern: "bad_alloc", advice: MEMORY },
    Known { pattern: "memory allocation of", advice: MEMORY },
    Known { pattern: "cuda driver version is insufficient", advice: DRIVER },
    Known { pattern: "no cuda-capable device", advice: DRIVER },
    Known { pattern: "cuda error", advice: DRIVER },
    Known { pattern: "illegal instruction", advice: PORTABLE },
    Known {
        pattern: "error while loading shared libraries",
        advice: "a library that the engine was built with is not here: install it, or build the engine again",
    },
    Known { pattern: "no space left on device", advice: "the disk or the shared memory is full" },
];

/// What a line that tells of a failure contains, in lower case.
const SIGNS: &[&str] = &[
    "error",
    "panicked",
    "assert",
    "abort",
    "fatal",
    "terminate called",
    "fail",
    "exception",
    "crash",
];

/// One sentence on why a worker is gone: how it ended, the line of its log that tells most, and
/// what helps, where that is known.
///
/// `seen` is what the supervisor itself noticed, such as a worker that is hung; the end of the
/// process is then no news. The line of the log is for the operator alone.
pub(crate) fn explain(seen: Option<&str>, status: Option<ExitStatus>, log: &[String]) -> Cause {
    let ending = match (seen, status) {
        (Some(seen), _) => seen.to_owned(),
        (None, Some(status)) => ending_of(status),
        (None, None) => "it closed its session".into(),
    };
    let known = KNOWN.iter().find_map(|known| {
        let mut lines = log.iter().rev();
        lines.find(|line| line.to_lowercase().contains(known.pattern)).map(|line| (line, known))
    });
    let line = known.map(|(line, _)| line).or_else(|| telling(log));
    let mut full = ending.clone();
    if let Some(line) = line {
        full.push_str("; its log says: ");
        full.push_str(line.trim());
    }
    let signal = (seen.is_none()).then_some(status).flatten().and_then(|status| status.signal());
    let advice = known.map(|(_, known)| known.advice).or(match signal {
        Some(4) => Some(PORTABLE),
        Some(9) => Some("the system kills like this when memory runs out"),
        _ => None,
    });
    let cause = Cause::new(full, Cause::told(ending).brief());
    match advice {
        Some(advice) => cause.and(&format!(" ({advice})")),
        None => cause,
    }
}

/// What helps against a failure of which a text tells.
pub(crate) fn advice(text: &str) -> Option<&'static str> {
    let text = text.to_lowercase();
    KNOWN.iter().find(|known| text.contains(known.pattern)).map(|known| known.advice)
}

/// The last line that tells of a failure, or the last line of all.
fn telling(log: &[String]) -> Option<&String> {
    let signs = |line: &&String| {
        let line = line.to_lowercase();
        // A note on how to see more is not the failure.
        !line.starts_with("note:") && SIGNS.iter().any(|sign| line.contains(sign))
    };
    log.iter().rev().find(signs).or_else(|| log.last())
}

fn ending_of(status: ExitStatus) -> String {
    match (status.signal(), status.code()) {
        (Some(signal), _) => match signal_name(signal) {
            Some(name) => format!("it was ended by {name}"),
            None => format!("it was ended by signal {signal}"),
        },
        (None, Some(0)) => "it exited without being asked to".into(),
        (None, Some(code)) => format!("it exited with code {code}"),
        (None, None) => "it ended".into(),
    }
}

/// The names of signals that end processes; these numbers are the same on every Unix.
fn signal_name(signal: i32) -> Option<&'static str> {
    Some(match signal {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL (illegal instruction)",
        6 => "SIGABRT (it aborted)",
        8 => "SIGFPE (arithmetic error)",
        9 => "SIGKILL",
        11 => "SIGSEGV (invalid memory access)",
        13 => "SIGPIPE",
        15 => "SIGTERM",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(seen: Option<&str>, status: Option<i32>, log: &[&str], expect: &str) {
        let log: Vec<_> = log.iter().map(ToString::to_string).collect();
        let cause = explain(seen, status.map(ExitStatus::from_raw), &log);
        assert_eq!(cause.to_string(), expect);
        // The brief form is the same without the line of the log.
        let brief = match expect.split_once("; its log says: ") {
            None => expect.to_owned(),
            Some((ending, line)) => {
                let advice = line.find(" (").and_then(|at| line.get(at..)).unwrap_or_default();
                format!("{ending}{advice}")
            }
        };
        assert_eq!(cause.brief(), brief);
    }

    #[test]
    fn causes() {
        check(None, Some(1 << 8), &[], "it exited with code 1");
        check(None, Some(0), &["bye"], "it exited without being asked to; its log says: bye");
        check(
            None,
            Some(6),
            &["loading", "GGML_ASSERT(n > 0) failed", "note: run with RUST_BACKTRACE=1: error"],
            "it was ended by SIGABRT (it aborted); its log says: GGML_ASSERT(n > 0) failed",
        );
        check(
            None,
            Some(9),
            &[],
            "it was ended by SIGKILL (the system kills like this when memory runs out)",
        );
        check(
            None,
            Some(4),
            &[],
            &format!("it was ended by SIGILL (illegal instruction) ({PORTABLE})"),
        );
        check(
            None,
            Some(6),
            &["cudaMalloc failed: out of memory", "an error later"],
            &format!(
                "it was ended by SIGABRT (it aborted); its log says: cudaMalloc failed: out of memory ({MEMORY})"
            ),
        );
        check(
            Some("it was hung"),
            Some(9),
            &["INFO step 7"],
            "it was hung; its log says: INFO step 7",
        );
        check(None, None, &[], "it closed its session");
    }
}
