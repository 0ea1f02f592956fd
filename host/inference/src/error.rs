//! What can go wrong with a request, free of any protocol.

use std::time::Duration;

use engine_protocol::{EngineError, ErrorCode};
use plugin_runtime::PluginError;
use supervisor::Cause;

use crate::InvalidCommand;

/// Why a request got no answer, or no whole one.
///
/// The text of each is for the client. What only the operator may see goes to the log where the
/// error arises.
#[derive(Clone, Debug, thiserror::Error)]
pub enum InferenceError {
    /// The request breaks a rule.
    #[error(transparent)]
    Invalid(#[from] InvalidCommand),
    /// The model, its family or its engine cannot do this.
    #[error("{message}")]
    Unsupported {
        /// What it cannot do, and what to do instead.
        message: String,
    },
    /// The prompt does not fit into the context.
    #[error("{message}")]
    PromptTooLong {
        /// Both lengths.
        message: String,
    },
    /// There is no such model.
    #[error(
        "Model not found in the model list, uid: {uid}. Available model uids: [{}]",
        quoted(available)
    )]
    UnknownModel {
        /// The uid asked for.
        uid: String,
        /// The uids that there are.
        available: Vec<String>,
    },
    /// The model is on its way.
    #[error(
        "Model is loading, please retry later: model {uid} is launching, not yet ready for inference"
    )]
    Loading {
        /// The model.
        uid: String,
        /// Seconds after which to ask again.
        retry_after: u32,
    },
    /// The model is listed, but it does not serve.
    #[error("model `{uid}` does not serve: {cause}")]
    ModelFailed {
        /// The model.
        uid: String,
        /// Why.
        cause: String,
    },
    /// Too many requests wait already.
    #[error("{message}")]
    Overloaded {
        /// What is full.
        message: String,
        /// Seconds after which a place should be free.
        retry_after: u32,
    },
    /// Other work has the machine, so that not even the prompt could be rendered.
    #[error(
        "the machine is too busy to render the request: its cores have been taken by other work \
         for {} s; ask again", waited.as_secs().max(1)
    )]
    Starved {
        /// How long.
        waited: Duration,
    },
    /// The worker ended while it answered.
    #[error("the worker of model `{uid}` ended while it answered: {cause}")]
    WorkerDied {
        /// The model.
        uid: String,
        /// How it ended, without what its log says.
        cause: String,
    },
    /// The consumer did not take the reply in time.
    #[error("the reply was not read fast enough and was given up: {message}")]
    SlowConsumer {
        /// How much was waiting.
        message: String,
    },
    /// The family plugin broke.
    #[error(
        "the family plugin `{family}` failed at this request; the cause is in the host's log under this request's id"
    )]
    PluginFailed {
        /// The plugin.
        family: String,
    },
    /// The engine broke without ending.
    #[error(
        "the engine of model `{uid}` failed at this request; the cause is in the host's log under this request's id"
    )]
    EngineFailed {
        /// The model.
        uid: String,
    },
    /// The host could not keep or read a recording.
    #[error(
        "the recording could not be kept or read; the cause is in the host's log under this request's id"
    )]
    AudioFailed,
    /// The disk has no room for a recording.
    #[error(
        "the host has no room on its disk to keep the recording: send a smaller one, or ask again later; its operator can make room or set TMPDIR to another disk"
    )]
    NoRoom,
    /// The host is going down.
    #[error("the host is shutting down; ask again when it is back")]
    ShuttingDown,
}

fn quoted(uids: &[String]) -> String {
    uids.iter().map(|uid| format!("'{uid}'")).collect::<Vec<_>>().join(", ")
}

