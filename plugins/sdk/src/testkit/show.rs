//! Prompts and events in a form that people read and files hold.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::{GrammarSyntax, Prompt, PromptPart, ReplyEvent};

/// A prompt, one part a line; text is quoted as JSON quotes it, and broken after line breaks.
///
/// ```text
/// control <|user|>
/// text "\n"
///      "Hello"
/// token 64796
/// stop-token 2
/// ```
pub fn show_prompt(prompt: &Prompt) -> String {
    let mut out = String::new();
    for part in &prompt.parts {
        match part {
            PromptPart::Text(text) => quoted(&mut out, "text", text),
            PromptPart::Control(text) => line(&mut out, "control", text),
            PromptPart::Token(id) => line(&mut out, "token", id),
            PromptPart::Media(index) => line(&mut out, "media", index),
            PromptPart::Split => out.push_str("split\n"),
        }
    }
    out.push_str("---\n");
    if let Some(yes) = prompt.add_bos {
        line(&mut out, "add-bos", yes);
    }
    if let Some(yes) = prompt.space_prefix {
        line(&mut out, "space-prefix", yes);
    }
    for stop in &prompt.stop {
        quoted(&mut out, "stop", stop);
    }
    for id in &prompt.stop_tokens {
        line(&mut out, "stop-token", id);
    }
    if let Some(constraint) = &prompt.constraint {
        for trigger in &constraint.triggers {
            quoted(&mut out, "trigger", trigger);
        }
        let syntax = match constraint.syntax {
            GrammarSyntax::Gbnf => "gbnf",
            GrammarSyntax::JsonSchema => "json-schema",
            GrammarSyntax::Regex => "regex",
            GrammarSyntax::Lark => "lark",
        };
        quoted(&mut out, syntax, &constraint.source);
    }
    out
}

/// The text of a prompt with its special tokens by their texts, as a template would give it.
///
/// Tokens that are given by id are shown by `name`; other parts are left out.
pub fn flatten(prompt: &Prompt, name: impl Fn(u32) -> String) -> String {
    let part = |part: &PromptPart| match part {
        PromptPart::Text(text) | PromptPart::Control(text) => text.clone(),
        PromptPart::Token(id) => name(*id),
        PromptPart::Media(_) | PromptPart::Split => String::new(),
    };
    prompt.parts.iter().map(part).collect()
}

/// Events, one JSON value a line, neighbours of a kind joined.
pub fn show_events(events: &[ReplyEvent]) -> String {
    let mut out = String::new();
    for event in events {
        let value = match event {
            ReplyEvent::Content(text) => json!({"content": text}),
            ReplyEvent::Reasoning(text) => json!({"reasoning": text}),
            ReplyEvent::ToolCallStart(start) => match &start.id {
                Some(id) => json!({"call": start.name, "id": id}),
                None => json!({"call": start.name}),
            },
            ReplyEvent::ToolCallArguments(text) => json!({"arguments": text}),
        };
        line(&mut out, &value.to_string(), "");
    }
    out
}

fn line(out: &mut String, word: &str, value: impl std::fmt::Display) {
    let line = format!("{word} {value}");
    out.push_str(line.trim_end());
    out.push('\n');
}

fn quoted(out: &mut String, word: &str, text: &str) {
    let mut head = word.to_owned();
    let mut lines: Vec<_> = text.split_inclusive('\n').collect();
    if lines.is_empty() {
        lines.push("");
    }
    for piece in lines {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{head} {}", Value::from(piece));
        head = " ".repeat(word.len());
    }
}
