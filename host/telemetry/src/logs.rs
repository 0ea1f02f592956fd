//! What the process writes to standard error.

use std::io::{self, IsTerminal};

use tracing_subscriber::{EnvFilter, fmt};

/// How a line of the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line, for collectors.
    Json,
}

/// Why logs or metrics could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter cannot be read.
    #[error("`{given}` is no log level: {reason}; write `info`, or `info,supervisor=debug`")]
    Level {
        /// The text given.
        given: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Something else has set up logs or metrics in this process.
    #[error("{what} are set up already in this process: {reason}")]
    Taken {
        /// `logs` or `metrics`.
        what: &'static str,
        /// What the library says.
        reason: String,
    },
}

/// How the names of the decoders' crates begin.
const DECODERS: &str = "symphonia";

/// Sends every log line to standard error, filtered by `level`, such as `info` or
/// `info,supervisor=debug`.
///
/// # Errors
/// Where `level` cannot be read, or logs are set up already.
pub fn init_logs(format: LogFormat, level: &str) -> Result<(), TelemetryError> {
    let filter = parse_level(level)?;
    // Colours are for people; a file or a collector gets plain text.
    let colours = io::stderr().is_terminal();
    let builder = fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(colours);
    let outcome = match format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    outcome.map_err(|error| TelemetryError::Taken { what: "logs", reason: error.to_string() })
}

fn parse_level(level: &str) -> Result<EnvFilter, TelemetryError> {
    EnvFilter::builder().parse(with_quiet(level)).map_err(|error| TelemetryError::Level {
        given: level.to_owned(),
        reason: error.to_string(),
    })
}

/// The decoders of recordings tell of every file, and of all that is wrong with it; who wants to
/// read that says so.
fn with_quiet(level: &str) -> String {
    if level.contains(DECODERS) { level.to_owned() } else { format!("{level},{DECODERS}=off") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(level: &str, expect: bool) {
        assert_eq!(parse_level(level).is_ok(), expect, "{level}");
    }

    #[test]
    fn levels() {
        check("info", true);
        check("info,supervisor=debug", true);
        check("warn,gateway=trace,hyper=off", true);
        check("gateway=loud", false);
    }

    #[test]
    fn decoders_are_quiet_unless_they_are_named() {
        assert_eq!(with_quiet("info"), "info,symphonia=off");
        assert_eq!(with_quiet("info,symphonia_core=debug"), "info,symphonia_core=debug");
    }
}