impl InferenceError {
    /// A short word for metrics and for clients that look at codes.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "invalid_request",
            Self::Unsupported { .. } => "unsupported",
            Self::PromptTooLong { .. } => "context_length_exceeded",
            Self::UnknownModel { .. } => "model_not_found",
            Self::Loading { .. } => "model_loading",
            Self::ModelFailed { .. } => "model_failed",
            Self::Overloaded { .. } | Self::Starved { .. } => "overloaded",
            Self::WorkerDied { .. } => "worker_died",
            Self::SlowConsumer { .. } => "slow_consumer",
            Self::PluginFailed { .. } => "plugin_failed",
            Self::EngineFailed { .. } => "engine_failed",
            Self::AudioFailed => "audio_failed",
            Self::NoRoom => "out_of_space",
            Self::ShuttingDown => "shutting_down",
        }
    }

    /// Seconds after which the same request may succeed.
    pub fn retry_after(&self) -> Option<u32> {
        match self {
            Self::Loading { retry_after, .. } | Self::Overloaded { retry_after, .. } => {
                Some(*retry_after)
            }
            Self::WorkerDied { .. } | Self::Starved { .. } | Self::ShuttingDown => Some(5),
            Self::NoRoom => Some(60),
            _ => None,
        }
    }

    /// Too many requests wait for a model; clients know the first words from Xinference.
    pub(crate) fn overloaded(uid: &str, why: &str, retry_after: u32) -> Self {
        let message = format!("Rate limit reached for the model `{uid}`: {why}");
        Self::Overloaded { message, retry_after }
    }

    /// A plugin's failure at a request; faults of its own are logged here and masked.
    pub(crate) fn from_plugin(family: &str, call: &'static str, error: &PluginError) -> Self {
        match error {
            PluginError::Unsupported(message) => Self::Unsupported { message: message.clone() },
            PluginError::Invalid(message) => Self::Invalid(InvalidCommand::whole(message.clone())),
            PluginError::UnknownFamily { .. } | PluginError::LacksAbility { .. } => {
                Self::Unsupported { message: error.to_string() }
            }
            PluginError::Busy { .. } | PluginError::Compiling { .. } => {
                Self::Overloaded { message: error.to_string(), retry_after: 1 }
            }
            PluginError::Starved { waited, .. } => {
                tracing::warn!(family, call, %error, "a plugin got no core");
                Self::Starved { waited: *waited }
            }
            limit @ (PluginError::TimedOut { .. }
            | PluginError::OutOfMemory { .. }
            | PluginError::TooDeep { .. }
            | PluginError::OutputTooLarge { .. })
                if call == "render" =>
            {
                tracing::warn!(family, call, error = %limit, "a conversation is over a limit");
                Self::Unsupported {
                    message: format!(
                        "the conversation cannot be rendered: {limit}; if a short conversation \
                         fails as well, the model's chat template is at fault"
                    ),
                }
            }
            fault => {
                tracing::error!(family, call, error = %fault, "a family plugin failed");
                Self::PluginFailed { family: family.to_owned() }
            }
        }
    }

    /// An engine's failure at a request; faults of its own are logged here and masked.
    pub(crate) fn from_engine(uid: &str, error: EngineError) -> Self {
        let EngineError { code, message, retry_after } = error;
        match code {
            ErrorCode::Invalid | ErrorCode::InvalidConstraint => {
                Self::Invalid(InvalidCommand::whole(message))
            }
            ErrorCode::PromptTooLong => Self::PromptTooLong { message },
            ErrorCode::Unsupported => Self::Unsupported { message },
            ErrorCode::Overloaded => {
                Self::overloaded(uid, &message, retry_after.unwrap_or(1).max(1))
            }
            ErrorCode::LoadFailed => {
                tracing::error!(model = uid, error = message, "the engine has no model");
                let cause = Cause::told(message).brief().to_owned();
                Self::ModelFailed { uid: uid.to_owned(), cause }
            }
            ErrorCode::Internal => {
                tracing::error!(model = uid, error = message, "the engine failed at a request");
                Self::EngineFailed { uid: uid.to_owned() }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(error: &PluginError, expect: &str, retry_after: Option<u32>) {
        let error = InferenceError::from_plugin("echo", "render", error);
        assert_eq!((error.code(), error.retry_after()), (expect, retry_after), "{error}");
    }

    #[test]
    fn a_machine_that_is_too_busy_is_told_apart_from_a_request_that_is_too_much() {
        let (plugin, call) = ("echo 1.0.0".to_owned(), "chat");
        let limit = Duration::from_millis(200);
        let waited = limit * 10;
        check(&PluginError::TimedOut { plugin: plugin.clone(), call, limit }, "unsupported", None);
        check(&PluginError::Starved { plugin, call, limit, waited }, "overloaded", Some(5));
        check(&PluginError::Busy { limit: 1000 }, "overloaded", Some(1));
    }
}
