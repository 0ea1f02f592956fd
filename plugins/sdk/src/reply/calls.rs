//! Reading one tool call, in the syntaxes that models use.

use serde_json::{Map, Value};

use super::literal::keyword_arguments;
use crate::{Tools, json};

/// A call that a reply made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The id, where the syntax carries one.
    pub id: Option<String>,
    /// The function's name.
    pub name: String,
    /// The arguments, one JSON object.
    pub arguments: String,
}

impl Call {
    /// A call without an id.
    pub fn new(name: impl Into<String>, arguments: impl Into<String>) -> Self {
        Self { id: None, name: name.into(), arguments: arguments.into() }
    }
}

/// `{"name": .., "arguments": {..}}`, or a list of them, as Hermes and Qwen write it.
///
/// `parameters` stands for `arguments` in some models; arguments may be JSON in a string.
pub fn json_object(body: &str, _: &Tools) -> Option<Vec<Call>> {
    match serde_json::from_str(body.trim()).ok()? {
        Value::Array(calls) if !calls.is_empty() => calls.iter().map(named).collect(),
        call => Some(vec![named(&call)?]),
    }
}

fn named(call: &Value) -> Option<Call> {
    let name = call.get("name")?.as_str().filter(|name| !name.is_empty())?;
    let arguments = match call.get("arguments").or_else(|| call.get("parameters")) {
        None | Some(Value::Null) => "{}".to_owned(),
        Some(arguments @ Value::Object(_)) => json::python(arguments),
        Some(Value::String(text)) => {
            serde_json::from_str::<Map<String, Value>>(text).ok()?;
            text.clone()
        }
        Some(_) => return None,
    };
    let id = call.get("id").and_then(Value::as_str).map(str::to_owned);
    Some(Call { id, name: name.to_owned(), arguments })
}

/// `name<arg_key>k</arg_key><arg_value>v</arg_value>...`, as GLM-4.5 and later write it.
///
/// Parameters that are strings in the tool's schema stay strings; others are JSON if they parse.
pub fn glm_xml(body: &str, tools: &Tools) -> Option<Vec<Call>> {
    let (name, mut rest) = match body.find("<arg_key>") {
        Some(at) => body.split_at_checked(at)?,
        None => (body, ""),
    };
    let name = name.trim();
    if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c == '<' || c == '>') {
        return None;
    }
    let mut arguments = Map::new();
    while !rest.trim().is_empty() {
        let (key, after) = between(rest, "<arg_key>", "</arg_key>")?;
        let (value, after) = between(after, "<arg_value>", "</arg_value>")?;
        let key = key.trim();
        arguments.insert(key.to_owned(), tools.typed(name, key, value));
        rest = after;
    }
    Some(vec![Call::new(name, json::python(&Value::Object(arguments)))])
}

/// What stands between two markers at the start of `text`, and what comes after them.
fn between<'a>(text: &'a str, open: &str, close: &str) -> Option<(&'a str, &'a str)> {
    text.trim_start().strip_prefix(open)?.split_once(close)
}

/// A fenced `tool_call(key='value', ..)`, as ChatGLM3 writes it, for the tool `name`.
///
/// The tool `interpreter` takes the code itself.
pub fn python_call(name: &str, body: &str) -> Option<Call> {
    let (_, code) = body.trim().strip_prefix("```")?.split_once('\n')?;
    let code = code.trim_end().strip_suffix("```")?.trim_end_matches('\n');
    if name == "interpreter" {
        let mut arguments = Map::new();
        arguments.insert("code".to_owned(), Value::from(code));
        return Some(Call::new(name, json::python(&Value::Object(arguments))));
    }
    Some(Call::new(name, json::python(&Value::Object(keyword_arguments(code)?))))
}
