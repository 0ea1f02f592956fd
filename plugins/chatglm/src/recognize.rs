//! Which models are of this family, and of which version.

use plugin_sdk::{Error, ModelCard, Recognition};

use crate::Version;

/// Parts of names by the version that they tell; the first that fits decides.
///
/// Names are compared without hyphens: `GLM-4-9B` and `glm4-9b` are the same.
const NAMES: [(&str, Version); 22] = [
    ("codegeex4", Version::Glm4),
    ("codegeex2", Version::V2),
    ("chatglm4", Version::Glm4),
    ("chatglm3", Version::V3),
    ("chatglm2", Version::V2),
    ("chatglm", Version::V1),
    ("glm5.2", Version::Glm52),
    ("glm5.1", Version::Glm51),
    ("glm5", Version::Glm5),
    ("glm4.7", Version::Glm47),
    ("glm4.6", Version::Glm46),
    ("glm4.5", Version::Glm45),
    ("glm4moelite", Version::Glm47),
    ("glm4moe", Version::Glm45),
    ("glmz1", Version::Z1),
    ("glm4v", Version::Glm4V),
    ("glmedge", Version::Edge),
    ("glm40414", Version::Glm0414),
    ("glm49b0414", Version::Glm0414),
    ("glm432b0414", Version::Glm0414),
    ("glm432bbase0414", Version::Glm0414),
    ("glm4", Version::Glm4),
];

pub(crate) fn recognize(card: &ModelCard) -> Recognition {
    if let Some(own) = card.own_family() {
        return Recognition::exact_if(own == "chatglm", "metadata `modelhost.family`");
    }
    let architecture = card.architecture.as_str();
    if architecture.starts_with("chatglm") || architecture.starts_with("glm") {
        return Recognition::exact(format!("architecture `{architecture}`"));
    }
    if card.template().starts_with("[gMASK]") {
        return Recognition::exact("its chat template begins with `[gMASK]`");
    }
    let tokens = ["[gMASK]", "<|observation|>"];
    Recognition::exact_if(
        tokens.iter().all(|token| card.control(token).is_some()),
        "its special tokens",
    )
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
    let named = card.names().iter().find_map(|name| by_name(name));
    Ok(match (by_template(card.template()), named) {
        // The template is what the weights were trained on; the name tells versions apart that
        // speak alike.
        (Some(template), Some(named)) if speak_alike(template, named) => named,
        (Some(template), _) => template,
        (None, Some(named)) => named,
        (None, None) => by_vocabulary(card),
    })
}

fn by_name(name: &str) -> Option<Version> {
    let name = name.replace('-', "");
    NAMES.iter().find(|(part, _)| name.contains(part)).map(|(_, version)| *version)
}

fn by_template(template: &str) -> Option<Version> {
    let has = |part: &str| template.contains(part);
    if !has("[gMASK]") {
        return None;
    }
    Some(if has("Reasoning Effort") {
        Version::Glm52
    } else if has("defer_loading") {
        Version::Glm51
    } else if has("<arg_key>") {
        if has("/nothink") { Version::Glm45 } else { Version::Glm47 }
    } else if has("[gMASK]sop") {
        Version::V3
    } else if has("你是一个名为") || !has("可用工具") {
        Version::Glm4
    } else if has("<think>") {
        Version::Z1
    } else {
        Version::Glm0414
    })
}

/// Whether two versions cannot be told apart by their templates.
fn speak_alike(one: Version, other: Version) -> bool {
    let group = |version| match version {
        Version::Glm45 | Version::Glm46 => 1,
        Version::Glm47 | Version::Glm5 => 2,
        Version::Glm0414 | Version::Z1 => 3,
        Version::Glm4 | Version::Glm4V => 4,
        _ => 0,
    };
    one == other || (group(one) != 0 && group(one) == group(other))
}

fn by_vocabulary(card: &ModelCard) -> Version {
    match card.architecture.as_str() {
        "glm4" => return Version::Glm0414,
        "glm4moe" => return Version::Glm45,
        "glm-dsa" => return Version::Glm5,
        "deepseek2" => return Version::Glm47,
        _ => {}
    }
    match card.vocabulary_size {
        // ChatGLM2 and ChatGLM3 have vocabularies of one size; only the newer has roles.
        60_000..70_000 if card.control("<|user|>").is_some() => Version::V3,
        60_000..70_000 => Version::V2,
        59_000..60_000 => Version::Edge,
        120_000..150_000 => Version::V1,
        _ if card.control("sop").is_some() => Version::V3,
        _ => Version::Glm4,
    }
}
