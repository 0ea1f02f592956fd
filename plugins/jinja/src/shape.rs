//! How a template wants the conversation.
//!
//! Templates differ in what they take for a message's content, for the arguments of a call and for
//! reasoning. llama.cpp and vLLM find out by trying, or from the syntax tree; here the source says
//! it, which costs little and gives the same answer for the same model always.

use plugin_sdk::{Error, ModelCard};

/// What a template takes.
#[expect(clippy::struct_excessive_bools, reason = "each is a question of its own")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Whether content is a list of parts even where it is one text.
    pub parts: bool,
    /// Whether content may be a list of parts.
    pub takes_parts: bool,
    /// Whether content that is not there is `None` and not an empty text.
    pub null_content: bool,
    /// Whether arguments are JSON text and not an object.
    pub text_arguments: bool,
    /// Whether the ids of calls must be of Mistral's form.
    pub short_ids: bool,
    /// Whether each message may have one call at most.
    pub single_calls: bool,
    /// Whether a message with calls may not have both content and reasoning.
    pub content_or_reasoning: bool,
    /// Where the reasoning of an earlier turn goes.
    pub reasoning: Reasoning,
}

/// Where the reasoning of an earlier turn goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reasoning {
    /// Under a key of the message.
    Key(&'static str),
    /// In a part of the content, of the type `thinking`.
    Part,
}

impl Shape {
    /// What a template's source says, and the operator's options over it.
    pub fn of(card: &ModelCard, source: &str) -> Result<Self, Error> {
        // Apertus has a mapping around its parts.
        let takes_parts = takes_parts(source) && !source.contains("content.parts");
        let parts = takes_parts && !tells_kinds_apart(source);
        let parts = card.choice("content", &[("string", false), ("parts", true)])?.unwrap_or(parts);
        let text_arguments = text_arguments(source);
        let text_arguments = card
            .choice("arguments", &[("object", false), ("string", true)])?
            .unwrap_or(text_arguments);
        Ok(Self {
            parts,
            takes_parts: takes_parts || parts,
            null_content: lookups(source, "content").any(asks_for_none),
            text_arguments,
            // Templates with a rule say so to whoever breaks it.
            short_ids: source.contains("alphanumeric strings with length 9"),
            single_calls: source.contains("single tool-calls at once"),
            content_or_reasoning: source.contains("both content and thinking"),
            reasoning: reasoning(source),
        })
    }
}

/// Whether the template looks into the parts of a content: it tests their type.
fn takes_parts(source: &str) -> bool {
    lookups(source, "type").any(|after| {
        let after = after.trim_start();
        ["== 'text'", "== \"text\"", "=='text'", "==\"text\"", "in ['text'", "in [\"text\""]
            .iter()
            .any(|test| after.starts_with(test))
    }) || lookups(source, "text").next().is_some() && loops_over_content(source)
}

fn loops_over_content(source: &str) -> bool {
    source.match_indices(" in ").any(|(at, word)| {
        let looped = source.get(at + word.len()..).unwrap_or_default();
        let end = looped.find(['%', '\n', '|']).unwrap_or(looped.len());
        let looped = looped.get(..end).unwrap_or_default().trim_end_matches(['-', ' ']);
        let content = looped.strip_suffix("']").or(looped.strip_suffix("\"]")).unwrap_or(looped);
        content == "content"
            || [".content", "['content", "[\"content"].iter().any(|s| content.ends_with(s))
    })
}

/// Whether the template asks of what kind a content is before it loops over it.
fn tells_kinds_apart(source: &str) -> bool {
    ["is string", "is not string", "is iterable", "is sequence", "is mapping", "is not mapping"]
        .iter()
        .any(|test| source.contains(test))
}

/// Whether every use of arguments puts them into a text as they are.
fn text_arguments(source: &str) -> bool {
    let mut any = false;
    for after in lookups(source, "arguments") {
        let after = after.trim_start().trim_start_matches(')').trim_start();
        if !(after.starts_with('+')
            || after.starts_with('~')
            || after.starts_with("}}")
            || after.starts_with("-}}"))
        {
            return false;
        }
        any = true;
    }
    any && !source.contains("arguments is string") && !source.contains("arguments is mapping")
}

fn reasoning(source: &str) -> Reasoning {
    for key in ["reasoning_content", "reasoning", "thinking"] {
        let by_get = [format!("get('{key}'"), format!("get(\"{key}\"")];
        let in_message = [format!("'{key}' in "), format!("\"{key}\" in ")];
        let named = |text: &String| source.contains(text.as_str());
        // `block['thinking']` is a part's and not a message's.
        let own = key != "thinking" || !source.contains("block['thinking']");
        if own
            && (lookups(source, key).next().is_some()
                || by_get.iter().any(named)
                || in_message.iter().any(named))
        {
            return Reasoning::Key(key);
        }
    }
    let part = ["== 'thinking'", "== \"thinking\"", "=='thinking'"];
    if part.iter().any(|test| source.contains(test)) {
        Reasoning::Part
    } else {
        Reasoning::Key("reasoning_content")
    }
}

fn asks_for_none(after: &str) -> bool {
    let after = after.trim_start();
    let rest = after.strip_prefix("is none").or(after.strip_prefix("== none"));
    // `is none or` asks for what is empty in any way.
    rest.is_some_and(|rest| !rest.trim_start().starts_with("or "))
}

/// What follows each lookup of a key: `.key`, `['key']` or `["key"]`.
fn lookups<'a>(source: &'a str, key: &'a str) -> impl Iterator<Item = &'a str> {
    source.match_indices(key).filter_map(move |(at, _)| {
        let before = source.get(..at)?;
        let after = source.get(at + key.len()..)?;
        if before.ends_with("['") {
            after.strip_prefix("']")
        } else if before.ends_with("[\"") {
            after.strip_prefix("\"]")
        } else if before.ends_with('.') {
            let more = |c: char| c.is_alphanumeric() || c == '_';
            (!after.starts_with(more)).then_some(after)
        } else {
            None
        }
    })
}
