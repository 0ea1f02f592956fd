//! Reading one tool call, in the syntaxes that models use.

use serde_json::{Map, Value};

use super::literal::keyword_arguments;
use crate::json;

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

/// The body of a call as GLM-4 writes it, for the tool `name`: one JSON object, passed on as the
/// model wrote it.
pub fn headed_json(name: &str, body: &str) -> Option<Call> {
    let body = body.trim();
    serde_json::from_str::<Map<String, Value>>(body).ok()?;
    Some(Call::new(name, body))
}
