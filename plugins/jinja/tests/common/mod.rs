//! What the tests share: cards, conversations and goldens.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "each test uses a part of it, and may stop"
)]

use std::path::PathBuf;

use jinja::Jinja;
use plugin_sdk::{Chat, ChatRequest, Error, ModelCard, Prepare, Prompt, testkit};
use serde_json::{Map, Value, json};

/// The templates with their goldens; none where the folder is missing.
pub(crate) fn models() -> Vec<(String, String, Value)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/templates");
    if !folder.is_dir() {
        eprintln!("skipped: there is no shared/data/templates beside the repository");
        return Vec::new();
    }
    let goldens: Value = serde_json::from_str(include_str!("../../goldens/models.json")).unwrap();
    let models = goldens.as_object().unwrap().iter().map(|(name, golden)| {
        let source = std::fs::read_to_string(folder.join(format!("{name}.jinja"))).unwrap();
        (name.clone(), source, golden.clone())
    });
    models.collect()
}

/// The templates of this folder with their goldens.
pub(crate) fn own_templates() -> Vec<(String, String, Value)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("goldens/templates");
    let goldens: Map<String, Value> =
        serde_json::from_str(include_str!("../../goldens/own.json")).unwrap();
    let read = |(name, golden): (String, Value)| {
        let source = std::fs::read_to_string(folder.join(format!("{name}.jinja"))).unwrap();
        (name, source, golden)
    };
    goldens.into_iter().map(read).collect()
}

/// What stands before a template's own words of refusal.
pub(crate) const REFUSES: &str = "the model's chat template refuses this conversation: ";

/// When the goldens were made.
const NOW: &str = "2026-11-22T12:34:56Z";

/// What reference Jinja makes of a conversation.
#[derive(Debug)]
pub(crate) enum Golden {
    /// This text.
    Text(String),
    /// A text of this length and hash.
    Facts(usize, String),
    /// The template's own refusal.
    Raised(String),
    /// Another error.
    Failed(String),
}

impl Golden {
    pub(crate) fn of(value: &Value) -> Self {
        match value {
            Value::String(text) => Self::Text(text.clone()),
            Value::Array(facts) => Self::Facts(
                usize::try_from(facts[0].as_u64().unwrap()).unwrap(),
                facts[1].as_str().unwrap().to_owned(),
            ),
            Value::Object(error) if error.contains_key("raised") => {
                Self::Raised(error["raised"].as_str().unwrap().to_owned())
            }
            other => Self::Failed(other.to_string()),
        }
    }

    pub(crate) fn is(&self, text: &str) -> bool {
        match self {
            Self::Text(expect) => expect == text,
            Self::Facts(len, hash) => *len == text.len() && *hash == fnv(text),
            Self::Raised(_) | Self::Failed(_) => false,
        }
    }

    /// Where reference Jinja fails for a reason of Python's, any outcome is as good.
    pub(crate) fn agrees(&self, actual: &Result<Prompt, Error>) -> bool {
        match (self, actual) {
            (Self::Text(_) | Self::Facts(..), Ok(prompt)) => self.is(&flat(prompt)),
            (Self::Raised(expect), Err(Error::InvalidRequest(text))) => {
                text.strip_prefix(REFUSES) == Some(expect.as_str())
            }
            // The model's own reply may hold several calls, which this family parts.
            (Self::Raised(expect), Ok(_)) => expect.contains("single tool-calls at once"),
            (Self::Failed(_), _) => true,
            _ => false,
        }
    }
}

fn fnv(text: &str) -> String {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

/// The text of a prompt, special tokens by their texts.
pub(crate) fn flat(prompt: &Prompt) -> String {
    testkit::flatten(prompt, |id| format!("[token {id}]"))
}

pub(crate) fn outcome(card: &ModelCard, request: &ChatRequest) -> Result<Prompt, Error> {
    let rendered = <Jinja as Chat>::render(card, request);
    // A model that was read ahead is answered the same.
    let card: &'static ModelCard = Box::leak(Box::new(card.clone()));
    Jinja::prepare(card);
    assert_eq!(<Jinja as Chat>::render(card, request), rendered);
    rendered
}

/// The conversations of the goldens by name.
pub(crate) fn conversations() -> Vec<(String, ChatRequest)> {
    let tools: Value = serde_json::from_str(include_str!("../../goldens/tools.json")).unwrap();
    let all: Map<String, Value> =
        serde_json::from_str(include_str!("../../goldens/conversations.json")).unwrap();
    let request = |mut conversation: Value| {
        if let Some(Value::Array(names)) = conversation.get_mut("tools") {
            for name in names {
                *name = tools[name.as_str().unwrap()].clone();
            }
        }
        conversation["now"] = json!(NOW);
        testkit::request(&conversation).unwrap()
    };
    all.into_iter().map(|(name, conversation)| (name, request(conversation))).collect()
}

/// A model with this template, and what looks like a special token in it.
pub(crate) fn named_card(template: &str) -> ModelCard {
    let mut controls = Map::new();
    for text in ["<unk>", "<s>", "</s>"].into_iter().chain(look_alikes(template)) {
        let id = controls.len();
        controls.entry(text).or_insert_with(|| json!(id));
    }
    testkit::card(&json!({
        "name": "m", "architecture": "llama", "bos": 1, "eos": 2,
        "chat-template": template, "control-tokens": controls,
    }))
}

/// `<...>` and `[...]` of a template that a vocabulary may have as tokens.
fn look_alikes(template: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for (at, open) in template.match_indices(['<', '[']) {
        let close = if open == "<" { '>' } else { ']' };
        let Some(end) = template[at..].find(close) else { continue };
        let text = &template[at..=at + end];
        let inner = &text[1..text.len() - 1];
        let plain = |c: char| c.is_alphanumeric() || "|_/▁｜-.".contains(c);
        let capital =
            open == "<" || inner.chars().all(|c| c.is_ascii_uppercase() || "_/".contains(c));
        let content = inner.chars().any(char::is_alphanumeric);
        if content && capital && inner.len() < 40 && inner.chars().all(plain) {
            found.push(text);
        }
    }
    found
}
