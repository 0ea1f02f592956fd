//! Notations in which a call is a line of Python.

use serde_json::Value;

use crate::json;
use crate::reply::{Call, Head, Heading, Notation, call_list};

const NONE: Notation = Notation {
    openings: &[],
    closings: &[],
    silent: &[],
    starts: &[],
    keys: None,
    head: |_| Head::NoCall,
};

/// `[f(a=1), g()]` alone: Llama 3.2 and 4 where they are told to.
pub static LIST: Notation = Notation {
    openings: &["<|python_start|>"],
    closings: &["<|python_end|>"],
    starts: &['['],
    head: |heading| {
        let text = heading.text.trim_start();
        let Some(inside) = text.strip_prefix('[') else {
            return if text.is_empty() { Head::Unknown } else { Head::NoCall };
        };
        let inside = inside.trim_start();
        let mut names = heading.tools.names();
        let called = |name: &str| {
            let rest = inside.strip_prefix(name).map(str::trim_start);
            rest.is_some_and(|rest| rest.starts_with('('))
        };
        if heading.tools.names().any(called) {
            return Head::Bracketed { read: list };
        }
        let may_be = |name: &str| {
            let rest = inside.strip_prefix(name).map(str::trim_start);
            name.starts_with(inside) || rest.is_some_and(str::is_empty)
        };
        if names.any(may_be) { Head::Unknown } else { Head::NoCall }
    },
    ..NONE
};

/// The same between markers: LFM2.
pub static LFM2: Notation = Notation {
    openings: &["<|tool_call_start|>"],
    closings: &["<|tool_call_end|>"],
    head: |heading| match heading.text.trim_start().chars().next() {
        None => Head::Unknown,
        Some('[') => Head::Bracketed { read: list },
        Some(_) => Head::NoCall,
    },
    ..NONE
};

/// Calls in a fence that says `tool_code`: Gemma 2 and 3, where they are told to.
pub static TOOL_CODE: Notation = Notation {
    openings: &["```tool_code\n"],
    head: |_| Head::Closed { read: fence, close: "```", quotes: &[] },
    ..NONE
};

fn list(heading: &Heading<'_>) -> Option<Vec<Call>> {
    let calls = call_list(heading.text)?;
    let calls = calls
        .into_iter()
        .map(|(name, arguments)| Call::new(name, json::python(&Value::Object(arguments))));
    Some(calls.collect())
}

/// A list, or a call on each line; what `print` prints is what counts.
fn fence(heading: &Heading<'_>) -> Option<Vec<Call>> {
    let text = heading.text.trim();
    if text.starts_with('[') {
        return list(heading);
    }
    let lines = text.lines().filter(|line| !line.trim().is_empty()).map(|line| {
        let line = line.trim();
        let printed = line.strip_prefix("print(").and_then(|line| line.strip_suffix(')'));
        let line = format!("[{}]", printed.unwrap_or(line));
        let mut calls =
            list(&Heading { marker: heading.marker, text: &line, tools: heading.tools })?;
        calls.pop()
    });
    let calls: Vec<_> = lines.collect::<Option<_>>()?;
    (!calls.is_empty()).then_some(calls)
}
