//! What workers write to standard error and standard output.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use model::ModelUid;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Lines kept of each worker.
const LINES: usize = 100;
/// Bytes kept of each line.
const LINE_BYTES: usize = 2000;

/// The last lines of a worker's log.
#[derive(Clone, Debug, Default)]
pub(crate) struct LogTail(Arc<Mutex<VecDeque<String>>>);

impl LogTail {
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    pub(crate) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn push(&self, line: String) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }
}

/// Reads a worker's output to its end, into the tail and the host's own log.
pub(crate) async fn follow(output: impl AsyncRead + Unpin, tail: LogTail, uid: ModelUid, pid: u32) {
    let mut splitter = Splitter::default();
    let mut output = output;
    let mut chunk = vec![0; 8192];
    loop {
        let read = match output.read(&mut chunk).await {
            Ok(0) | Err(_) => break,
            Ok(read) => read,
        };
        for line in splitter.push(chunk.get(..read).unwrap_or_default()) {
            report(&line, &uid, pid);
            tail.push(line);
        }
    }
    if let Some(line) = splitter.rest() {
        report(&line, &uid, pid);
        tail.push(line);
    }
}

/// Logs a worker's line at the level that it claims; native libraries claim none.
fn report(line: &str, uid: &ModelUid, pid: u32) {
    let text = line.trim_start();
    if text.starts_with("ERROR") {
        tracing::error!(target: "worker", model = %uid, pid, "{line}");
    } else if text.starts_with("WARN") {
        tracing::warn!(target: "worker", model = %uid, pid, "{line}");
    } else if text.starts_with("INFO") {
        tracing::info!(target: "worker", model = %uid, pid, "{line}");
    } else {
        tracing::debug!(target: "worker", model = %uid, pid, "{line}");
    }
}

/// Cuts bytes into lines, without trust in their length or their encoding.
#[derive(Debug, Default)]
struct Splitter {
    line: Vec<u8>,
}

impl Splitter {
    fn push(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        for &byte in bytes {
            if byte == b'\n' {
                lines.extend(self.rest());
            } else if self.line.len() < LINE_BYTES {
                self.line.push(byte);
            }
        }
        lines
    }

    fn rest(&mut self) -> Option<String> {
        let line = std::mem::take(&mut self.line);
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        (!text.is_empty()).then_some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pieces: &[&[u8]], expect: &[&str]) {
        let mut splitter = Splitter::default();
        let mut lines: Vec<_> = pieces.iter().flat_map(|piece| splitter.push(piece)).collect();
        lines.extend(splitter.rest());
        assert_eq!(lines, expect);
    }

    #[test]
    fn lines_survive_cuts_and_bad_bytes() {
        check(&[b"one\ntwo\r\n", b"th", b"ree"], &["one", "two", "three"]);
        check(&[b"\n\n  \n"], &[]);
        check(&[b"\xff\n"], &["\u{fffd}"]);
        let long = vec![b'x'; 10 * LINE_BYTES];
        check(&[&long, b"\nnext"], &["x".repeat(LINE_BYTES).as_str(), "next"]);
    }

    #[test]
    fn the_last_lines_are_kept() {
        let tail = LogTail::default();
        (0..250).for_each(|number| tail.push(number.to_string()));
        let lines = tail.lines();
        assert_eq!(lines.len(), LINES);
        assert_eq!(lines.last().map(String::as_str), Some("249"));
    }
}
