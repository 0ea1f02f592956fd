//! What the request says of its tools, for reading calls out of a reply.

use serde_json::Value;

use crate::ChatRequest;

/// The tools that a reply may call, and how their arguments are typed.
#[derive(Clone, Debug, Default)]
pub struct Tools {
    tools: Vec<(String, Value)>,
    /// Whether a reply may hold but one call.
    single: bool,
}

impl Tools {
    /// The tools of a request; none where the client forbids calls.
    pub fn of(request: &ChatRequest) -> Self {
        let tools = request.callable_tools().iter().map(|tool| {
            let schema = serde_json::from_str(&tool.parameters_json).unwrap_or_default();
            (tool.name.clone(), schema)
        });
        Self { tools: tools.collect(), single: request.parallel_tool_calls == Some(false) }
    }

    /// Whether there is no tool to call.
    pub fn is_empty(&self) -> bool {
        self.tools.is_empty()
    }

    /// Whether a reply may hold but one call.
    pub fn single(&self) -> bool {
        self.single
    }

    /// Whether a tool has this name.
    pub fn contains(&self, name: &str) -> bool {
        self.names().any(|known| known == name)
    }

    /// The tools' names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tools.iter().map(|(name, _)| name.as_str())
    }

    /// Whether the schema says of an argument that it is a string, or may be one.
    pub fn named_string(&self, tool: &str, argument: &str) -> bool {
        let schema = self.tools.iter().find(|(name, _)| name == tool).map(|(_, schema)| schema);
        let property = |root: &Value| Some(root.get("properties")?.get(argument)?.clone());
        schema.and_then(|root| Some((root, property(root)?))).is_some_and(|(root, property)| {
            kind(root, &property, 0) == Kind::String || admits_string(root, &property, 0)
        })
    }

    /// An argument that the model wrote as bare text: a string where the schema says so, otherwise
    /// JSON where it is JSON, otherwise a string.
    pub fn typed(&self, tool: &str, argument: &str, raw: &str) -> Value {
        let schema = self.tools.iter().find(|(name, _)| name == tool).map(|(_, schema)| schema);
        let kind = schema.map_or(Kind::Unknown, |root| {
            root.get("properties")
                .and_then(|properties| properties.get(argument))
                .map_or(Kind::Unknown, |property| kind(root, property, 0))
        });
        if kind == Kind::String {
            return Value::from(raw);
        }
        match serde_json::from_str::<Value>(raw) {
            Ok(Value::String(text)) if kind == Kind::NullableString => Value::from(text),
            Ok(value) if kind != Kind::NullableString || value.is_null() => value,
            _ if kind == Kind::NullableString => Value::from(raw),
            _ => python_constant(raw).unwrap_or_else(|| Value::from(raw)),
        }
    }
}

/// What a schema says of a value, as far as reading it needs.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    String,
    NullableString,
    Other,
    Unknown,
}

/// How deep references and alternatives are followed.
const DEPTH: u32 = 8;

fn kind(root: &Value, schema: &Value, depth: u32) -> Kind {
    if depth > DEPTH {
        return Kind::Unknown;
    }
    if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
        let target = target.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
        return target.map_or(Kind::Unknown, |target| kind(root, target, depth + 1));
    }
    if let Some(types) = schema.get("type") {
        return kind_of_type(types);
    }
    if let Some(Value::Array(values)) = schema.get("enum") {
        return if values.iter().all(Value::is_string) { Kind::String } else { Kind::Other };
    }
    if let Some(value) = schema.get("const") {
        return if value.is_string() { Kind::String } else { Kind::Other };
    }
    let alternatives = ["anyOf", "oneOf"].iter().find_map(|key| schema.get(key)?.as_array());
    let Some(alternatives) = alternatives else { return Kind::Unknown };
    let kinds: Vec<_> = alternatives.iter().map(|schema| kind(root, schema, depth + 1)).collect();
    if kinds.iter().all(|kind| *kind == Kind::String) {
        return Kind::String;
    }
    let null = |schema: &Value| schema.get("type").is_some_and(|name| name == "null");
    let rest_is_string =
        alternatives.iter().zip(&kinds).all(|(schema, kind)| null(schema) || *kind == Kind::String);
    if rest_is_string { Kind::NullableString } else { Kind::Other }
}

/// Whether one of a schema's alternatives is a string.
fn admits_string(root: &Value, schema: &Value, depth: u32) -> bool {
    let alternatives = ["anyOf", "oneOf"].iter().find_map(|key| schema.get(key)?.as_array());
    depth <= DEPTH
        && alternatives.is_some_and(|alternatives| {
            alternatives.iter().any(|schema| kind(root, schema, depth + 1) == Kind::String)
        })
}

fn kind_of_type(types: &Value) -> Kind {
    match types {
        Value::String(name) if name == "string" => Kind::String,
        Value::Array(names) => {
            let all = |allowed: &[&str]| {
                names.iter().all(|name| name.as_str().is_some_and(|name| allowed.contains(&name)))
            };
            if all(&["string"]) {
                Kind::String
            } else if all(&["string", "null"]) {
                Kind::NullableString
            } else {
                Kind::Other
            }
        }
        _ => Kind::Other,
    }
}

/// The constants that Python spells otherwise than JSON.
fn python_constant(raw: &str) -> Option<Value> {
    match raw.trim() {
        "True" => Some(Value::Bool(true)),
        "False" => Some(Value::Bool(false)),
        "None" => Some(Value::Null),
        _ => None,
    }
}
