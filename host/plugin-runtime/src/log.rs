//! What a plugin says in the host's log.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::text::one_line;

/// Characters of one line.
const LINE: usize = 1024;
/// Lines that a plugin may write at once.
const BURST: f64 = 64.0;
/// Lines that it may write each second after that.
const RATE: f64 = 16.0;

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

/// The log of one plugin: its lines carry its name, and come no faster than the host can bear.
///
/// All instances of the plugin share it, so that many requests do not multiply the rate.
pub(crate) struct Log {
    plugin: String,
    version: String,
    bucket: Mutex<Bucket>,
}

struct Bucket {
    tokens: f64,
    filled: Instant,
    dropped: u64,
}

impl Log {
    pub(crate) fn new(plugin: &str, version: &str) -> Self {
        let bucket = Bucket { tokens: BURST, filled: Instant::now(), dropped: 0 };
        Self { plugin: plugin.into(), version: version.into(), bucket: Mutex::new(bucket) }
    }

    /// The plugin's name.
    pub(crate) fn plugin(&self) -> &str {
        &self.plugin
    }

    /// The plugin's name and version.
    pub(crate) fn label(&self) -> String {
        format!("{} {}", self.plugin, self.version)
    }

    /// Writes a line, unless the plugin has written too many.
    pub(crate) fn write(&self, level: Level, message: &str) {
        let Some(dropped) = self.admit(Instant::now()) else { return };
        let (plugin, version) = (self.plugin.as_str(), self.version.as_str());
        if dropped > 0 {
            tracing::warn!(target: "plugin", plugin, version, dropped, "lines of the log dropped");
        }
        let line = one_line(message, LINE);
        match level {
            Level::Debug => tracing::debug!(target: "plugin", plugin, version, "{line}"),
            Level::Info => tracing::info!(target: "plugin", plugin, version, "{line}"),
            Level::Warn => tracing::warn!(target: "plugin", plugin, version, "{line}"),
            Level::Error => tracing::error!(target: "plugin", plugin, version, "{line}"),
        }
    }

    /// Whether a line may be written now, and how many were dropped before it.
    fn admit(&self, now: Instant) -> Option<u64> {
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let earned = now.saturating_duration_since(bucket.filled).as_secs_f64() * RATE;
        bucket.tokens = (bucket.tokens + earned).min(BURST);
        bucket.filled = now;
        if bucket.tokens < 1.0 {
            bucket.dropped += 1;
            return None;
        }
        bucket.tokens -= 1.0;
        Some(std::mem::take(&mut bucket.dropped))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn lines_above_the_rate_are_dropped_and_counted() {
        let log = Log::new("chatty", "1.0.0");
        let start = Instant::now();
        let written = (0..1000).filter(|_| log.admit(start).is_some()).count();
        assert_eq!(written, 64);
        assert_eq!(log.admit(start + Duration::from_secs(1)), Some(936));
        assert_eq!(log.admit(start + Duration::from_secs(1)), Some(0));
    }
}
