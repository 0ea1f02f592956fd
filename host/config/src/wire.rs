//! The file as it is written; the documentation of each key is the manual.
//!
//! Every key may be missing, unless it says otherwise. What is read here is checked and turned into
//! [`crate::Settings`] by `validate`.

use std::{collections::BTreeMap, path::PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use crate::values::{ByteSize, Engine, Family, GpuLayers, Listen, Name, Period};

/// The models to serve, and how to serve them.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(title = "models.toml")]
pub(crate) struct File {
    /// How the host is reached.
    pub(crate) server: Server,
    /// Where families come from, and what their plugins may use.
    pub(crate) plugins: Plugins,
    /// What runs weights.
    pub(crate) engines: Engines,
    /// What the host says of itself.
    pub(crate) log: Log,
    /// A model to serve; write one `[[model]]` table for each.
    pub(crate) model: Vec<Model>,
}

/// How the host is reached.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Server {
    /// The IP address and port of the REST interface.
    ///
    /// An address that other machines can reach is refused unless there are keys.
    #[schemars(with = "String", extend("default" = "127.0.0.1:9997", "examples" = ["0.0.0.0:9997"]))]
    pub(crate) listen: Option<Spanned<Listen>>,
    /// Keys of which clients must send one, as `Authorization: Bearer KEY`.
    ///
    /// Each has 8 to 256 printable characters without spaces. Prefer `api-key-file`, which keeps
    /// them out of this file. Without keys every client is let in.
    #[schemars(with = "Vec<String>", extend("examples" = [["sk-change-me-please"]]))]
    pub(crate) api_keys: Vec<Spanned<String>>,
    /// A file with one key per line, beside those in `api-keys`; `#` begins a comment.
    #[schemars(with = "String", extend("examples" = ["keys.txt"]))]
    pub(crate) api_key_file: Option<Spanned<PathBuf>>,
    /// The size that a request's body may have; a larger one is answered 413.
    #[schemars(with = "String", extend("default" = "16MB", "examples" = ["64MB"]))]
    pub(crate) max_body: Option<Spanned<ByteSize>>,
    /// The size that an upload of a recording may have, from 1KB to 16GB; a larger one is answered
    /// 413. Uploads that outgrow a little memory wait in an unnamed temporary file.
    #[schemars(with = "String", extend("default" = "200MB", "examples" = ["1GB"]))]
    pub(crate) max_upload: Option<Spanned<ByteSize>>,
    /// The time that a request's body may take to arrive, from 100ms to 24h; a slower one is
    /// answered 408. The headers before it always have 20 seconds. An upload of a recording may take
    /// longer, as long as 16 KiB of it come in a second on average.
    #[schemars(with = "String", extend("default" = "2m", "examples" = ["30s"]))]
    pub(crate) arrival_timeout: Option<Spanned<Period>>,
    /// The time that running requests get to end when the host is stopped.
    #[schemars(with = "String", extend("default" = "30s", "examples" = ["2m"]))]
    pub(crate) drain_timeout: Option<Spanned<Period>>,
    /// The number of requests that may be under way at once; more are answered 429. From 1 to
    /// 65536.
    #[schemars(with = "u32", extend("default" = 1024, "examples" = [256]))]
    pub(crate) max_concurrent_requests: Option<Spanned<u32>>,
    /// The number of connections that may be open at once; more are answered 503 and closed. From
    /// 1 to 65536.
    #[schemars(with = "u32", extend("default" = 2048, "examples" = [512]))]
    pub(crate) max_connections: Option<Spanned<u32>>,
    /// Further names by which browsers and other clients reach the server when it listens on a
    /// loopback address, as behind a proxy that passes on its public name.
    ///
    /// Such a server answers to IP addresses, to names without a dot, and to names that end in
    /// `.localhost`, `.local`, `.internal`, `.lan`, `.home`, `.home.arpa` or `.intranet`. It refuses
    /// every other name with 403 unless it is listed here, so that no web page gets at it through a
    /// name of its own that points to this machine. Where the server listens on another address,
    /// it answers to every name.
    #[schemars(with = "Vec<String>", extend("default" = [], "examples" = [["models.example.org"]]))]
    pub(crate) allowed_hosts: Vec<Spanned<String>>,
    /// The origins of web pages that may call the interface from a browser, beside its own pages.
    ///
    /// Unset: pages that the machine which shows them also serves, such as `http://localhost:3000`,
    /// and those of applications (`app:`, `file:`, `tauri:`, `vscode-webview:`). `*` lets any page
    /// on the internet, as Xinference does, and is safe only with keys; an empty list lets none.
    /// Requests of other pages are answered 403; clients that are no browsers send no origin.
    /// Cookies and other credentials of the browser never go with such a call.
    #[schemars(with = "Vec<String>", extend("examples" = [["https://chat.example.org"]]))]
    pub(crate) cors_origins: Option<Vec<Spanned<String>>>,
}

