//! Conversations, in the OpenAI dialect.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One turn of a conversation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// `system`, `user`, `assistant` or `tool`.
    pub role: String,
    /// What is said: a text, or a list of parts.
    pub content: Value,
    /// Whatever else belongs to the turn, such as `tool_calls`.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl Message {
    /// A turn of plain text.
    pub fn text(role: &str, content: impl Into<String>) -> Self {
        Self { role: role.to_owned(), content: Value::String(content.into()), more: Map::new() }
    }

    /// A system turn.
    pub fn system(content: impl Into<String>) -> Self {
        Self::text("system", content)
    }

    /// A user's turn.
    pub fn user(content: impl Into<String>) -> Self {
        Self::text("user", content)
    }

    /// A model's turn.
    pub fn assistant(content: impl Into<String>) -> Self {
        Self::text("assistant", content)
    }
}

/// What a streamed answer carries beside the text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamOptions {
    /// Whether a last chunk counts tokens.
    pub include_usage: bool,
}

/// A conversation to answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChatRequest {
    /// The model's uid.
    pub model: String,
    /// The conversation, oldest turn first.
    pub messages: Vec<Message>,
    /// The greatest number of tokens in the reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    /// 0 is greedy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f32>,
    /// Whether the answer comes in pieces; the call that sends the request sets it.
    #[serde(default)]
    pub stream: bool,
    /// What a streamed answer carries beside the text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream_options: Option<StreamOptions>,
    /// Every other field of the dialect, as it is.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl ChatRequest {
    /// A request with nothing but a model and a conversation.
    pub fn new(model: &str, messages: Vec<Message>) -> Self {
        Self { model: model.to_owned(), messages, ..Self::default() }
    }
}

/// Token counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Tokens of the prompt.
    pub prompt_tokens: u64,
    /// Generated tokens.
    pub completion_tokens: u64,
    /// Both together.
    pub total_tokens: u64,
}

/// A call of a tool.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ToolCall {
    /// The id by which a later message answers it.
    pub id: Option<String>,
    /// The function and its arguments.
    pub function: FunctionCall,
}

/// The function that a tool call names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FunctionCall {
    /// The function's name.
    pub name: Option<String>,
    /// The arguments as JSON text.
    pub arguments: Option<String>,
}

/// A whole answer.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ChatReply {
    /// One for each sequence.
    pub choices: Vec<ReplyChoice>,
    /// Token counts.
    #[serde(default)]
    pub usage: Usage,
}

/// One sequence of a whole answer.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ReplyChoice {
    /// The model's turn.
    pub message: ReplyMessage,
    /// Why it ended.
    pub finish_reason: Option<String>,
}

/// The model's turn in a whole answer.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ReplyMessage {
    /// The visible text.
    pub content: Option<String>,
    /// The reasoning before it.
    pub reasoning_content: Option<String>,
    /// The tools that the model calls.
    pub tool_calls: Option<Vec<ToolCall>>,
}

impl ChatReply {
    /// The visible text of the first sequence.
    pub fn content(&self) -> &str {
        self.choices.first().and_then(|choice| choice.message.content.as_deref()).unwrap_or("")
    }
}

/// A piece of a streamed answer.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ChatChunk {
    /// One for each sequence that moved; empty in the chunk that counts tokens.
    #[serde(default)]
    pub choices: Vec<ChunkChoice>,
    /// Token counts, in the last chunk where asked for.
    #[serde(default)]
    pub usage: Option<Usage>,
}

/// One sequence's part of a chunk.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ChunkChoice {
    /// The sequence.
    #[serde(default)]
    pub index: u32,
    /// What is new.
    #[serde(default)]
    pub delta: Delta,
    /// Why the sequence ended, in its last chunk.
    #[serde(default)]
    pub finish_reason: Option<String>,
}

/// What a chunk adds.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Delta {
    /// Visible text.
    pub content: Option<String>,
    /// Reasoning.
    pub reasoning_content: Option<String>,
    /// Calls of tools.
    pub tool_calls: Option<Vec<ToolCall>>,
}

impl ChatChunk {
    /// The new visible text of the first sequence.
    pub fn content(&self) -> &str {
        self.choices.first().and_then(|choice| choice.delta.content.as_deref()).unwrap_or("")
    }
}
