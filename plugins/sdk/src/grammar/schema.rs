//! Schemas as the grammars hold them.

use serde_json::{Map, Value, json};

/// How deep a relaxed schema may nest; deeper parts may be anything.
const DEEPEST: u32 = 12;

/// A JSON Schema for JSON on one line, with the spaces that the models were trained on.
///
/// Words of the schema that the engine does not know are left out of account.
pub fn one_line(mut schema: Value) -> Value {
    if let Some(fields) = schema.as_object_mut() {
        let style = json!({
            "whitespace_flexible": false,
            "item_separator": ", ",
            "key_separator": ": ",
            "lenient": true,
        });
        fields.insert("x-guidance".to_owned(), style);
    }
    schema
}

/// A schema without what an engine could refuse, for calls that the client did not demand: a
/// schema that is odd must not fail a request that would do without it.
///
/// What is left out only makes the grammar allow more.
pub fn relaxed(schema: &Value) -> Value {
    let mut relaxed = object(schema, schema, 0);
    for key in ["$defs", "definitions"] {
        let Some(definitions) = schema.get(key).and_then(Value::as_object) else { continue };
        let definitions: Map<_, _> = definitions
            .iter()
            .map(|(name, definition)| (name.clone(), node(definition, schema, 1)))
            .collect();
        if let Some(fields) = relaxed.as_object_mut() {
            fields.insert(key.to_owned(), Value::Object(definitions));
        }
    }
    relaxed
}

/// The outermost schema, which must be that of an object.
fn object(schema: &Value, root: &Value, depth: u32) -> Value {
    let mut relaxed = node(schema, root, depth);
    if let Some(fields) = relaxed.as_object_mut() {
        fields.insert("type".to_owned(), Value::from("object"));
        for key in ["enum", "const", "anyOf", "$ref"] {
            fields.shift_remove(key);
        }
    }
    relaxed
}

fn node(schema: &Value, root: &Value, depth: u32) -> Value {
    let mut relaxed = Map::new();
    let Some(fields) = schema.as_object().filter(|_| depth <= DEEPEST) else {
        return Value::Object(relaxed);
    };
    if let Some(target) = fields.get("$ref").and_then(Value::as_str) {
        let known = target.starts_with("#/$defs/") || target.starts_with("#/definitions/");
        let resolves = target.strip_prefix('#').and_then(|target| root.pointer(target)).is_some();
        // A name with an escape in it would have to be the same for the engine.
        if known && resolves && target.matches('/').count() == 2 && !target.contains(['~', '%']) {
            relaxed.insert("$ref".to_owned(), Value::from(target));
        }
        return Value::Object(relaxed);
    }
    let alternatives = ["anyOf", "oneOf"].iter().find_map(|key| fields.get(*key)?.as_array());
    if let Some(alternatives) = alternatives.filter(|alternatives| !alternatives.is_empty()) {
        let alternatives = alternatives.iter().map(|schema| node(schema, root, depth + 1));
        relaxed.insert("anyOf".to_owned(), alternatives.collect());
        return Value::Object(relaxed);
    }
    if fields.contains_key("allOf") || fields.contains_key("not") || fields.contains_key("if") {
        return Value::Object(relaxed);
    }
    if let Some(values) = fields.get("enum").and_then(Value::as_array).filter(|v| !v.is_empty()) {
        relaxed.insert("enum".to_owned(), Value::from(values.clone()));
        return Value::Object(relaxed);
    }
    if let Some(value) = fields.get("const") {
        relaxed.insert("const".to_owned(), value.clone());
        return Value::Object(relaxed);
    }
    if let Some(types) = fields.get("type").filter(|types| are_types(types)) {
        relaxed.insert("type".to_owned(), types.clone());
    }
    limits(fields, &mut relaxed);
    if let Some(items) = fields.get("items").filter(|items| items.is_object()) {
        relaxed.insert("items".to_owned(), node(items, root, depth + 1));
    }
    if let Some(properties) = fields.get("properties").and_then(Value::as_object) {
        let properties: Map<_, _> = properties
            .iter()
            .map(|(name, schema)| (name.clone(), node(schema, root, depth + 1)))
            .collect();
        let required = fields.get("required").and_then(Value::as_array).map(|names| {
            let known =
                |name: &&Value| name.as_str().is_some_and(|name| properties.contains_key(name));
            names.iter().filter(known).cloned().collect::<Vec<_>>()
        });
        relaxed.insert("properties".to_owned(), Value::Object(properties));
        if let Some(required) = required {
            relaxed.insert("required".to_owned(), Value::from(required));
        }
    }
    match fields.get("additionalProperties") {
        Some(more @ Value::Bool(_)) => {
            relaxed.insert("additionalProperties".to_owned(), more.clone());
        }
        Some(more @ Value::Object(_)) => {
            relaxed.insert("additionalProperties".to_owned(), node(more, root, depth + 1));
        }
        _ => {}
    }
    Value::Object(relaxed)
}

fn are_types(types: &Value) -> bool {
    let is_type = |name: &Value| {
        let known = ["string", "number", "integer", "boolean", "array", "object", "null"];
        name.as_str().is_some_and(|name| known.contains(&name))
    };
    match types {
        Value::Array(names) => !names.is_empty() && names.iter().all(is_type),
        name => is_type(name),
    }
}

/// Keeps limits that can be met.
fn limits(fields: &Map<String, Value>, relaxed: &mut Map<String, Value>) {
    for [least, most] in
        [["minimum", "maximum"], ["minLength", "maxLength"], ["minItems", "maxItems"]]
    {
        let number = |key: &str| fields.get(key).and_then(Value::as_f64);
        let (low, high) = (number(least), number(most));
        if low.zip(high).is_some_and(|(low, high)| low > high) {
            continue;
        }
        let counts = least != "minimum";
        for key in [least, most] {
            // Great counts make great grammars.
            let kept = fields.get(key).filter(|value| {
                if counts {
                    value.as_u64().is_some_and(|count| count <= 1000)
                } else {
                    value.is_number()
                }
            });
            if let Some(value) = kept {
                relaxed.insert(key.to_owned(), value.clone());
            }
        }
    }
}
