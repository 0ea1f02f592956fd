//! Token probabilities in the two forms that OpenAI has for them.

use std::collections::HashSet;

use model::{TokenLogprob, TopLogprob};
use serde::{Serialize, Serializer, ser::SerializeMap};
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
    #[schema(value_type = Vec<BTreeMap<String, f32>>)]
    pub(crate) top_logprobs: Vec<Likely>,
}

/// The most likely tokens as an object, best first.
#[derive(Clone, Debug)]
pub(crate) struct Likely(Vec<TopLogprob>);

impl Serialize for Likely {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        let mut seen = HashSet::new();
        for top in &self.0 {
            // Tokens that are parts of characters may look alike; the likelier one is shown.
            let text = String::from_utf8_lossy(&top.bytes);
            if seen.insert(text.clone()) {
                map.serialize_entry(&text, &top.logprob)?;
            }
        }
        map.end()
    }
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
            all.top_logprobs.push(Likely(token.top));
        }
        Some(all)
    }
}
