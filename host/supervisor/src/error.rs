//! What the supervisor refuses, and why.

use std::{path::PathBuf, time::Duration};

use engine_protocol::EngineError;
use model::ModelUid;

use crate::Cause;

/// Why the supervisor could not do what was asked, in words for the operator.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SupervisorError {
    /// No model of that name was launched.
    #[error("no model `{uid}` is launched; launched are: {}", names(launched))]
    UnknownModel {
        /// The name asked for.
        uid: ModelUid,
        /// The models that are there.
        launched: Vec<ModelUid>,
    },
    /// A model of that name is there already.
    #[error("a model `{uid}` is launched already: terminate it first, or choose another uid")]
    AlreadyLaunched {
        /// The name.
        uid: ModelUid,
    },
    /// No replica is ready yet.
    #[error("the model `{uid}` is loading ({:.0} %){}: try again in {} s",
        progress * 100.0, after_crash(cause.as_ref()), retry_after.as_secs())]
    Loading {
        /// The model.
        uid: ModelUid,
        /// How far loading is, from 0 to 1.
        progress: f32,
        /// Why the worker before this one died, where it did.
        cause: Option<Cause>,
        /// After how long another try makes sense.
        retry_after: Duration,
    },
    /// The model cannot run, and the supervisor no longer tries.
    #[error("the model `{uid}` does not run: {cause}")]
    ModelFailed {
        /// The model.
        uid: ModelUid,
        /// Why.
        cause: Cause,
    },
    /// Too much waits already.
    #[error("the model `{uid}` has too many requests waiting: try again in {} s", retry_after.as_secs())]
    Overloaded {
        /// The model.
        uid: ModelUid,
        /// After how long another try makes sense.
        retry_after: Duration,
    },
    /// The worker died while it worked on the request.
    #[error("the worker of `{uid}` died while it worked on this request: {cause}")]
    WorkerDied {
        /// The model.
        uid: ModelUid,
        /// Why.
        cause: Cause,
    },
    /// The consumer left more events unread than are kept.
    #[error("the reply was cancelled: its reader left {limit} events unread")]
    NotDrained {
        /// How many events are kept.
        limit: usize,
    },
    /// The model was terminated while it worked on the request.
    #[error("the model `{uid}` was terminated")]
    Terminated {
        /// The model.
        uid: ModelUid,
    },
    /// The engine refused or gave up the request.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The host is about to end.
    #[error("the host is shutting down")]
    ShuttingDown,
    /// The folder for the sockets cannot be used.
    #[error("cannot use the runtime folder `{}`: {reason}", path.display())]
    RuntimeDir {
        /// The folder.
        path: PathBuf,
        /// What stands in the way.
        reason: String,
    },
}

fn names(uids: &[ModelUid]) -> String {
    if uids.is_empty() {
        return "none".into();
    }
    uids.iter().map(ModelUid::as_str).collect::<Vec<_>>().join(", ")
}

fn after_crash(cause: Option<&Cause>) -> String {
    cause.map(|cause| format!(" after this failure: {cause}")).unwrap_or_default()
}
