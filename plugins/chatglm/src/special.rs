//! Special tokens: what begins a prompt, marks the roles and ends a reply.
//!
//! A token is given by its text where the model's card lists it; else by the id that the
//! original vocabulary gives it, because a vocabulary may hold it under another name or type.

use plugin_sdk::{ModelCard, PromptBuilder, Role};

use crate::Version;

/// The special tokens of GLM-4 and later in the order of their ids, which follow one another.
const BPE: [&str; 10] = [
    "<|endoftext|>",
    "[MASK]",
    "[gMASK]",
    "[sMASK]",
    "<sop>",
    "<eop>",
    "<|system|>",
    "<|user|>",
    "<|assistant|>",
    "<|observation|>",
];

/// The id of the first of them: in GLM-4 to GLM-4.7, in GLM-4.7-Flash and GLM-5, in GLM-Edge.
const FIRST: [u32; 3] = [151_329, 154_820, 59_246];

/// The roles' tokens in ChatGLM3.
const GLM3_ROLES: [(&str, u32); 4] = [
    ("<|system|>", 64_794),
    ("<|user|>", 64_795),
    ("<|assistant|>", 64_796),
    ("<|observation|>", 64_797),
];

/// The id that the vocabulary of GLM-4 or later gives to a token, by its place in [`BPE`].
fn bpe_id(card: &ModelCard, index: u32) -> u32 {
    let [glm4, flash, edge] = FIRST;
    let first = match card.vocabulary_size {
        size if size >= flash => flash,
        size if size >= glm4 => glm4,
        _ => edge,
    };
    first + index
}

fn bpe(prompt: &mut PromptBuilder<'_>, card: &ModelCard, text: &str) {
    let index = (0..).zip(BPE).find(|(_, token)| *token == text).map_or(0, |(index, _)| index);
    prompt.special(text, bpe_id(card, index));
}

/// Adds what a prompt begins with, and the rules of the vocabulary.
pub(crate) fn begin(prompt: &mut PromptBuilder<'_>, card: &ModelCard, version: Version) {
    prompt.add_bos(false);
    match version {
        Version::V1 | Version::V1Bare => {
            prompt.space_prefix(true);
        }
        Version::V2 | Version::V3 => {
            prompt.space_prefix(true).special("[gMASK]", 64_790).special("sop", 64_792);
        }
        Version::Edge => {
            prompt.space_prefix(false);
        }
        _ => {
            prompt.space_prefix(false);
            bpe(prompt, card, "[gMASK]");
            bpe(prompt, card, "<sop>");
        }
    }
}

/// Adds what a prompt ends with.
pub(crate) fn end(prompt: &mut PromptBuilder<'_>, version: Version) {
    if matches!(version, Version::V1 | Version::V1Bare) {
        prompt.special("[gMASK]", 130_001).special("<sop>", 130_004);
    }
}

/// Adds the token of a role.
pub(crate) fn role(prompt: &mut PromptBuilder<'_>, card: &ModelCard, version: Version, role: Role) {
    let index = match role {
        Role::System => 0,
        Role::User => 1,
        Role::Assistant => 2,
        Role::Tool => 3,
    };
    let Some((text, id)) = GLM3_ROLES.get(index) else { return };
    if version == Version::V3 {
        prompt.special(text, *id);
    } else {
        bpe(prompt, card, text);
    }
}

/// Adds the tokens that end a reply.
pub(crate) fn stops(prompt: &mut PromptBuilder<'_>, card: &ModelCard, version: Version) {
    match version {
        Version::V1 | Version::V1Bare => {
            prompt.stop_special("<eop>", 130_005);
        }
        Version::V2 => {
            prompt.stop_special("</s>", 2);
        }
        Version::V3 => {
            prompt
                .stop_special("</s>", 2)
                .stop_special("<|user|>", 64_795)
                .stop_special("<|observation|>", 64_797);
        }
        _ => {
            prompt
                .stop_special("<|endoftext|>", bpe_id(card, 0))
                .stop_special("<|user|>", bpe_id(card, 7))
                .stop_special("<|observation|>", bpe_id(card, 9));
        }
    }
    if let Some(eos) = card.eos {
        prompt.stop_token(eos);
    }
}