/// Where families come from, and what their plugins may use.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Plugins {
    /// The folder that is watched for plugins (`*.wasm`).
    #[schemars(with = "String", extend("default" = "plugins", "examples" = ["/usr/lib/modelhost/plugins"]))]
    pub(crate) dir: Option<Spanned<PathBuf>>,
    /// The folder that keeps compiled plugins, so that the next start is quick; made where missing.
    ///
    /// Unset: a folder of the user's cache.
    #[schemars(with = "String", extend("examples" = ["cache/plugins"]))]
    pub(crate) cache_dir: Option<Spanned<PathBuf>>,
    /// Limits for every call of a plugin; at the limit that one request ends with an error.
    pub(crate) limits: PluginLimits,
}

/// Limits for every call of a plugin.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct PluginLimits {
    /// The memory of one instance, from 1MB to 4GB.
    #[schemars(with = "String", extend("default" = "64MB", "examples" = ["128MB"]))]
    pub(crate) memory: Option<Spanned<ByteSize>>,
    /// The time to recognise a model or to render a prompt, from 1ms to 1m.
    #[schemars(with = "String", extend("default" = "200ms", "examples" = ["1s"]))]
    pub(crate) render_time: Option<Spanned<Period>>,
    /// The time for one call of a reply parser, from 1ms to 1m.
    #[schemars(with = "String", extend("default" = "50ms", "examples" = ["100ms"]))]
    pub(crate) parse_time: Option<Spanned<Period>>,
}

/// What runs weights.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Engines {
    /// The folder with the engines' programs (`engine-llama` and others).
    ///
    /// Unset: the folder of `host` itself.
    #[schemars(with = "String", extend("examples" = ["/usr/lib/modelhost/engines"]))]
    pub(crate) dir: Option<Spanned<PathBuf>>,
    /// The threads of each model that sets none itself, from 1 to 512.
    ///
    /// Unset: the machine's cores.
    #[schemars(with = "u32", extend("examples" = [8]))]
    pub(crate) threads: Option<Spanned<u32>>,
}

