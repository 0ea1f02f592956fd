//! Calls whose arguments are elements, which nest.

use serde_json::{Map, Value};

use super::Call;
use super::notation::{Heading, is_name};
use super::tags::tag;
use crate::json;

/// How deep elements may nest.
const DEEPEST: u32 = 32;

/// Arguments as elements that are named after them and nest, `<item>` for those of lists, as
/// MiniMax-M3 writes them: every tag may have the namespace `space` before it.
pub(crate) fn elements(heading: &Heading<'_>, space: &str) -> Option<Vec<Call>> {
    let text = heading.text.trim_start();
    let text = text.strip_prefix("<invoke name=").unwrap_or(text);
    let (name, _, body) = tag(text, ">")?;
    let name = Some(name).filter(|name| is_name(name))?;
    // The namespace of the closing tag stands before what ended the text.
    let body = body.strip_suffix(space).unwrap_or(body).trim();
    let string =
        |key: &str, raw: &str| heading.tools.named_string(name, key).then(|| Value::from(raw));
    let arguments = fields_of_parameters(body, heading, name);
    let arguments = arguments.or_else(|| fields(body, space, 0, &string))?;
    Some(vec![Call::new(name, json::python(&Value::Object(arguments)))])
}

/// The older form, with the names in `<parameter name="..">`.
fn fields_of_parameters(
    body: &str,
    heading: &Heading<'_>,
    name: &str,
) -> Option<Map<String, Value>> {
    let mut rest = body;
    let mut arguments = Map::new();
    while !rest.trim().is_empty() {
        let (key, _, after) = tag(rest.trim_start().strip_prefix("<parameter name=")?, ">")?;
        let (raw, after) = after.split_once("</parameter>")?;
        arguments.insert(key.to_owned(), heading.tools.typed(name, key, raw));
        rest = after;
    }
    (!arguments.is_empty()).then_some(arguments)
}

/// Elements in a row; one that comes again makes a list of its values.
fn fields(
    text: &str,
    space: &str,
    depth: u32,
    string: &dyn Fn(&str, &str) -> Option<Value>,
) -> Option<Map<String, Value>> {
    let mut found: Vec<(String, Vec<Value>)> = Vec::new();
    let elements = Elements { rest: text, space };
    for (key, raw) in elements {
        let (key, raw) = (key?, raw);
        let value = match string(key, raw) {
            Some(value) => value,
            None => element(raw, space, depth + 1)?,
        };
        match found.iter_mut().find(|(known, _)| known == key) {
            Some((_, values)) => values.push(value),
            None => found.push((key.to_owned(), vec![value])),
        }
    }
    let single = |mut values: Vec<Value>| {
        if values.len() == 1 { values.pop().unwrap_or_default() } else { Value::Array(values) }
    };
    Some(found.into_iter().map(|(key, values)| (key, single(values))).collect())
}

/// What an element holds: other elements, or a value.
fn element(raw: &str, space: &str, depth: u32) -> Option<Value> {
    if depth > DEEPEST {
        return None;
    }
    let text = raw.trim();
    let nested = text.strip_prefix(space).is_some_and(|text| text.starts_with('<'))
        && Elements { rest: text, space }.all(|(key, _)| key.is_some());
    if !nested {
        let plain = unescaped(raw);
        return Some(serde_json::from_str(text).unwrap_or_else(|_| Value::from(plain)));
    }
    let items: Vec<_> = Elements { rest: text, space }.collect();
    if items.iter().all(|(key, _)| *key == Some("item")) {
        let items = items.iter().map(|(_, raw)| element(raw, space, depth + 1));
        return items.collect::<Option<_>>().map(Value::Array);
    }
    fields(text, space, depth, &|_, _| None).map(Value::Object)
}

/// Elements in a row, each with what it holds; one without a name ends a row that is malformed.
struct Elements<'a> {
    rest: &'a str,
    space: &'a str,
}

impl<'a> Iterator for Elements<'a> {
    type Item = (Option<&'a str>, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.rest.trim_start();
        if text.is_empty() {
            return None;
        }
        let read = || {
            let (key, after) = text.strip_prefix(self.space)?.strip_prefix('<')?.split_once('>')?;
            let key = Some(key).filter(|key| is_name(key) && !key.starts_with(['/', '!']))?;
            let end = matching(after, key, self.space)?;
            let inside = after.get(..end)?;
            let close = self.space.len() + key.len() + 3;
            Some((key, inside, after.get(end + close..)?))
        };
        let Some((key, inside, rest)) = read() else {
            self.rest = "";
            return Some((None, text));
        };
        self.rest = rest;
        Some((Some(key), inside))
    }
}

/// Where the end of the element `key` is, past elements of the same name inside it.
fn matching(text: &str, key: &str, space: &str) -> Option<usize> {
    let (open, close) = (format!("{space}<{key}>"), format!("{space}</{key}>"));
    let mut depth = 0_u32;
    let mut at = 0;
    loop {
        let rest = text.get(at..)?;
        let end = rest.find(&close)?;
        match rest.find(&open).filter(|open| *open < end) {
            Some(inner) => {
                depth += 1;
                at += inner + open.len();
            }
            None if depth == 0 => return Some(at + end),
            None => {
                depth -= 1;
                at += end + close.len();
            }
        }
    }
}

/// A text with the entities of XML replaced; an ampersand alone stays one.
fn unescaped(raw: &str) -> String {
    let mut text = raw.to_owned();
    for (entity, character) in [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&amp;", "&")] {
        text = text.replace(entity, character);
    }
    text
}
