//! Models that a host serves.

use serde::Deserialize;
use serde_json::{Map, Value};

/// What a host says of one model.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ModelDescription {
    /// The uid; empty where the route already names it.
    pub id: String,
    /// `LLM`, `embedding`, `rerank`, `audio`, ...
    pub model_type: String,
    /// The model's own name.
    pub model_name: String,
    /// The plugin that drives it.
    pub model_family: Option<String>,
    /// What it can be asked for.
    pub model_ability: Vec<String>,
    /// Such as `ggufv2`.
    pub model_format: Option<String>,
    /// Such as `7` or `0_5`; a number in some hosts.
    pub model_size_in_billions: Value,
    /// Such as `Q4_K_M`.
    pub quantization: Option<String>,
    /// The greatest number of tokens in one sequence.
    pub context_length: Option<u64>,
    /// Every other field.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl ModelDescription {
    /// The size as text, empty where it is not known.
    pub fn size(&self) -> String {
        match &self.model_size_in_billions {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct ModelList {
    pub(crate) data: Vec<ModelDescription>,
}
