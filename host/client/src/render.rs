//! What a model is really asked: parts and token ids.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Message;

/// A conversation to render without generating.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RenderRequest {
    /// The model's uid.
    pub model: String,
    /// The conversation; empty where `prompt` is given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<Message>,
    /// The text of a plain completion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// Every other field of a chat request, such as `tools`.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// One part of a prompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RenderedPart {
    /// Text that can never become a special token.
    Text(String),
    /// A special token, by its text in the vocabulary.
    Control(String),
    /// A token, by its id.
    Token(u32),
    /// A medium, by its index in the request.
    Media(u32),
    /// Ends a run of text.
    Split,
}

/// A prompt as the family gives it, and the tokens that the engine makes of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rendered {
    /// The model's uid.
    pub model: String,
    /// The family that rendered; `None` where the text was taken as it is.
    pub family: Option<String>,
    /// The parts, in order.
    pub parts: Vec<RenderedPart>,
    /// The token ids.
    pub tokens: Vec<u32>,
    /// Strings that end the reply.
    pub stop: Vec<String>,
    /// Tokens that end the reply.
    pub stop_tokens: Vec<u32>,
    /// Every other field.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}
