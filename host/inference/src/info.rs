//! What can be said of a served model.

use std::time::SystemTime;

use engine_protocol::{LoadedModel, WorkerStats};
use model::{Ability, ModelUid};
use supervisor::{Cause, ModelState};

/// One worker, as lists show it.
#[derive(Clone, Debug)]
pub struct ReplicaStatus {
    /// Its number within the model, from 0.
    pub index: u32,
    /// Where it is in its life.
    pub state: ModelState,
    /// How far loading is, from 0 to 1.
    pub progress: f32,
    /// Why it does not run, or why the worker before it died, in words for clients.
    pub error: Option<String>,
    /// The process, while there is one.
    pub pid: Option<u32>,
    /// What the engine says of the model, once it is loaded.
    pub loaded: Option<LoadedModel>,
    /// Requests that this replica works on.
    pub in_flight: usize,
    /// How often it was started again.
    pub restarts: u32,
    /// When it came into this state.
    pub since: SystemTime,
}

impl From<supervisor::ReplicaStatus> for ReplicaStatus {
    fn from(status: supervisor::ReplicaStatus) -> Self {
        Self {
            index: status.index,
            state: status.state,
            progress: status.progress,
            error: status.error.as_ref().map(brief),
            pid: status.pid,
            loaded: status.loaded,
            in_flight: status.in_flight,
            restarts: status.restarts,
            since: status.since,
        }
    }
}

/// A cause in words for clients.
pub(crate) fn brief(cause: &Cause) -> String {
    cause.brief().to_owned()
}

/// Everything that lists and descriptions show of one model.
#[derive(Clone, Debug)]
pub struct ModelInfo {
    /// The name under which requests reach it.
    pub uid: ModelUid,
    /// The name that the weights bear, else the uid.
    pub name: String,
    /// Where it is in its life.
    pub state: ModelState,
    /// How far loading is, from 0 to 1.
    pub progress: f32,
    /// Why it does not serve, or why its last worker died, in words for clients.
    pub error: Option<String>,
    /// Whether it has answered since it was added; a model that has is worth waiting for.
    pub has_served: bool,
    /// Seconds after which to ask again while it is not ready.
    pub retry_after: u32,
    /// Since when it is in this state.
    pub since: SystemTime,
    /// When it was added.
    pub added: SystemTime,
    /// What it can be asked for.
    pub abilities: Vec<Ability>,
    /// Whether the weights are of a speech model, whatever drives them.
    pub hears: bool,
    /// What its family adds: `tools`, `reasoning`, `hybrid`, ...
    pub features: Vec<String>,
    /// The family that drives it.
    pub family: Option<String>,
    /// The version or style within that family.
    pub style: String,
    /// Why that family was chosen, or why none was.
    pub family_reason: String,
    /// The network that the weights declare.
    pub architecture: String,
    /// The engine's name, such as `llama.cpp`.
    pub engine: String,
    /// The weights' format, such as `ggufv2`.
    pub format: String,
    /// Such as `Q4_K_M`.
    pub quantization: String,
    /// Such as `7` or `0_5`.
    pub size_in_billions: String,
    /// Languages that the weights name.
    pub languages: Vec<String>,
    /// A text for lists.
    pub description: Option<String>,
    /// The greatest number of tokens in one sequence.
    pub context_length: u32,
    /// How many workers are wanted.
    pub replica: u32,
    /// The workers that there are.
    pub replicas: Vec<ReplicaStatus>,
    /// How often workers were started again.
    pub restarts: u32,
    /// Devices that hold the weights, such as `CPU` or `CUDA0`.
    pub devices: Vec<String>,
    /// The engines' figures.
    pub stats: WorkerStats,
}

impl ModelInfo {
    /// Whether requests are answered.
    pub fn is_ready(&self) -> bool {
        self.state == ModelState::Ready
    }

    /// Whether requests will be answered soon.
    pub fn is_loading(&self) -> bool {
        matches!(self.state, ModelState::Creating | ModelState::Loading)
    }
}
