//! What clients get.

use std::time::{SystemTime, UNIX_EPOCH};

use model::{FinishReason, Usage};
use serde::Serialize;
use utoipa::ToSchema;

use super::logprobs::{ChatLogprobs, CompletionLogprobs};

/// What identifies one answer; every chunk of a stream repeats it.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) id: String,
    pub(super) created: u64,
    pub(super) model: String,
}

impl Head {
    pub(super) fn new(prefix: &str, model: &str) -> Self {
        Self {
            id: format!("{prefix}-{}", uuid::Uuid::new_v4().simple()),
            created: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs()),
            model: model.to_owned(),
        }
    }
}

/// What is kept of one of an answer's sequences.
pub(super) fn at<T>(sequences: &mut [T], sequence: u32) -> Option<&mut T> {
    sequences.get_mut(usize::try_from(sequence).ok()?)
}

/// Names the software that answered.
pub(super) const FINGERPRINT: &str = concat!("modelhost-", env!("CARGO_PKG_VERSION"));

/// An answer to a conversation.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChatCompletion {
    /// One for each sequence.
    pub(crate) choices: Vec<ChatChoice>,
    /// When the answer began, in seconds since 1970.
    pub(crate) created: u64,
    /// The model's uid.
    pub(crate) model: String,
    /// The software that answered.
    pub(crate) system_fingerprint: &'static str,
    /// `chat.completion`.
    pub(crate) object: &'static str,
    /// Token counts.
    pub(crate) usage: UsageBody,
    /// The answer's id.
    pub(crate) id: String,
}

/// One sequence of an answer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChatChoice {
    /// `stop`, `length` or `tool_calls`.
    pub(crate) finish_reason: &'static str,
    /// The sequence.
    pub(crate) index: u32,
    /// The model's turn.
    pub(crate) message: AssistantMessage,
    /// How likely the tokens were, where asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) logprobs: Option<ChatLogprobs>,
}

/// The model's turn.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AssistantMessage {
    /// `assistant`.
    pub(crate) role: &'static str,
    /// The visible text.
    pub(crate) content: String,
    /// The reasoning, where the model keeps it apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reasoning_content: Option<String>,
    /// Calls of tools.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) tool_calls: Vec<ToolCallBody>,
    /// The call in its old form, for requests in the old form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) function_call: Option<FunctionBody>,
}

/// A call of a tool.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct ToolCallBody {
    /// The call's place in the answer, in a chunk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) index: Option<usize>,
    /// The id by which a later message answers it.
    pub(crate) id: String,
    /// `function`.
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    /// The function and its arguments.
    pub(crate) function: FunctionBody,
}

/// A function and its arguments.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct FunctionBody {
    /// The function's name.
    pub(crate) name: String,
    /// The arguments as JSON text.
    pub(crate) arguments: String,
}

/// Token counts.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(crate) struct UsageBody {
    /// Generated tokens.
    pub(crate) completion_tokens: u64,
    /// Tokens of the prompt.
    pub(crate) prompt_tokens: u64,
    /// Both together.
    pub(crate) total_tokens: u64,
    /// Where the prompt's tokens came from.
    pub(crate) prompt_tokens_details: PromptTokens,
}

/// Where the prompt's tokens came from.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(crate) struct PromptTokens {
    /// Tokens that were reused from the cache.
    pub(crate) cached_tokens: u64,
}

impl From<Usage> for UsageBody {
    fn from(usage: Usage) -> Self {
        Self {
            completion_tokens: usage.completion_tokens,
            prompt_tokens: usage.prompt_tokens,
            total_tokens: usage.total_tokens(),
            prompt_tokens_details: PromptTokens { cached_tokens: usage.cached_tokens },
        }
    }
}

/// A piece of a streamed answer to a conversation.
#[derive(Debug, Serialize)]
pub(super) struct ChatChunk<'a> {
    pub(super) choices: &'a [ChatChunkChoice<'a>],
    pub(super) created: u64,
    pub(super) model: &'a str,
    pub(super) system_fingerprint: &'static str,
    pub(super) object: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) usage: Option<UsageBody>,
    pub(super) id: &'a str,
}

#[derive(Debug, Serialize)]
pub(super) struct ChatChunkChoice<'a> {
    pub(super) finish_reason: Option<&'static str>,
    pub(super) index: u32,
    pub(super) delta: Delta<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) logprobs: Option<ChatLogprobs>,
}

/// What a chunk adds; `content` is always there, since clients rely on it.
#[derive(Debug, Default, Serialize)]
pub(super) struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) role: Option<&'static str>,
    pub(super) content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reasoning_content: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(super) tool_calls: &'a [ToolCallBody],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) function_call: Option<&'a FunctionBody>,
}

/// A completion of a text.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TextCompletion {
    /// One for each sequence.
    pub(crate) choices: Vec<TextChoice>,
    /// When the answer began, in seconds since 1970.
    pub(crate) created: u64,
    /// The model's uid.
    pub(crate) model: String,
    /// `text_completion`.
    pub(crate) object: &'static str,
    /// Token counts.
    pub(crate) usage: UsageBody,
    /// The answer's id.
    pub(crate) id: String,
}

/// One sequence of a completion.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TextChoice {
    /// The text.
    pub(crate) text: String,
    /// The sequence.
    pub(crate) index: u32,
    /// How likely the tokens were, where asked for.
    pub(crate) logprobs: Option<CompletionLogprobs>,
    /// `stop` or `length`.
    pub(crate) finish_reason: &'static str,
}

/// A piece of a streamed completion.
#[derive(Debug, Serialize)]
pub(super) struct TextChunk<'a> {
    pub(super) choices: &'a [TextChunkChoice<'a>],
    pub(super) created: u64,
    pub(super) model: &'a str,
    pub(super) object: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) usage: Option<UsageBody>,
    pub(super) id: &'a str,
}

#[derive(Debug, Serialize)]
pub(super) struct TextChunkChoice<'a> {
    pub(super) text: &'a str,
    pub(super) index: u32,
    pub(super) logprobs: Option<CompletionLogprobs>,
    pub(super) finish_reason: Option<&'static str>,
}

/// A finish reason in the dialect's word; `None` where the answer was cut off by the host.
pub(super) fn finish_word(reason: FinishReason) -> Option<&'static str> {
    match reason {
        FinishReason::Stop => Some("stop"),
        FinishReason::Length => Some("length"),
        FinishReason::ToolCalls => Some("tool_calls"),
        FinishReason::Cancelled => None,
    }
}
