//! What comes back from a model.

use std::ops::AddAssign;

/// Why a sequence ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinishReason {
    /// An end token or a stop string was generated.
    Stop,
    /// The token limit or the context length was reached.
    Length,
    /// The reply ended in calls of tools.
    ToolCalls,
    /// The client went away or asked to stop.
    Cancelled,
}

/// A change to a reply; see the WIT variant of the same name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplyEvent {
    /// More of the visible answer.
    Content(String),
    /// More of the reasoning.
    Reasoning(String),
    /// A tool call began.
    ToolCallStart {
        /// The call's id, where the model's syntax carries one.
        id: Option<String>,
        /// The function's name.
        name: String,
    },
    /// More of the arguments of the call begun last.
    ToolCallArguments(String),
}

/// A token beside the chosen one, and how likely it was.
#[derive(Clone, Debug, PartialEq)]
pub struct TopLogprob {
    /// The token's id.
    pub token: u32,
    /// The bytes that it stands for.
    pub bytes: Vec<u8>,
    /// The natural logarithm of its probability.
    pub logprob: f32,
}

/// A generated token and how likely it was.
#[derive(Clone, Debug, PartialEq)]
pub struct TokenLogprob {
    /// The chosen token.
    pub chosen: TopLogprob,
    /// The most likely tokens, best first.
    pub top: Vec<TopLogprob>,
}

/// Token counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the prompt.
    pub prompt_tokens: u64,
    /// Those of them that were reused from the KV cache.
    pub cached_tokens: u64,
    /// Generated tokens.
    pub completion_tokens: u64,
}

impl Usage {
    /// Prompt and completion together.
    pub fn total_tokens(&self) -> u64 {
        self.prompt_tokens + self.completion_tokens
    }
}

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.prompt_tokens += other.prompt_tokens;
        self.cached_tokens += other.cached_tokens;
        self.completion_tokens += other.completion_tokens;
    }
}
