//! A model that the operator wants served.

use std::{path::PathBuf, time::Duration};

use engine_protocol::LoadSettings;
use model::{ModelUid, Sampling};
use supervisor::RestartPolicy;

use crate::ReasoningMode;

/// The executable that runs a model's weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineProgram {
    /// The engine's name as clients see it, such as `llama.cpp`.
    pub name: String,
    /// The executable.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// Environment variables for it.
    pub env: Vec<(String, String)>,
}

/// A model that the operator wants served, and how.
#[derive(Clone, Debug)]
pub struct ModelDefinition {
    /// The name under which requests reach it.
    pub uid: ModelUid,
    /// The weights.
    pub path: PathBuf,
    /// What runs them.
    pub engine: EngineProgram,
    /// The family to use; `None`: the one that recognises the weights.
    pub family: Option<String>,
    /// Options for the family.
    pub family_options: Vec<(String, String)>,
    /// How the engine loads and runs the weights; a `context_length` of 0 is what they declare.
    pub settings: LoadSettings,
    /// How many workers hold the model.
    pub replicas: u32,
    /// What happens when a worker dies.
    pub restart: RestartPolicy,
    /// How long a ready worker may be silent before it is taken for hung.
    pub hang_after: Duration,
    /// Sampling for requests that set none.
    pub sampling: Sampling,
    /// The greatest number of tokens for requests that set none.
    pub max_tokens: Option<u32>,
    /// Where the model's reasoning goes.
    pub reasoning: ReasoningMode,
    /// A text for lists; `None`: what the weights say of themselves.
    pub description: Option<String>,
}

impl ModelDefinition {
    /// A model with one replica and the usual settings.
    pub fn new(uid: ModelUid, path: impl Into<PathBuf>, engine: EngineProgram) -> Self {
        Self {
            uid,
            path: path.into(),
            engine,
            family: None,
            family_options: Vec::new(),
            settings: LoadSettings::default(),
            replicas: 1,
            restart: RestartPolicy::default(),
            hang_after: Duration::from_secs(30),
            sampling: Sampling::default(),
            max_tokens: None,
            reasoning: ReasoningMode::default(),
            description: None,
        }
    }
}
