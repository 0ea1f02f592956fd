//! Calls whose arguments stand between tags.

use serde_json::{Map, Value};

use super::Call;
use super::notation::{Heading, is_name};
use crate::{Tools, json};

/// The tags of a notation.
#[derive(Clone, Copy, Debug)]
pub struct Tags {
    /// What stands before the tool's name.
    pub call: &'static [&'static str],
    /// What stands before a parameter's name.
    pub parameter: &'static [&'static str],
    /// What ends a tag after the name and its attributes.
    pub end: &'static str,
    /// What ends a parameter.
    pub close: &'static [&'static str],
    /// Whether strings may stand in quotes, as JSON has them.
    pub quoted: bool,
}

/// The start of CDATA, in which nothing is a tag.
pub(super) const CDATA: [&str; 2] = ["<![CDATA[", "]]>"];

impl Tags {
    /// Reads a call; what stands before the name may be missing, as the opening marker of a call.
    ///
    /// A line break after a parameter's tag is not part of its value, and neither is the one before
    /// its end then.
    pub fn read(&self, heading: &Heading<'_>) -> Option<Vec<Call>> {
        let text = heading.text.trim_start();
        let rest = strip_any(text, self.call).unwrap_or(text);
        let (name, _, mut rest) = tag(rest, self.end)?;
        let name = Some(name).filter(|name| is_name(name))?;
        let mut arguments = Map::new();
        loop {
            rest = rest.trim_start();
            if rest.is_empty() {
                break;
            }
            let (key, attributes, after) = tag(strip_any(rest, self.parameter)?, self.end)?;
            let (value, after) = self.value(after)?;
            let value = self.typed(heading.tools, name, key, attributes, &value);
            arguments.insert(key.to_owned(), value);
            rest = after;
        }
        Some(vec![Call::new(name, json::python(&Value::Object(arguments)))])
    }

    /// A parameter's value, and what follows it.
    fn value<'a>(&self, text: &'a str) -> Option<(String, &'a str)> {
        if let Some(inside) = text.trim_start().strip_prefix(CDATA[0]) {
            let (value, after) = inside.split_once(CDATA[1])?;
            return Some((value.to_owned(), strip_any(after.trim_start(), self.close)?));
        }
        let ends = self.close.iter().filter_map(|close| Some((text.find(close)?, close)));
        let (at, close) = ends.min_by_key(|(at, _)| *at)?;
        let value = text.get(..at)?;
        let value = match value.strip_prefix('\n') {
            Some(line) => line.strip_suffix('\n').unwrap_or(line),
            None => value,
        };
        Some((value.to_owned(), text.get(at + close.len()..)?))
    }

    /// A value by what its tag says of its type, else by the tool's schema.
    fn typed(&self, tools: &Tools, tool: &str, key: &str, attributes: &str, raw: &str) -> Value {
        let is = |word| attributes.contains(word);
        if is("string=\"true\"") || is("type=\"string\"") {
            return Value::from(raw);
        }
        if is("string=\"false\"") || is("type=") {
            return serde_json::from_str(raw).unwrap_or_else(|_| Value::from(raw));
        }
        if self.quoted
            && raw.starts_with('"')
            && let Ok(Value::String(text)) = serde_json::from_str(raw)
        {
            return Value::from(text);
        }
        tools.typed(tool, key, raw)
    }
}

/// The name in a tag, its attributes, and what follows the tag.
pub(super) fn tag<'a>(text: &'a str, end: &str) -> Option<(&'a str, &'a str, &'a str)> {
    let (head, after) = text.split_once(end)?;
    let head = head.trim();
    let quoted = head.strip_prefix('"').and_then(|head| head.split_once('"'));
    let (name, attributes) = quoted.unwrap_or_else(|| (head.trim_end_matches('"'), ""));
    (!name.is_empty()).then_some((name, attributes, after))
}

fn strip_any<'a>(text: &'a str, prefixes: &[&str]) -> Option<&'a str> {
    prefixes.iter().find_map(|prefix| text.strip_prefix(prefix))
}