/// What the host says of itself.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Log {
    /// The form of a line: for people, or one JSON object each for collectors.
    #[schemars(with = "LogFormat", extend("default" = "text", "examples" = ["json"]))]
    pub(crate) format: Option<LogFormat>,
    /// The least level to be shown (`error`, `warn`, `info`, `debug`, `trace`, or `off`), and
    /// levels for parts of the host after commas.
    #[schemars(with = "String", extend("default" = "info", "examples" = ["info,gateway=debug"]))]
    pub(crate) level: Option<Spanned<String>>,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// A model to serve.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Model {
    /// The name that clients use: 1 to 100 letters, digits, `.`, `_` and `-`; each model has its
    /// own. Required.
    #[schemars(with = "String", extend("examples" = ["assistant"]))]
    pub(crate) name: Spanned<Name>,
    /// The file with the weights, GGUF for language models and ggml (`.bin`) for whisper; a relative
    /// path begins at the folder of this file. Required.
    #[schemars(with = "String", extend("examples" = ["models/assistant-7b.Q4_K_M.gguf"]))]
    pub(crate) path: Spanned<PathBuf>,
    /// The engine that runs the weights: the program `engine-NAME` in the engines' folder.
    ///
    /// Unset: the one for the file, `llama` for GGUF and `whisper` for ggml.
    #[serde(default)]
    #[schemars(with = "String", extend("examples" = ["llama"]))]
    pub(crate) engine: Option<Engine>,
    /// What the model is for, as lists show it.
    ///
    /// Unset: what the weights say of themselves.
    #[serde(default)]
    #[schemars(with = "String", extend("examples" = ["Answers questions about our products"]))]
    pub(crate) description: Option<String>,
    /// The family, whose plugin makes prompts and reads replies.
    ///
    /// Unset: the plugin that recognises the weights.
    #[serde(default)]
    #[schemars(with = "String", extend("examples" = ["my-family"]))]
    pub(crate) family: Option<Family>,
    /// Options for the family; which ones there are, its plugin says.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>", extend("examples" = [{"style": "v1.1"}]))]
    pub(crate) family_options: BTreeMap<String, String>,
    /// Where reasoning goes in replies: `content` leaves it in the text with its tags, as
    /// Xinference does; `separate` makes it `reasoning_content`.
    #[serde(default)]
    #[schemars(with = "Reasoning", extend("default" = "content", "examples" = ["separate"]))]
    pub(crate) reasoning: Option<Reasoning>,
    /// The greatest number of tokens in one sequence, prompt and completion together, from 16 to
    /// 16777216.
    ///
    /// Unset: what the weights declare.
    #[serde(default)]
    #[schemars(with = "u32", extend("examples" = [8192]))]
    pub(crate) context_length: Option<Spanned<u32>>,
    /// The greatest number of tokens in a completion whose request sets none, from 1 to 16777216.
    ///
    /// Unset: what the context has room for.
    #[serde(default)]
    #[schemars(with = "u32", extend("examples" = [1024]))]
    pub(crate) max_tokens: Option<Spanned<u32>>,
    /// The greatest number of sequences that are generated at once, from 1 to 192.
    #[serde(default)]
    #[schemars(with = "u32", extend("default" = 16, "examples" = [4]))]
    pub(crate) parallel: Option<Spanned<u32>>,
    /// The tokens of all sequences that fit into the KV cache together, from 16 to 16777216; a
    /// number below the context length is raised to it.
    ///
    /// Unset: enough for one full context, or for `parallel` sequences of a moderate length.
    #[serde(default)]
    #[schemars(with = "u32", extend("examples" = [32768]))]
    pub(crate) kv_tokens: Option<Spanned<u32>>,
    /// The element type of the KV cache; a smaller one takes less memory and costs some accuracy.
    #[serde(default)]
    #[schemars(with = "KvType", extend("default" = "f16", "examples" = ["q8_0"]))]
    pub(crate) kv_type: Option<KvType>,
    /// The threads for compute, from 1 to 512.
    ///
    /// Unset: what `[engines]` says.
    #[serde(default)]
    #[schemars(with = "u32", extend("examples" = [8]))]
    pub(crate) threads: Option<Spanned<u32>>,
    /// The number of layers on the GPU, or `"all"` for all that fit.
    #[serde(default)]
    #[schemars(schema_with = "gpu_layers_schema")]
    pub(crate) gpu_layers: Option<GpuLayers>,
    /// The number of requests that may wait for a place; more are answered 429 at once. From 0 to
    /// 65536.
    #[serde(default)]
    #[schemars(with = "u32", extend("default" = 64, "examples" = [256]))]
    pub(crate) queue: Option<Spanned<u32>>,
    /// The number of workers that serve the model, from 1 to 64; each has its own copy of it.
    #[serde(default)]
    #[schemars(with = "u32", extend("default" = 1, "examples" = [2]))]
    pub(crate) replicas: Option<Spanned<u32>>,
    /// The time that a worker which has loaded the model may be silent before it is taken for hung
    /// and started again, from 5s to 1h.
    #[serde(default)]
    #[schemars(with = "String", extend("default" = "30s", "examples" = ["2m"]))]
    pub(crate) hang_after: Option<Spanned<Period>>,
    /// The number of crashes within ten minutes, from 1 to 1000, after which a worker is started
    /// again only when ten minutes have passed. One that has been ready for two minutes begins anew.
    #[serde(default)]
    #[schemars(with = "u32", extend("default" = 5, "examples" = [20]))]
    pub(crate) max_crashes: Option<Spanned<u32>>,
    /// The time that one engine step should take while other sequences wait, from 1ms to 10s.
    ///
    /// Shorter steps let answers flow more evenly while long prompts are read, and read these more
    /// slowly.
    #[serde(default)]
    #[schemars(with = "String", extend("default" = "100ms", "examples" = ["50ms"]))]
    pub(crate) step_target: Option<Spanned<Period>>,
    /// Whether the weights are mapped from the file rather than read into memory.
    #[serde(default)]
    #[schemars(with = "bool", extend("default" = true, "examples" = [false]))]
    pub(crate) mmap: Option<bool>,
    /// LoRA adapters that requests may choose by name.
    #[serde(default)]
    #[schemars(extend("examples" = [[{"name": "sql", "path": "models/sql-lora.gguf", "scale": 0.8}]]))]
    pub(crate) lora: Vec<Lora>,
    /// The file of a voice activity detector for a speech model: a silero model converted by
    /// whisper.cpp. Recordings are cut at the pauses that it finds.
    ///
    /// Unset: pauses are found by their loudness.
    #[serde(default)]
    #[schemars(with = "String", extend("examples" = ["models/ggml-silero-v6.2.0.bin"]))]
    pub(crate) vad: Option<Spanned<PathBuf>>,
    /// The longest recording that a speech model takes, in seconds, from 1 to 604800; a longer one
    /// is answered 400.
    #[serde(default)]
    #[schemars(with = "u32", extend("default" = 21600, "examples" = [3600]))]
    pub(crate) audio_seconds: Option<Spanned<u32>>,
    /// How much a speech model's encoder hears at once: `full`, the thirty seconds that whisper
    /// models are trained with, or `fit`, as much as there is.
    ///
    /// `fit` is several times as fast for short recordings, and right for models that were trained
    /// for it, as the demo model `digits`; others mishear with it.
    #[serde(default)]
    #[schemars(with = "AudioContext", extend("default" = "full", "examples" = ["fit"]))]
    pub(crate) audio_context: Option<AudioContext>,
    /// Sampling for requests that set none; what is unset here, the family advises.
    #[serde(default)]
    pub(crate) sampling: Sampling,
}

