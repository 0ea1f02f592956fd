//! What the configuration says, once it has been checked.
//!
//! These types are built by this crate alone, so whoever holds one need not check it again.

use std::{fmt, net::SocketAddr, path::PathBuf, time::Duration};

use model::{ModelUid, Sampling};

/// The whole configuration.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Settings {
    /// How the host is reached.
    pub server: Server,
    /// Where families come from.
    pub plugins: Plugins,
    /// What runs weights.
    pub engines: Engines,
    /// What the host says of itself.
    pub log: Log,
    /// The models to serve, in the file's order; hosts may start without any.
    pub models: Vec<ModelSettings>,
}

/// How the host is reached.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Server {
    /// The address and port of the REST interface.
    pub listen: SocketAddr,
    /// Keys that clients must send; empty: none is asked for.
    pub api_keys: Vec<ApiKey>,
    /// Bytes that a request's body may have.
    pub max_body: u64,
    /// Bytes that an upload of a recording may have.
    pub max_upload: u64,
    /// Time that a request's body may take to arrive.
    pub arrival_timeout: Duration,
    /// Time that running requests get when the host stops.
    pub drain_timeout: Duration,
    /// Requests that may be under way at once; more are refused.
    pub max_concurrent_requests: u32,
    /// Connections that may be open at once; more are refused.
    pub max_connections: u32,
    /// Further names that the server answers to when it listens on a loopback address.
    pub allowed_hosts: Vec<String>,
    /// Web pages that may call the interface.
    pub cors: Cors,
}

/// Web pages that may call the REST interface from a browser, beside its own; credentials never go
/// with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cors {
    /// Pages and applications of the machine that shows them.
    Local,
    /// Pages of any origin, as with Xinference.
    Any,
    /// Pages of these origins; empty: none.
    Only(Vec<String>),
}

/// A secret that clients send; it is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(pub(crate) String);

impl ApiKey {
    /// The secret itself, for comparison in constant time.
    pub fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(..)")
    }
}

/// Where families come from, and what their plugins may use.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Plugins {
    /// The folder that is watched for `*.wasm`.
    pub dir: PathBuf,
    /// The folder for compiled plugins; `None`: the runtime's own choice.
    pub cache_dir: Option<PathBuf>,
    /// Bytes of memory for one instance.
    pub memory: u64,
    /// Time to recognise a model or to render a prompt.
    pub render_time: Duration,
    /// Time for one call of a reply parser.
    pub parse_time: Duration,
}

/// What runs weights.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Engines {
    /// The folder with the engines' programs; `None`: beside `host`.
    pub dir: Option<PathBuf>,
    /// Threads for models that set none; `None`: the machine's cores.
    pub threads: Option<u32>,
}

/// What the host says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Log {
    /// The form of a line.
    pub format: LogFormat,
    /// The least level, or filters by target such as `info,gateway=debug`.
    pub level: String,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line, for collectors.
    Json,
}

/// One model to serve.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ModelSettings {
    /// The name that clients use.
    pub name: ModelUid,
    /// The file with the weights; it was there when the configuration was read.
    pub path: PathBuf,
    /// The engine that runs the weights, as its program is named: `engine-NAME`; `None`: the one
    /// for the file.
    pub engine: Option<String>,
    /// What the model is for, in lists.
    pub description: Option<String>,
    /// The family; `None`: the plugin that recognises the weights.
    pub family: Option<String>,
    /// Options for the family.
    pub family_options: Vec<(String, String)>,
    /// Where reasoning goes in replies.
    pub reasoning: Reasoning,
    /// The greatest number of tokens in a sequence; `None`: what the weights declare.
    pub context_length: Option<u32>,
    /// The greatest number of tokens for requests that set none; `None`: what fits.
    pub max_tokens: Option<u32>,
    /// Sequences in one batch.
    pub parallel: u32,
    /// Cells of the KV cache; `None`: the engine's own choice.
    pub kv_tokens: Option<u32>,
    /// The element type of the KV cache.
    pub kv_type: KvType,
    /// Threads for compute; `None`: the machine's cores.
    pub threads: Option<u32>,
    /// Layers on the GPU; `None`: all that fit.
    pub gpu_layers: Option<u32>,
    /// Requests that may wait for a place; more are refused at once.
    pub queue: u32,
    /// Workers that serve the model.
    pub replicas: u32,
    /// Time that a ready worker may be silent before it is taken for hung.
    pub hang_after: Duration,
    /// Crashes after which a worker is not started again.
    pub max_crashes: u32,
    /// Time that one engine step may take while others wait.
    pub step_target: Duration,
    /// Whether weights are mapped rather than read into memory.
    pub mmap: bool,
    /// Adapters that requests may choose.
    pub lora: Vec<Lora>,
    /// The file of a voice activity detector, for speech models.
    pub vad: Option<PathBuf>,
    /// The longest recording that a speech model takes, in seconds.
    pub audio_seconds: u32,
    /// Whether a speech model's encoder computes a window as long as the sound.
    pub fit_audio_context: bool,
    /// Sampling where the client sets none.
    pub sampling: Sampling,
}

/// Where reasoning goes in replies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reasoning {
    /// It stays in `content`, in its tags, as Xinference does it.
    Content,
    /// It becomes `reasoning_content`.
    Separate,
}

/// The element type of the KV cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KvType {
    /// Half precision.
    F16,
    /// Eight bits.
    Q8_0,
    /// Four bits.
    Q4_0,
    /// Full precision.
    F32,
}

/// A LoRA adapter beside a model.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Lora {
    /// The name by which requests choose it.
    pub name: ModelUid,
    /// Its file.
    pub path: PathBuf,
    /// How strongly it applies.
    pub scale: f32,
}
