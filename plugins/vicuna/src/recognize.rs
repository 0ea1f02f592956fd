//! Which models are Vicunas, and of which version.

use plugin_sdk::{Error, ModelCard, Recognition};

use crate::Style;

/// Names that only this family's models have.
const NAMES: [&str; 3] = ["vicuna", "llava", "wizard-vicuna"];

/// Network types that Vicunas come with.
const ARCHITECTURES: [&str; 2] = ["llama", "llava"];

pub(crate) fn recognize(card: &ModelCard) -> Recognition {
    if let Some(own) = card.own_family() {
        return Recognition::exact_if(own == "vicuna", "metadata `modelhost.family`");
    }
    if !ARCHITECTURES.contains(&card.architecture.as_str()) {
        return Recognition::none(format!("architecture `{}`", card.architecture));
    }
    let names = card.names();
    let known = names.iter().find(|name| NAMES.iter().any(|known| name.contains(known)));
    // LLaVA 1.6 and later were also tuned from models of other families, whose names they carry.
    let foreign = |name: &String| {
        ["mistral", "llama-3", "llama3", "yi-", "qwen"].iter().any(|other| name.contains(other))
    };
    match known {
        Some(name) if foreign(name) => {
            Recognition::none(format!("`{name}` is LLaVA over another family"))
        }
        Some(name) if turns_of_its_own(card) => {
            Recognition::none(format!("`{name}` speaks by its own chat template"))
        }
        Some(name) => Recognition::exact(format!("the name `{name}`")),
        None if template_style(card.template()).is_some() => {
            // Other models share the turns; their own template is then the better guide.
            Recognition::generic("the turns of its chat template")
        }
        None => Recognition::none("neither name nor chat template"),
    }
}

/// The version: by the option `style`, else by what the weights and the name say.
pub(crate) fn style(card: &ModelCard) -> Result<Style, Error> {
    if let Some(style) = card.choice("style", &Style::NAMES)? {
        return Ok(style);
    }
    let own = card.meta("modelhost.style").and_then(|own| {
        Style::NAMES.iter().find(|(name, _)| *name == own).map(|(_, style)| *style)
    });
    let by_name = || card.names().iter().find_map(|name| name_style(name));
    Ok(own.or_else(by_name).or_else(|| template_style(card.template())).unwrap_or(Style::V1))
}

/// Whether the weights were tuned further on turns between special tokens, which no Vicuna has.
fn turns_of_its_own(card: &ModelCard) -> bool {
    let marks = ["<|im_start|>", "<|start_header_id|>", "<|start_of_role|>", "<start_of_turn>"];
    marks.iter().any(|mark| card.template().contains(mark) && card.control(mark).is_some())
}

fn name_style(name: &str) -> Option<Style> {
    let has = |part: &str| name.contains(part);
    if has("llava") {
        return Some(Style::Llava);
    }
    if !has("vicuna") {
        return None;
    }
    if has("stable") {
        return Some(Style::Stable);
    }
    let zero = ["-v0", "delta-v0", "-0-"].iter().any(|part| has(part));
    Some(if zero { Style::V0 } else { Style::V1 })
}

/// What a chat template in the weights says.
fn template_style(template: &str) -> Option<Style> {
    let has = |part: &str| template.contains(part);
    if !has("USER: ") || !has("ASSISTANT:") {
        return None;
    }
    Some(if has("SYSTEM: ") {
        Style::Orca
    } else if has("\\nASSISTANT") || has("\nASSISTANT") || has("+ '\\n'") {
        Style::LlamaCpp
    } else {
        Style::V1
    })
}