/// A LoRA adapter.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Lora {
    /// The name by which requests choose it; unique within the model. Required.
    #[schemars(with = "String", extend("examples" = ["sql"]))]
    pub(crate) name: Spanned<Name>,
    /// The adapter's GGUF file. Required.
    #[schemars(with = "String", extend("examples" = ["models/sql-lora.gguf"]))]
    pub(crate) path: Spanned<PathBuf>,
    /// How strongly it applies, from -16 to 16.
    #[serde(default)]
    #[schemars(with = "f32", extend("default" = 1.0, "examples" = [0.8]))]
    pub(crate) scale: Option<Spanned<f32>>,
}

/// Sampling for requests that set none.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Sampling {
    /// How freely tokens are chosen; 0 always takes the likeliest.
    #[schemars(with = "f32", extend("examples" = [0.7]))]
    pub(crate) temperature: Option<Spanned<f32>>,
    /// The number of likeliest tokens to choose from; 0: all.
    #[schemars(with = "u32", extend("examples" = [40]))]
    pub(crate) top_k: Option<Spanned<u32>>,
    /// The likeliest tokens that together have this probability, from 0 to 1.
    #[schemars(with = "f32", extend("examples" = [0.95]))]
    pub(crate) top_p: Option<Spanned<f32>>,
    /// The least probability relative to the likeliest token's, from 0 to 1.
    #[schemars(with = "f32", extend("examples" = [0.05]))]
    pub(crate) min_p: Option<Spanned<f32>>,
    /// Locally typical sampling, from 0 to 1; 1 is off.
    #[schemars(with = "f32", extend("examples" = [0.9]))]
    pub(crate) typical_p: Option<Spanned<f32>>,
    /// Divides the scores of tokens seen lately; 1 is off.
    #[schemars(with = "f32", extend("examples" = [1.1]))]
    pub(crate) repetition_penalty: Option<Spanned<f32>>,
    /// The number of tokens that penalties look back.
    #[schemars(with = "u32", extend("examples" = [64]))]
    pub(crate) penalty_window: Option<Spanned<u32>>,
    /// Subtracted from a token's score for each time it occurred.
    #[schemars(with = "f32", extend("examples" = [0.2]))]
    pub(crate) frequency_penalty: Option<Spanned<f32>>,
    /// Subtracted from a token's score once it has occurred.
    #[schemars(with = "f32", extend("examples" = [0.2]))]
    pub(crate) presence_penalty: Option<Spanned<f32>>,
    /// The random seed; with it, equal requests get equal replies.
    #[schemars(with = "u32", extend("examples" = [42]))]
    pub(crate) seed: Option<u32>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(crate) enum Reasoning {
    Content,
    Separate,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(crate) enum AudioContext {
    Full,
    Fit,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(crate) enum KvType {
    F16,
    #[serde(rename = "q8_0")]
    Q8,
    #[serde(rename = "q4_0")]
    Q4,
    F32,
}

fn gpu_layers_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "anyOf": [{ "type": "integer", "minimum": 0, "maximum": 10000 }, { "const": "all" }],
        "default": "all",
        "examples": [20],
    })
}
