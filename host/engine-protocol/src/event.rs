//! What an engine reports.

use serde::{Deserialize, Serialize};

use crate::{DecodedSegment, RequestId};

/// Why an engine refused or gave up a request, or could not load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The request asks for something impossible, such as a control token that is not there.
    Invalid,
    /// The prompt does not fit into the context.
    PromptTooLong,
    /// The constraint cannot be compiled, or exceeds its limits.
    InvalidConstraint,
    /// Too many requests wait already.
    Overloaded,
    /// The engine lacks the function.
    Unsupported,
    /// The weights cannot be loaded.
    LoadFailed,
    /// A fault of the engine's own.
    Internal,
}

/// A failure, with a text that names the value, the limit and the remedy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct EngineError {
    /// What kind of failure.
    pub code: ErrorCode,
    /// One sentence for the client, or for [`ErrorCode::Internal`] for the log.
    pub message: String,
    /// For [`ErrorCode::Overloaded`], seconds after which a place should be free.
    #[serde(default)]
    pub retry_after: Option<u32>,
}

impl EngineError {
    /// A failure of a kind.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retry_after: None }
    }
}

/// A token and how likely it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TopLogprob {
    /// The token's id.
    pub token: u32,
    /// The bytes that it stands for.
    pub bytes: Vec<u8>,
    /// The natural logarithm of its probability.
    pub logprob: f32,
}

/// A generated token and its most likely rivals, best first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TokenLogprob {
    /// The chosen token.
    pub chosen: TopLogprob,
    /// The most likely tokens.
    pub top: Vec<TopLogprob>,
}

/// Why a sequence ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// An end token, a stop token or a stop string was generated, or a constraint is complete.
    Stop,
    /// The token limit or the context length was reached.
    Length,
    /// The host cancelled the request.
    Cancelled,
}

/// What happened to a sequence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// The prompt is read; the first token follows.
    Started {
        /// Tokens of the prompt.
        prompt_tokens: u32,
        /// Those of them that were reused from the KV cache.
        cached_tokens: u32,
    },
    /// More text, whole characters only.
    Text {
        /// The text; empty where tokens have not completed a character yet but logprobs are due.
        text: String,
        /// How many tokens gave it.
        tokens: u32,
        /// One entry for each token, where they were asked for.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        logprobs: Vec<TokenLogprob>,
    },
    /// More of a transcript, in the order of time; since version 1.
    Segments {
        /// What was decoded; empty where only `until_ms` moves on.
        segments: Vec<DecodedSegment>,
        /// Everything before this time is decoded.
        until_ms: u32,
    },
    /// The sequence ended.
    Finished {
        /// Why.
        reason: Finish,
        /// Tokens generated for it in all.
        completion_tokens: u32,
    },
    /// The whole request, with all its sequences, failed.
    Failed(EngineError),
}

/// Something that happened to one sequence of one request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The request.
    pub request: RequestId,
    /// The sequence within the request, from 0.
    pub sequence: u32,
    /// What happened.
    pub kind: EventKind,
}

/// The state of a worker, for metrics and for the supervisor's watchdog.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WorkerStats {
    /// Sequences being generated.
    pub running: u32,
    /// Requests waiting for a place.
    pub waiting: u32,
    /// KV cells in use, cached prefixes included.
    pub kv_used: u32,
    /// KV cells in all.
    pub kv_total: u32,
    /// Engine steps since the start.
    pub steps: u64,
    /// Prompt tokens read since the start, without the cached ones.
    pub prompt_tokens: u64,
    /// Prompt tokens taken from the cache since the start.
    pub cached_tokens: u64,
    /// Tokens generated since the start.
    pub completion_tokens: u64,
}
