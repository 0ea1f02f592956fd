//! Token probabilities in the two forms that OpenAI has for them.

use model::{TokenLogprob, TopLogprob};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// Token probabilities of a chat answer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct ChatLogprobs {
    /// One entry for each generated token.
    pub(crate) content: Vec<ChatToken>,
}

/// One generated token.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct ChatToken {
    /// The token's id.
    pub(crate) id: u32,
    /// The token as text.
    pub(crate) token: String,
    /// The token's bytes, which alone need not be whole characters.
    pub(crate) bytes: Vec<u8>,
    /// The natural logarithm of its probability.
    pub(crate) logprob: f32,
    /// The most likely tokens, best first.
    pub(crate) top_logprobs: Vec<LikelyToken>,
}

/// A token beside a generated one.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct LikelyToken {
    /// The token's id.
    pub(crate) id: u32,
    /// The token as text.
    pub(crate) token: String,
    /// The token's bytes.
    pub(crate) bytes: Vec<u8>,
    /// The natural logarithm of its probability.
    pub(crate) logprob: f32,
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl ChatLogprobs {
    /// `None` where there is nothing to report.
    pub(super) fn of(tokens: Vec<TokenLogprob>) -> Option<Self> {
        if tokens.is_empty() {
            return None;
        }
        let likely = |top: TopLogprob| LikelyToken {
            id: top.token,
            token: text(&top.bytes),
            logprob: top.logprob,
            bytes: top.bytes,
        };
        let token = |token: TokenLogprob| ChatToken {
            id: token.chosen.token,
            token: text(&token.chosen.bytes),
            logprob: token.chosen.logprob,
            bytes: token.chosen.bytes,
            top_logprobs: token.top.into_iter().map(likely).collect(),
        };
        Some(Self { content: tokens.into_iter().map(token).collect() })
    }
}

/// Token probabilities of a completion.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub(crate) struct CompletionLogprobs {
    /// Where each token begins in the text, in characters.
    pub(crate) text_offset: Vec<usize>,
    /// The natural logarithms of the tokens' probabilities.
    pub(crate) token_logprobs: Vec<f32>,
    /// The tokens as text.
    pub(crate) tokens: Vec<String>,
    /// For each token the most likely ones and their logarithms.
    #[schema(value_type = Vec<Object>)]
    pub(crate) top_logprobs: Vec<Map<String, Value>>,
}

impl CompletionLogprobs {
    /// `None` where there is nothing to report; `offset` is where the first token begins, and
    /// becomes where the next one does.
    pub(super) fn of(tokens: Vec<TokenLogprob>, offset: &mut usize) -> Option<Self> {
        if tokens.is_empty() {
            return None;
        }
        let mut all = Self::default();
        for token in tokens {
            let chosen = text(&token.chosen.bytes);
            all.text_offset.push(*offset);
            *offset += chosen.chars().count();
            all.tokens.push(chosen);
            all.token_logprobs.push(token.chosen.logprob);
            let top = token.top.into_iter().map(|top| (text(&top.bytes), top.logprob.into()));
            all.top_logprobs.push(top.collect());
        }
        Some(all)
    }
}
