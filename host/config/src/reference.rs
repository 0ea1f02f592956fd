//! The JSON schema and the reference page, both made from the types that read the file.

use std::fmt::Write;

use serde_json::{Map, Value};

use crate::{environment, wire};

/// A JSON schema of `models.toml`, for editors.
pub fn schema() -> Value {
    let mut schema = schemars::schema_for!(wire::File).to_value();
    simplify(&mut schema);
    schema
}

/// Takes away what only says that a key may be missing.
fn simplify(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if object.get("default") == Some(&Value::Null) || is_empty_default(object) {
                object.shift_remove("default");
            }
            if let Some(Value::Array(types)) = object.get_mut("type") {
                types.retain(|kind| kind != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    object.insert("type".to_owned(), only);
                }
            }
            object.values_mut().for_each(simplify);
        }
        Value::Array(values) => values.iter_mut().for_each(simplify),
        _ => {}
    }
}

/// Whether a table or a list is empty by default, which goes without saying.
fn is_empty_default(object: &Map<String, Value>) -> bool {
    match object.get("default") {
        Some(Value::Array(values)) => values.is_empty(),
        Some(Value::Object(values)) => values.is_empty(),
        _ => false,
    }
}

/// The reference page, in Markdown.
pub fn reference() -> String {
    let schema = schema();
    let mut page = String::from(INTRODUCTION);
    let mut tables = vec![(String::new(), &schema)];
    // Tables are written in the order in which the file lists them, each before those inside it.
    while let Some((path, table)) = tables.pop() {
        let mut inner = Vec::new();
        if !path.is_empty() {
            heading(&mut page, &path, table);
        }
        for (key, property) in properties(table) {
            let Some((nested, is_list)) = nested_table(&schema, property) else {
                entry(&mut page, key, property);
                continue;
            };
            let name = path.trim_matches(['[', ']']);
            let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
            let name = if is_list { format!("[[{name}]]") } else { format!("[{name}]") };
            inner.push((name, nested));
        }
        tables.extend(inner.into_iter().rev());
    }
    page.push_str("\n## Environment\n\n");
    page.push_str("A variable that is set wins over the file; an empty one counts as not set.\n\n");
    page.push_str("| variable | meaning |\n| --- | --- |\n");
    for (name, meaning) in environment::ALL {
        // Writing to a String cannot fail.
        let _ = writeln!(page, "| `{name}` | {meaning} |");
    }
    page
}

const INTRODUCTION: &str = "\
# Reference of models.toml

This page is generated from `host/config/src/wire.rs`.

Every key may be left out unless it is required.
Unknown keys are errors.
Sizes have units of 1024 (`KB`, `MB`, `GB`), times have the units `ms`, `s`, `m` and `h`.
A relative path begins at the folder of the file.
";

fn properties(table: &Value) -> impl Iterator<Item = (&String, &Value)> {
    table.get("properties").and_then(Value::as_object).into_iter().flatten()
}

/// The table that a property is, or a list of.
fn nested_table<'a>(schema: &'a Value, property: &'a Value) -> Option<(&'a Value, bool)> {
    let resolve = |value: &'a Value| {
        let name = value.get("$ref")?.as_str()?.strip_prefix("#/$defs/")?;
        schema.get("$defs")?.get(name)
    };
    if let Some(table) = resolve(property) {
        return Some((table, false));
    }
    Some((resolve(property.get("items")?)?, true))
}

fn heading(page: &mut String, path: &str, table: &Value) {
    let _ = writeln!(page, "\n## `{path}`\n\n{}", description(table));
}

fn entry(page: &mut String, key: &str, property: &Value) {
    let _ = writeln!(page, "\n### `{key}`\n\n{}\n", description(property));
    let _ = writeln!(page, "- Type: {}", type_name(property));
    if let Some(default) = property.get("default") {
        let _ = writeln!(page, "- Default: `{}`", as_toml(default));
    }
    let examples = property.get("examples").and_then(Value::as_array);
    if let Some(example) = examples.and_then(|examples| examples.first()) {
        let _ = writeln!(page, "- Example: `{key} = {}`", as_toml(example));
    }
}

fn description(schema: &Value) -> &str {
    schema.get("description").and_then(Value::as_str).unwrap_or_default()
}

fn type_name(property: &Value) -> String {
    if let Some(choices) = property.get("anyOf").and_then(Value::as_array) {
        return choices.iter().map(type_name).collect::<Vec<_>>().join(" or ");
    }
    if let Some(word) = property.get("const") {
        return format!("`{}`", as_toml(word));
    }
    if let Some(words) = property.get("enum").and_then(Value::as_array) {
        let words: Vec<String> = words.iter().map(|word| format!("`{}`", as_toml(word))).collect();
        return words.join(", ");
    }
    if let Some(choices) = property.get("oneOf").and_then(Value::as_array) {
        return choices.iter().map(type_name).collect::<Vec<_>>().join(", ");
    }
    match property.get("type").and_then(Value::as_str) {
        Some("array") => {
            let items = property.get("items").map(type_name).unwrap_or_default();
            format!("list of {items}")
        }
        Some("object") => "table of text".to_owned(),
        Some("string") => "text".to_owned(),
        Some(other) => other.to_owned(),
        None => String::new(),
    }
}

/// A JSON value as TOML writes it in one line.
fn as_toml(value: &Value) -> String {
    match value {
        Value::Array(values) => {
            format!("[{}]", values.iter().map(as_toml).collect::<Vec<_>>().join(", "))
        }
        Value::Object(fields) => {
            let fields = fields.iter().map(|(key, value)| format!("{key} = {}", as_toml(value)));
            format!("{{ {} }}", fields.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

/// Files made from the types, and their content; paths begin at the root of the repository.
///
/// They are committed, and a check compares them with what this returns.
pub fn generated() -> [(&'static str, String); 2] {
    let mut schema = serde_json::to_string_pretty(&schema()).unwrap_or_default();
    schema.push('\n');
    [("host/config/models.schema.json", schema), ("host/config/REFERENCE.md", reference())]
}
