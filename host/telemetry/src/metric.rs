//! The name of every metric, with its help text and, for histograms, its buckets.

use metrics::{describe_counter, describe_gauge, describe_histogram};

/// Requests that a model was asked, by `model` and `ability`.
pub const REQUESTS: &str = "modelhost_requests_total";
/// Requests that ended in an error, by `model` and `code`.
pub const REQUEST_ERRORS: &str = "modelhost_request_errors_total";
/// Requests being answered, by `model`.
pub const IN_FLIGHT: &str = "modelhost_requests_in_flight";
/// From a request's arrival to the end of its reply, by `model`.
pub const REQUEST_SECONDS: &str = "modelhost_request_duration_seconds";
/// Prompt tokens, by `model`.
pub const PROMPT_TOKENS: &str = "modelhost_prompt_tokens_total";
/// Prompt tokens that came from the KV cache, by `model`.
pub const CACHED_TOKENS: &str = "modelhost_cached_tokens_total";
/// Generated tokens, by `model`.
pub const COMPLETION_TOKENS: &str = "modelhost_completion_tokens_total";
/// From a request's arrival to its first token, by `model`.
pub const FIRST_TOKEN_SECONDS: &str = "modelhost_time_to_first_token_seconds";
/// Between two tokens of one sequence, by `model`.
pub const INTER_TOKEN_SECONDS: &str = "modelhost_inter_token_seconds";
/// Seconds of audio that were written down, by `model`.
pub const AUDIO_SECONDS: &str = "modelhost_audio_seconds_total";
/// Seconds that a transcription took for each second of its audio, by `model`.
pub const REAL_TIME_FACTOR: &str = "modelhost_real_time_factor";
/// Requests waiting for a place in the worker, by `model`.
pub const QUEUE_DEPTH: &str = "modelhost_queue_depth";
/// Sequences being generated, by `model`.
pub const RUNNING_SEQUENCES: &str = "modelhost_running_sequences";
/// KV cells in use, by `model`.
pub const KV_USED: &str = "modelhost_kv_cells_used";
/// KV cells in all, by `model`.
pub const KV_TOTAL: &str = "modelhost_kv_cells";
/// 1 where a model answers, by `model` and `state`.
pub const MODEL_STATE: &str = "modelhost_model_state";
/// How often a model's workers were started again, by `model`.
pub const WORKER_RESTARTS: &str = "modelhost_worker_restarts_total";
/// Calls into plugins, by `family` and `call`.
pub const PLUGIN_CALLS: &str = "modelhost_plugin_calls_total";
/// Calls into plugins that failed, by `family` and `call`.
pub const PLUGIN_ERRORS: &str = "modelhost_plugin_errors_total";
/// How long calls into plugins take, by `family` and `call`.
pub const PLUGIN_SECONDS: &str = "modelhost_plugin_call_seconds";
/// HTTP requests, by `method`, `route` and `status`.
pub const HTTP_REQUESTS: &str = "modelhost_http_requests_total";
/// From an HTTP request's arrival to its response's first byte, by `route`.
pub const HTTP_SECONDS: &str = "modelhost_http_request_seconds";
/// Open connections.
pub const HTTP_CONNECTIONS: &str = "modelhost_http_connections";
/// Seconds since the host started.
pub const UPTIME_SECONDS: &str = "modelhost_uptime_seconds";
/// Always 1, by `version`.
pub const BUILD_INFO: &str = "modelhost_build_info";

/// Buckets for whole requests: as Xinference's dashboards expect them, and three for answers that
/// need no model.
const LONG: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
    120.0, 600.0,
];
/// Buckets for single tokens.
const TOKEN: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];
/// Buckets for work inside the host.
const SHORT: &[f64] =
    &[0.000_02, 0.000_05, 0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25];

/// Buckets for times in relation to what they were spent on.
const FACTOR: &[f64] = &[0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0];

/// The upper bounds of a histogram's buckets.
pub(crate) fn bounds(name: &str) -> &'static [f64] {
    let known = HISTOGRAMS.iter().find(|(known, _)| *known == name);
    known.map_or(LONG, |(_, bounds)| *bounds)
}

/// Every histogram and its buckets.
const HISTOGRAMS: &[(&str, &[f64])] = &[
    (REQUEST_SECONDS, LONG),
    (FIRST_TOKEN_SECONDS, LONG),
    (HTTP_SECONDS, LONG),
    (INTER_TOKEN_SECONDS, TOKEN),
    (PLUGIN_SECONDS, SHORT),
    (REAL_TIME_FACTOR, FACTOR),
];

/// Gives the installed recorder the help text of every metric.
pub(crate) fn describe() {
    describe_counter!(REQUESTS, "Requests that a model was asked.");
    describe_counter!(REQUEST_ERRORS, "Requests that ended in an error, by its code.");
    describe_gauge!(IN_FLIGHT, "Requests being answered.");
    describe_histogram!(REQUEST_SECONDS, "From a request's arrival to the end of its reply.");
    describe_counter!(PROMPT_TOKENS, "Prompt tokens.");
    describe_counter!(CACHED_TOKENS, "Prompt tokens that came from the KV cache.");
    describe_counter!(COMPLETION_TOKENS, "Generated tokens.");
    describe_histogram!(FIRST_TOKEN_SECONDS, "From a request's arrival to its first token.");
    describe_histogram!(INTER_TOKEN_SECONDS, "Between two tokens of one sequence.");
    describe_counter!(AUDIO_SECONDS, "Seconds of audio that were written down.");
    describe_histogram!(REAL_TIME_FACTOR, "Seconds spent for each second of audio.");
    describe_gauge!(QUEUE_DEPTH, "Requests waiting for a place in the worker.");
    describe_gauge!(RUNNING_SEQUENCES, "Sequences being generated.");
    describe_gauge!(KV_USED, "KV cells in use, cached prefixes included.");
    describe_gauge!(KV_TOTAL, "KV cells in all.");
    describe_gauge!(MODEL_STATE, "1 for the state that a model is in.");
    describe_counter!(WORKER_RESTARTS, "How often a model's workers were started again.");
    describe_counter!(PLUGIN_CALLS, "Calls into family plugins.");
    describe_counter!(PLUGIN_ERRORS, "Calls into family plugins that failed.");
    describe_histogram!(PLUGIN_SECONDS, "How long calls into family plugins take.");
    describe_counter!(HTTP_REQUESTS, "HTTP requests.");
    describe_histogram!(HTTP_SECONDS, "From an HTTP request's arrival to its response's head.");
    describe_gauge!(HTTP_CONNECTIONS, "Open connections.");
    describe_gauge!(UPTIME_SECONDS, "Seconds since the host started.");
    describe_gauge!(BUILD_INFO, "Always 1; the label holds the version.");
}
