//! Why a template gave no prompt.

use std::error::Error as _;
use std::fmt;

use minijinja::value::Value;
use minijinja::{Error, ErrorKind};
use plugin_sdk::{Error as Failure, log};

use crate::twins::Twins;

/// What a template said with `raise_exception`.
#[derive(Debug)]
pub(crate) struct Refusal(String);

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refusal {}

impl Refusal {
    /// The error that carries it through the engine.
    pub(crate) fn raise(message: &Value) -> Error {
        let message = message.to_string();
        Error::new(ErrorKind::InvalidOperation, "raise_exception").with_source(Self(message))
    }

    fn in_error(error: &Error) -> Option<&str> {
        let mut next = error.source();
        while let Some(source) = next {
            if let Some(Self(message)) = source.downcast_ref() {
                return Some(message);
            }
            next = source.source();
        }
        None
    }
}

/// What the client is told; `fuel` is the limit that the template had.
///
/// What is the template's own fault is for the operator too.
pub(crate) fn failure(error: &Error, fuel: u64, model: &str, twins: &Twins) -> Failure {
    let reason = reason(error, fuel);
    let reason = twins.bare(&reason).into_owned();
    if Refusal::in_error(error).is_none() {
        log::warn(&format!("model `{model}`: {reason}"));
    }
    Failure::InvalidRequest(reason)
}

/// What the client is told of a prompt that is longer than `bytes`.
pub(crate) fn too_long(bytes: usize) -> Failure {
    Failure::InvalidRequest(format!(
        "the model's chat template writes more than {bytes} bytes for this conversation"
    ))
}

fn reason(error: &Error, fuel: u64) -> String {
    if let Some(message) = Refusal::in_error(error) {
        return format!("the model's chat template refuses this conversation: {message}");
    }
    match error.kind() {
        ErrorKind::OutOfFuel => format!(
            "the model's chat template takes more than {fuel} steps for this conversation; it may \
             have a loop without end"
        ),
        _ => format!(
            "the model's chat template failed: {}; if other conversations fail as well, name a \
             family for the model in its configuration",
            described(error)
        ),
    }
}

/// An error with its place and its causes.
pub(crate) fn described(error: &Error) -> String {
    let mut text = error.kind().to_string();
    if let Some(detail) = error.detail() {
        text = format!("{text}: {detail}");
    }
    if let Some(line) = error.line() {
        text = format!("{text} (line {line})");
    }
    let mut next = error.source();
    while let Some(source) = next {
        text = format!("{text}; {source}");
        next = source.source();
    }
    text
}

/// Whether a template failed because something was not there, as a tool's description may be.
pub(crate) fn is_about_absence(error: &Error) -> bool {
    Refusal::in_error(error).is_none()
        && matches!(error.kind(), ErrorKind::InvalidOperation | ErrorKind::UndefinedError)
        && error.detail().is_none_or(|detail| detail.contains("undefined"))
}

/// Whether a template failed because something was `None`, as absent tools are.
pub(crate) fn is_about_none(error: &Error) -> bool {
    Refusal::in_error(error).is_none()
        && matches!(error.kind(), ErrorKind::InvalidOperation | ErrorKind::UndefinedError)
        && error.detail().is_some_and(|detail| detail.contains("none"))
}

/// The text of an error.
pub(crate) fn told(error: &Failure) -> &str {
    match error {
        Failure::Unsupported(text) | Failure::InvalidRequest(text) | Failure::Internal(text) => {
            text
        }
    }
}
