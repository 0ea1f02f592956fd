//! Loading weights into a worker.

use serde::{Deserialize, Serialize};

/// The element type of the KV cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KvType {
    /// Half precision.
    #[default]
    F16,
    /// Eight bits; needs head dimensions that are multiples of 32.
    Q8_0,
    /// Four bits; needs head dimensions that are multiples of 32.
    Q4_0,
    /// Full precision.
    F32,
}

/// A LoRA adapter to load beside the weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoraAdapter {
    /// The name by which requests choose it.
    pub name: String,
    /// The adapter's GGUF file.
    pub path: String,
    /// How strongly it applies.
    pub scale: f32,
}

/// How a worker runs its model. Since version 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LoadSettings {
    /// The greatest number of tokens in one sequence; 0: what the weights declare.
    pub context_length: u32,
    /// The greatest number of sequences in one batch.
    pub parallel: u32,
    /// Cells of the KV cache, shared by all sequences; 0: enough for one full context or for
    /// `parallel` sequences of a moderate length, whichever is more.
    pub kv_tokens: u32,
    /// The element type of the KV cache.
    pub kv_type: KvType,
    /// Threads for compute; 0: the machine's cores.
    pub threads: u32,
    /// Layers on the GPU; `None`: all that fit.
    pub gpu_layers: Option<u32>,
    /// The time that one engine step may take while others wait, in milliseconds.
    pub step_target_ms: u32,
    /// Requests that may wait for a place; more are refused at once.
    pub queue: u32,
    /// Whether the weights are mapped rather than read.
    pub mmap: bool,
    /// Adapters that requests may choose.
    pub lora: Vec<LoraAdapter>,
    /// The weights of a voice activity detector, for speech models; `None`: pauses are found by
    /// their loudness.
    pub vad: Option<String>,
    /// The longest recording that a speech model takes, in seconds.
    pub audio_seconds: u32,
    /// Whether a speech model's encoder computes a window as long as the sound, rather than the
    /// thirty seconds that models are trained with; for models that are trained for it.
    pub fit_audio_context: bool,
}

impl Default for LoadSettings {
    fn default() -> Self {
        Self {
            context_length: 0,
            parallel: 16,
            kv_tokens: 0,
            kv_type: KvType::default(),
            threads: 0,
            gpu_layers: None,
            step_target_ms: 100,
            queue: 64,
            mmap: true,
            lora: Vec::new(),
            vad: None,
            audio_seconds: 6 * 60 * 60,
            fit_audio_context: false,
        }
    }
}

/// Loads weights; the first message after the greeting, and sent once. Since version 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// The file, already validated by the host.
    pub path: String,
    /// How to run it.
    #[serde(default)]
    pub settings: LoadSettings,
}

/// What a worker says of the model that it has loaded. Since version 1.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LoadedModel {
    /// The greatest number of tokens in one sequence.
    pub context_length: u32,
    /// Cells of the KV cache.
    pub kv_tokens: u32,
    /// The greatest number of sequences in one batch.
    pub parallel: u32,
    /// Parameters of the network.
    pub parameters: u64,
    /// Bytes of weights.
    pub weight_bytes: u64,
    /// The devices that hold them, such as `CPU` or `CUDA0`.
    #[serde(default)]
    pub devices: Vec<String>,
}
