//! Which models are of this family, and of which version.

use plugin_sdk::{Error, ModelCard, Recognition};

use crate::Version;

/// The sizes of the two sentencepiece vocabularies.
const V1_VOCABULARY: u32 = 64_000;
const V2_VOCABULARY: u32 = 125_696;

/// The number of blocks of the 13B models; the 7B ones have fewer.
const BLOCKS_13B: u32 = 40;

pub(crate) fn recognize(card: &ModelCard) -> Recognition {
    if let Some(own) = card.own_family() {
        return Recognition::exact_if(own == "baichuan", "metadata `modelhost.family`");
    }
    let architecture = card.architecture.as_str();
    if architecture.starts_with("baichuan") {
        return Recognition::exact(format!("architecture `{architecture}`"));
    }
    if is_m2_template(card.template()) {
        return Recognition::exact("the variable `thinking_mode` in its ChatML template");
    }
    let names = card.names();
    let own = names.iter().find(|name| name.contains("baichuan"));
    match (architecture, own) {
        // Converters that knew no Baichuan made LLaMA files of it.
        ("llama", Some(name)) if by_vocabulary(card).is_some() => {
            Recognition::exact(format!("the name `{name}` and its vocabulary"))
        }
        ("qwen2", Some(name)) if is_named(name, "m2") => {
            Recognition::exact(format!("the name `{name}`"))
        }
        // Others have vocabularies of this size too, but with other end tokens.
        ("llama", None)
            if card.vocabulary_size == V1_VOCABULARY
                && card.control("</s>") == Some(2)
                && card.template().is_empty() =>
        {
            Recognition::generic("its vocabulary of 64000 entries")
        }
        _ => Recognition::none(format!("architecture `{architecture}`, its names and template")),
    }
}

/// The version: by the option `style`, else by what the weights say, else by the names.
pub(crate) fn version(card: &ModelCard) -> Result<Version, Error> {
    if let Some(version) = card.choice("style", &Version::NAMES)? {
        return Ok(version);
    }
    let own = card.meta("modelhost.style").and_then(|own| {
        Version::NAMES.iter().find(|(name, _)| *name == own).map(|(_, version)| *version)
    });
    if let Some(version) = own {
        return Ok(version);
    }
    if is_m2_template(card.template()) || card.architecture.starts_with("qwen") {
        return Ok(Version::M2);
    }
    let names = card.names();
    let generation = |mark: &str| names.iter().any(|name| is_named(name, mark));
    if card.control("<B_SYS>").is_some() || card.architecture.contains("m1") || generation("m1") {
        return Ok(Version::M1);
    }
    if generation("m2") {
        return Ok(Version::M2);
    }
    let chat =
        by_vocabulary(card).unwrap_or(if generation("2") { Version::V2 } else { Version::V1 });
    if card.template().contains("<reserved_10") {
        return Ok(chat);
    }
    // What the weights are named goes before what they are served as.
    let by_name = names.iter().find_map(|name| {
        let has = |word: &str| name.split('-').any(|part| part == word);
        if name.contains("chat") { Some(chat) } else { has("base").then_some(Version::Base) }
    });
    let small = chat == Version::V1 && is_small(card, &names);
    Ok(by_name.unwrap_or(if small { Version::Base } else { chat }))
}

fn by_vocabulary(card: &ModelCard) -> Option<Version> {
    match card.vocabulary_size {
        V1_VOCABULARY => Some(Version::V1),
        V2_VOCABULARY => Some(Version::V2),
        _ => None,
    }
}

/// Whether a name says `baichuan` and right after it `mark`: `baichuan2`, `baichuan-m2`.
fn is_named(name: &str, mark: &str) -> bool {
    name.split("baichuan").skip(1).any(|after| {
        let rest = after.trim_start_matches('-').strip_prefix(mark);
        rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
    })
}

/// Whether this is a 7B model; the first generation has no chat model of that size.
fn is_small(card: &ModelCard, names: &[String]) -> bool {
    let blocks = card.meta(&format!("{}.block_count", card.architecture));
    match blocks.and_then(|blocks| blocks.parse::<u32>().ok()) {
        Some(blocks) => blocks < BLOCKS_13B,
        None => names.iter().any(|name| name.contains("7b")),
    }
}

fn is_m2_template(template: &str) -> bool {
    template.contains("<|im_start|>") && template.contains("thinking_mode == ")
}
