//! From what a template wrote to the parts of a prompt.

use plugin_sdk::{ModelCard, PromptBuilder};

use crate::tokens::Tokens;
use crate::twins::Twins;

/// Takes the special tokens out of a text; those with a client's character in them are text.
pub(crate) fn split(
    text: &str,
    tokens: &Tokens<'_>,
    twins: &Twins,
    prompt: &mut PromptBuilder<'_>,
) {
    let bytes = text.as_bytes();
    let (mut from, mut at) = (0, 0);
    while let Some(rest) = bytes.get(at..) {
        // Most bytes begin no token.
        let Some(next) = rest.iter().position(|byte| tokens.begins(*byte)) else { break };
        at += next;
        let Some(token) = tokens.at(rest.get(next..).unwrap_or_default()) else {
            at += 1;
            continue;
        };
        prompt.text(&twins.bare(text.get(from..at).unwrap_or_default()));
        prompt.control(&token.text);
        at += token.text.len();
        from = at;
    }
    prompt.text(&twins.bare(text.get(from..).unwrap_or_default()));
}

/// Has no second beginning-of-sequence token put before the one that the template writes.
///
/// A template that knows the token (`known`) and leaves it out wants none; one that does not know
/// it leaves the choice to the vocabulary.
pub(crate) fn bos(card: &ModelCard, known: bool, text: &str, prompt: &mut PromptBuilder<'_>) {
    let token = card.control_tokens.iter().find(|token| Some(token.id) == card.bos);
    if known || token.is_some_and(|token| text.starts_with(&token.text)) {
        prompt.add_bos(false);
    }
}
