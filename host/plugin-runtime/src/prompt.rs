//! Checks what a family rendered before an engine sees it.

use std::collections::HashSet;

use model::{ChatRequest, ContentPart, ModelCard, Prompt, PromptPart};

/// Stop strings, or triggers, of one prompt.
const STRINGS: usize = 64;
/// Bytes of one of them.
const STRING_BYTES: usize = 1024;
/// Stop tokens of one prompt.
const STOP_TOKENS: usize = 1024;
/// Bytes of a constraint's source.
const SOURCE_BYTES: usize = 1 << 20;

/// The number of media in a request: one more than the greatest index.
pub(crate) fn media_of(request: &ChatRequest) -> u32 {
    let index = |part: &ContentPart| match part {
        ContentPart::Text(_) => None,
        ContentPart::Image(index) | ContentPart::Audio(index) => Some(*index),
    };
    let indices = request.messages.iter().flat_map(|m| m.content.iter().filter_map(index));
    indices.max().map_or(0, |greatest| greatest.saturating_add(1))
}

/// Checks a prompt against the model that it is for.
///
/// # Errors
/// Names the first thing that is not valid.
pub(crate) fn validate(prompt: &Prompt, card: &ModelCard, media: u32) -> Result<(), String> {
    let mut known = HashSet::new();
    for part in &prompt.parts {
        match part {
            PromptPart::Text(_) | PromptPart::Split => {}
            PromptPart::Control(text) => {
                let text = text.as_str();
                if !known.contains(text) {
                    if !card.control_tokens.iter().any(|token| token.text == text) {
                        return Err(format!("`{text}` is not a control token of the model"));
                    }
                    known.insert(text);
                }
            }
            PromptPart::Token(id) => token("token", *id, card)?,
            PromptPart::Media(index) => {
                if *index >= media {
                    return Err(format!("medium {index} of a request that has {media}"));
                }
            }
        }
    }
    strings("stop string", &prompt.stop)?;
    at_most("stop tokens", prompt.stop_tokens.len(), STOP_TOKENS)?;
    for &id in &prompt.stop_tokens {
        token("stop token", id, card)?;
    }
    if let Some(constraint) = &prompt.constraint {
        at_most("bytes of constraint", constraint.source.len(), SOURCE_BYTES)?;
        strings("trigger", &constraint.triggers)?;
    }
    Ok(())
}

fn at_most(what: &str, given: usize, limit: usize) -> Result<(), String> {
    if given > limit { Err(format!("{given} {what}, {limit} are allowed")) } else { Ok(()) }
}

/// A vocabulary of size 0 is one that the host does not know.
fn token(what: &str, id: u32, card: &ModelCard) -> Result<(), String> {
    if card.vocabulary_size > 0 && id >= card.vocabulary_size {
        return Err(format!("{what} {id} in a vocabulary of {}", card.vocabulary_size));
    }
    Ok(())
}

fn strings(what: &str, strings: &[String]) -> Result<(), String> {
    at_most(&format!("{what}s"), strings.len(), STRINGS)?;
    for string in strings {
        if string.is_empty() {
            return Err(format!("an empty {what}"));
        }
        at_most(&format!("bytes of {what}"), string.len(), STRING_BYTES)?;
    }
    Ok(())
}
