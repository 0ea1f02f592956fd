//! How a command fails: what went wrong, why, and what to do about it.

use std::{error::Error, fmt, io, process::ExitCode};

use client::ClientError;

use crate::output;

/// An error with a remedy.
#[derive(Debug)]
struct Hinted {
    error: anyhow::Error,
    hint: String,
}

impl fmt::Display for Hinted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl Error for Hinted {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error.source()
    }
}

/// Adds a remedy to an error.
pub(crate) trait Hint<T> {
    /// Adds `hint`, which is printed after the causes.
    fn hint(self, hint: impl Into<String>) -> anyhow::Result<T>;
}

impl<T, E: Into<anyhow::Error>> Hint<T> for Result<T, E> {
    fn hint(self, hint: impl Into<String>) -> anyhow::Result<T> {
        self.map_err(|error| Hinted { error: error.into(), hint: hint.into() }.into())
    }
}

/// Prints an error and gives the exit code that goes with it.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    if pipe_is_closed(error) {
        return ExitCode::SUCCESS;
    }
    // Where even standard error is gone, the exit code alone has to do.
    let _ = output::note(describe(error));
    ExitCode::FAILURE
}

/// The error as a person reads it.
pub(crate) fn describe(error: &anyhow::Error) -> String {
    let mut text = format!("error: {error}");
    let mut last = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        // Layers that add nothing repeat the text below them.
        if !last.contains(&cause) {
            text.push_str("\n  caused by: ");
            text.push_str(&cause.replace('\n', "\n    "));
        }
        last = cause;
    }
    for hint in hints(error) {
        text.push_str("\n\nhint: ");
        text.push_str(&hint);
    }
    text
}

fn hints(error: &anyhow::Error) -> Vec<String> {
    let given = error.chain().filter_map(|error| error.downcast_ref::<Hinted>());
    let mut hints: Vec<String> = given.map(|hinted| hinted.hint.clone()).collect();
    let known = error.chain().find_map(|error| error.downcast_ref::<ClientError>());
    hints.extend(known.and_then(client_hint).map(str::to_owned));
    hints
}

fn client_hint(error: &ClientError) -> Option<&'static str> {
    match error {
        ClientError::Unreachable { .. } => Some(
            "start a host with `host --config models.toml`, or name one with `--endpoint http://host:port`",
        ),
        ClientError::Refused { status: 401 | 403, .. } => {
            Some("give a key with `--api-key KEY` or in the variable MODELHOST_API_KEY")
        }
        ClientError::Refused { status: 400 | 404, message, .. }
            if message.contains("not found") =>
        {
            Some("`host list` shows the models that are served")
        }
        ClientError::Refused { status: 503, .. } => {
            Some("`host list` shows the models, and the host's log says how far loading is")
        }
        _ => None,
    }
}

fn pipe_is_closed(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|error| error.downcast_ref::<io::Error>())
        .any(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use anyhow::{Context as _, anyhow};

    use super::*;

    #[track_caller]
    fn check(error: &anyhow::Error, expect: &str) {
        assert_eq!(describe(error), expect);
    }

    #[test]
    fn errors_read_from_what_to_why_to_remedy() {
        let low = || io::Error::other("address in use");
        check(&anyhow!("plain"), "error: plain");
        check(
            &anyhow::Error::from(low()).context("cannot listen"),
            "error: cannot listen\n  caused by: address in use",
        );
        let hinted: anyhow::Result<()> = Err(low()).context("cannot listen").hint("use --listen");
        check(
            &hinted.context("serving failed").unwrap_err(),
            "error: serving failed\n  caused by: cannot listen\n  caused by: address in use\n\nhint: use --listen",
        );
    }

    #[test]
    fn a_reader_that_left_is_no_failure() {
        let gone = anyhow::Error::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert!(pipe_is_closed(&gone.context("printing")));
        assert!(!pipe_is_closed(&anyhow!("other")));
    }
}
