//! Plain completions, in the OpenAI dialect.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Usage;

/// A text to go on with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CompletionRequest {
    /// The model's uid.
    pub model: String,
    /// The text.
    pub prompt: String,
    /// The greatest number of tokens in the completion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    /// 0 is greedy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f32>,
    /// Whether the answer comes in pieces; the call that sends the request sets it.
    #[serde(default)]
    pub stream: bool,
    /// Every other field of the dialect, as it is.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl CompletionRequest {
    /// A request with nothing but a model and a text.
    pub fn new(model: &str, prompt: impl Into<String>) -> Self {
        Self { model: model.to_owned(), prompt: prompt.into(), ..Self::default() }
    }
}

/// A completion, or a piece of one where it is streamed.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct CompletionReply {
    /// One for each sequence.
    #[serde(default)]
    pub choices: Vec<CompletionChoice>,
    /// Token counts; in a stream, in the last piece.
    #[serde(default)]
    pub usage: Option<Usage>,
}

/// One sequence of a completion.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct CompletionChoice {
    /// The text, or what is new of it.
    #[serde(default)]
    pub text: String,
    /// Why it ended.
    #[serde(default)]
    pub finish_reason: Option<String>,
}

impl CompletionReply {
    /// The text of the first sequence.
    pub fn text(&self) -> &str {
        self.choices.first().map_or("", |choice| &choice.text)
    }
}
