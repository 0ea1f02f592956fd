//! Which models are of this family, and of which version.

use plugin_sdk::{Error, ModelCard, Recognition};

use crate::Style;

/// Names of the models of this family.
const NAMES: [&str; 8] = [
    "orca-mini",
    "openorca",
    "open-orca",
    "llongorca",
    "mistral-orca",
    "mistralorca",
    "orca-2",
    "orca2",
];

/// Parts of the names of models that carry these names too and speak otherwise.
const FOREIGN: [&str; 15] = [
    "vicuna",
    "zephyr",
    "dolphin",
    "llama-3",
    "llama3",
    "qwen",
    "phi-",
    "gemma",
    "orca-mini-v4",
    "orca-mini-v5",
    "orca-mini-v6",
    "orca-mini-v7",
    "orca-mini-v8",
    "orca-mini-v9",
    "dpo-orca",
];

/// Network types that these models come with.
const ARCHITECTURES: [&str; 2] = ["llama", "mistral"];

pub(crate) fn recognize(card: &ModelCard) -> Recognition {
    if let Some(own) = card.own_family() {
        return Recognition::exact_if(own == "orca", "metadata `modelhost.family`");
    }
    if !ARCHITECTURES.contains(&card.architecture.as_str()) {
        return Recognition::none(format!("architecture `{}`", card.architecture));
    }
    let names = card.names();
    let has = |parts: &[&str]| names.iter().find(|name| parts.iter().any(|p| name.contains(p)));
    if let Some(name) = has(&FOREIGN) {
        return Recognition::none(format!("`{name}` is of another family"));
    }
    if let Some(name) = has(&NAMES).or_else(|| names.iter().find(|name| *name == "orca")) {
        return Recognition::exact(format!("the name `{name}`"));
    }
    Recognition::exact_if(
        card.template().contains("MistralOrca"),
        "its names and its chat template",
    )
}

/// The version: by the option `style`, else by what the weights and the names say.
pub(crate) fn style(card: &ModelCard) -> Result<Style, Error> {
    if let Some(style) = card.choice("style", &Style::NAMES)? {
        return Ok(style);
    }
    let own = card.meta("modelhost.style").and_then(|own| {
        Style::NAMES.iter().find(|(name, _)| *name == own).map(|(_, style)| *style)
    });
    let by_name = || card.names().iter().find_map(|name| by_name(card, name));
    Ok(own.or_else(by_name).unwrap_or_else(|| by_tokens(card).unwrap_or(Style::Mini)))
}

fn by_name(card: &ModelCard, name: &str) -> Option<Style> {
    let has = |part: &str| name.contains(part);
    if has("orca-mini-v3") {
        Some(Style::MiniV3)
    } else if has("orca-mini") {
        Some(Style::Mini)
    } else if name == "orca" {
        Some(Style::Xinference)
    } else if has("platypus") || has("preview1") || has("preview-1") {
        Some(Style::Alpaca)
    } else if has("preview2") || has("preview-2") || has("openchat") {
        Some(Style::OpenChat)
    } else if has("llongorca") {
        let turns = by_tokens(card) == Some(Style::OpenChat);
        Some(if turns { Style::OpenChat } else { Style::Llong })
    } else if has("mistral") && has("orca") {
        Some(Style::Mistral)
    } else if has("openorca") || has("open-orca") {
        Some(by_tokens(card).unwrap_or(Style::Alpaca))
    } else if has("orca-2") || has("orca2") {
        Some(Style::Orca2)
    } else {
        None
    }
}

/// What the special tokens of the vocabulary say.
fn by_tokens(card: &ModelCard) -> Option<Style> {
    if card.control("<|im_start|>").is_some() {
        Some(Style::Mistral)
    } else if card.control("<|end_of_turn|>").is_some() {
        Some(Style::OpenChat)
    } else {
        None
    }
}
