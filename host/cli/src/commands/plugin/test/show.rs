//! Prompts and events in the form that golden files hold.

use std::fmt::{Display, Write as _};

use model::{GrammarSyntax, Prompt, PromptPart, ReplyEvent};
use plugin_runtime::PluginError;
use serde_json::{Value, json};

/// A prompt, one part a line; text is quoted as JSON quotes it, and broken after line breaks.
///
/// Neighbouring texts are one, as they are for the engine.
pub(super) fn prompt(prompt: &Prompt) -> String {
    let mut out = String::new();
    let mut parts = prompt.parts.iter().peekable();
    while let Some(part) = parts.next() {
        match part {
            PromptPart::Text(text) => {
                let mut run = text.clone();
                while let Some(PromptPart::Text(more)) =
                    parts.next_if(|part| matches!(part, PromptPart::Text(_)))
                {
                    run.push_str(more);
                }
                if !run.is_empty() {
                    quoted(&mut out, "text", &run);
                }
            }
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

/// A conversation that was not rendered: the refusal as the WIT names it, or the failure.
pub(super) fn error(error: &PluginError) -> String {
    let shown = match error {
        PluginError::Unsupported(text) => format!("Error::Unsupported({text:?})"),
        PluginError::Invalid(text) => format!("Error::InvalidRequest({text:?})"),
        PluginError::Internal { cause, .. } => format!("Error::Internal({cause:?})"),
        error => error.to_string(),
    };
    format!("error {shown}\n")
}

/// Events, one JSON value a line.
pub(super) fn events(events: &[ReplyEvent]) -> String {
    let mut out = String::new();
    for event in events {
        let value = match event {
            ReplyEvent::Content(text) => json!({"content": text}),
            ReplyEvent::Reasoning(text) => json!({"reasoning": text}),
            ReplyEvent::ToolCallStart { id: Some(id), name } => json!({"call": name, "id": id}),
            ReplyEvent::ToolCallStart { id: None, name } => json!({"call": name}),
            ReplyEvent::ToolCallArguments(text) => json!({"arguments": text}),
        };
        out.push_str(&value.to_string());
        out.push('\n');
    }
    out
}

fn line(out: &mut String, word: &str, value: impl Display) {
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

#[cfg(test)]
mod tests {
    use model::Constraint;

    use super::*;

    #[test]
    fn a_prompt_in_every_part() {
        let parts = vec![
            PromptPart::Control("<|user|>".into()),
            PromptPart::Text("\nHel".into()),
            PromptPart::Text("lo".into()),
            PromptPart::Token(7),
            PromptPart::Media(0),
            PromptPart::Split,
        ];
        let constraint = Constraint {
            syntax: GrammarSyntax::Gbnf,
            source: "root ::= \"a\"".into(),
            triggers: vec!["<call>".into()],
        };
        let shown = prompt(&Prompt {
            parts,
            add_bos: Some(true),
            space_prefix: Some(false),
            stop: vec!["<end>".into()],
            stop_tokens: vec![2],
            constraint: Some(constraint),
        });
        assert_eq!(
            shown,
            "\
control <|user|>
text \"\\n\"
     \"Hello\"
token 7
media 0
split
---
add-bos true
space-prefix false
stop \"<end>\"
stop-token 2
trigger \"<call>\"
gbnf \"root ::= \\\"a\\\"\"
"
        );
    }

    #[test]
    fn refusals_are_named_as_in_the_wit() {
        let refusal = PluginError::Unsupported("no \"tools\"".into());
        assert_eq!(error(&refusal), "error Error::Unsupported(\"no \\\"tools\\\"\")\n");
    }

    #[test]
    fn events_are_lines() {
        let call = ReplyEvent::ToolCallStart { id: Some("c1".into()), name: "f".into() };
        let all = [ReplyEvent::Reasoning("hm".into()), call];
        assert_eq!(events(&all), "{\"reasoning\":\"hm\"}\n{\"call\":\"f\",\"id\":\"c1\"}\n");
    }
}
