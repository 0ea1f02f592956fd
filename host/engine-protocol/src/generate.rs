//! Asking for tokens.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::RequestId;

/// One piece of a prompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PromptPart {
    /// Text, tokenized with special tokens off; neighbouring texts are one run.
    Text(String),
    /// A special token, by its text in the vocabulary.
    Control(String),
    /// A token, by its id.
    Token(u32),
    /// Ends a run of text.
    Split,
}

/// A prompt and how its text is tokenized.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompt {
    /// The parts, in order.
    pub parts: Vec<PromptPart>,
    /// Whether the beginning-of-sequence token is put in front; `None`: as the vocabulary says.
    #[serde(default)]
    pub add_bos: Option<bool>,
    /// Whether each run of text gets a space in front; `None`: as the vocabulary says.
    #[serde(default)]
    pub space_prefix: Option<bool>,
}

/// Mirostat's parameters.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mirostat {
    /// 1 or 2.
    pub version: u8,
    /// The target entropy.
    pub tau: f32,
    /// The learning rate.
    pub eta: f32,
}

/// How the next token is chosen; the host has checked every range.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sampling {
    /// 0 is greedy; `None`: 0.8.
    pub temperature: Option<f32>,
    /// 0 keeps all; `None`: 40.
    pub top_k: Option<u32>,
    /// The probability mass kept; `None`: 0.95.
    pub top_p: Option<f32>,
    /// The least relative probability kept; `None`: 0.05.
    pub min_p: Option<f32>,
    /// 1 is off; `None`: off.
    pub typical_p: Option<f32>,
    /// 1 is off; `None`: off.
    pub repetition_penalty: Option<f32>,
    /// How many tokens back the penalties look; `None`: 64.
    pub penalty_window: Option<u32>,
    /// Subtracted for each earlier occurrence; `None`: 0.
    pub frequency_penalty: Option<f32>,
    /// Subtracted once for an earlier occurrence; `None`: 0.
    pub presence_penalty: Option<f32>,
    /// In place of the cut-offs above.
    pub mirostat: Option<Mirostat>,
    /// The random seed; `None`: a random one. Sequence `i` of a request uses `seed + i`.
    pub seed: Option<u32>,
    /// Added to the logits of these tokens.
    pub logit_bias: BTreeMap<u32, f32>,
    /// Whether end tokens are generated over rather than obeyed.
    pub ignore_eos: bool,
}

/// The language of a constraint's source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrammarSyntax {
    /// GBNF with the start rule `root`.
    Gbnf,
    /// A JSON Schema document.
    JsonSchema,
    /// A regular expression for the whole text.
    Regex,
    /// A Lark grammar as llguidance reads it.
    Lark,
}

/// What the sampler must follow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Constraint {
    /// The language of `source`.
    pub syntax: GrammarSyntax,
    /// The grammar, schema or expression.
    pub source: String,
    /// Strings that start the constraint; empty: it binds from the first token.
    #[serde(default)]
    pub triggers: Vec<String>,
}

/// Generates one or several sequences from one prompt. Since version 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Generate {
    /// The number under which the events come back; never used twice in a session.
    pub request: RequestId,
    /// The prompt.
    pub prompt: Prompt,
    /// How tokens are chosen.
    #[serde(default)]
    pub sampling: Sampling,
    /// How many sequences; at least 1.
    pub sequences: u32,
    /// The greatest number of tokens for each; `None`: what the context leaves.
    #[serde(default)]
    pub max_tokens: Option<u32>,
    /// Strings that end a sequence and are not part of its text.
    #[serde(default)]
    pub stop: Vec<String>,
    /// Tokens that end a sequence, beside the vocabulary's own.
    #[serde(default)]
    pub stop_tokens: Vec<u32>,
    /// What the sampler must follow.
    #[serde(default)]
    pub constraint: Option<Constraint>,
    /// How many of the most likely tokens are reported beside each generated one; `None`: no
    /// probabilities at all.
    #[serde(default)]
    pub logprobs: Option<u32>,
    /// The adapter to apply, by its name in the load settings.
    #[serde(default)]
    pub lora: Option<String>,
    /// Requests share cached prefixes only with requests of the same salt.
    #[serde(default)]
    pub cache_salt: String,
}

/// Tokenizes a prompt without generating. Since version 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokenize {
    /// The number under which the tokens come back.
    pub request: RequestId,
    /// The prompt.
    pub prompt: Prompt,
}
