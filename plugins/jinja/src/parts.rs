//! From what a template wrote to the parts of a prompt.

use plugin_sdk::{ModelCard, PromptBuilder};

use crate::tokens::Tokens;

/// Takes the special tokens out of a text, but for what a guard stands before.
pub(crate) fn split(
    text: &str,
    tokens: &Tokens<'_>,
    guard: Option<char>,
    prompt: &mut PromptBuilder<'_>,
) {
    let bytes = text.as_bytes();
    let mut sign = [0; 4];
    let sign = guard.map_or("", |guard| guard.encode_utf8(&mut sign)).as_bytes();
    let first = sign.first().copied();
    let (mut from, mut at) = (0, 0);
    while let Some(rest) = bytes.get(at..) {
        // Most bytes begin neither a token nor a guard.
        let next = rest.iter().position(|byte| tokens.begins(*byte) || Some(*byte) == first);
        let Some((next, &byte)) = next.and_then(|next| Some((next, rest.get(next)?))) else {
            break;
        };
        at += next;
        let rest = rest.get(next..).unwrap_or_default();
        if !sign.is_empty() && rest.starts_with(sign) {
            prompt.text(text.get(from..at).unwrap_or_default());
            from = at + sign.len();
            // What comes next is a client's; a second guard is looked at again.
            let next = rest.get(sign.len()..).unwrap_or_default();
            at = from + usize::from(!next.is_empty() && !next.starts_with(sign));
            continue;
        }
        if let Some(token) =
            Some(byte).filter(|byte| tokens.begins(*byte)).and_then(|_| tokens.at(rest))
        {
            prompt.text(text.get(from..at).unwrap_or_default());
            prompt.control(&token.text);
            at += token.text.len();
            from = at;
        } else {
            at += 1;
        }
    }
    prompt.text(text.get(from..).unwrap_or_default());
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
