//! Grammars for calls that the client demands, in llguidance's dialect of Lark.
//!
//! Where the syntax of a version allows it, the arguments follow the tool's schema.

use plugin_sdk::Tool;
use serde_json::{Map, Value};

/// A grammar under construction.
#[derive(Default)]
pub(crate) struct Grammar {
    rules: Vec<String>,
}

/// A grammar for one call to any of the tools; `call` adds a tool's rules and returns its name.
pub(crate) fn any(tools: &[Tool], call: impl Fn(&mut Grammar, &Tool) -> String) -> String {
    let mut grammar = Grammar::default();
    let calls: Vec<_> = tools.iter().map(|tool| call(&mut grammar, tool)).collect();
    grammar.finish(&calls.join(" | "))
}

/// A grammar for what `call` adds.
pub(crate) fn one(call: impl FnOnce(&mut Grammar) -> String) -> String {
    let mut grammar = Grammar::default();
    let call = call(&mut grammar);
    grammar.finish(&call)
}

/// A JSON Schema for JSON on one line, with the spaces that the models were trained on.
///
/// Words of the schema that the engine does not know are left out of account.
pub(crate) fn one_line(mut schema: Value) -> Value {
    if let Some(fields) = schema.as_object_mut() {
        let style = serde_json::json!({
            "whitespace_flexible": false,
            "item_separator": ", ",
            "key_separator": ": ",
            "lenient": true,
        });
        fields.insert("x-guidance".to_owned(), style);
    }
    schema
}

impl Grammar {
    /// `head`, then JSON for the schema.
    pub(crate) fn json(&mut self, head: &str, schema: Value) -> String {
        let body = self.schema(schema);
        self.rule(&format!("{}{body}", headed(head)))
    }

    /// `head`, then Python keyword arguments in the schema's order, then the end of the fence.
    pub(crate) fn keywords(&mut self, head: &str, schema: &Value) -> String {
        let arguments = properties(schema);
        let named: Vec<_> = arguments
            .iter()
            .map(|argument| {
                let value = self.schema(argument.schema.clone());
                self.rule(&format!("{} {value}", literal(&format!("{}=", argument.name))))
            })
            .collect();
        let list = if named.is_empty() {
            "/[^\\n]*/".to_owned()
        } else {
            self.separated(&arguments, &named)
        };
        self.rule(&format!("{}{list} {}", headed(head), literal(")\n```")))
    }

    /// A list of arguments with commas between them, any but the required ones left out.
    ///
    /// There is one alternative for each argument that may come first.
    fn separated(&mut self, arguments: &[Argument<'_>], named: &[String]) -> String {
        let mut alternatives = Vec::new();
        let mut all_optional = true;
        for (index, first) in named.iter().enumerate() {
            let mut list = first.clone();
            for (argument, name) in arguments.iter().zip(named).skip(index + 1) {
                let mark = if argument.required { "" } else { "?" };
                list.extend([" (\", \" ", name, ")", mark]);
            }
            alternatives.push(list);
            if arguments.get(index).is_some_and(|argument| argument.required) {
                all_optional = false;
                break;
            }
        }
        let list = self.rule(&alternatives.join(" | "));
        if all_optional { format!("{list}?") } else { list }
    }

    /// `head`, then the arguments as GLM-4.5 and later write them, then the end of the call.
    ///
    /// `line` is what stands between the markers. The markers are text here even where the
    /// vocabulary has tokens for them: their bytes are what the engine follows.
    pub(crate) fn xml(&mut self, head: &str, line: &str, schema: &Value) -> String {
        let mut call = headed(head);
        let arguments = properties(schema);
        if arguments.is_empty() {
            let key = self.rule("/[^<>\\n]+/");
            let pair = self.pair(line, &key, &Value::Bool(true));
            call.extend([pair.as_str(), "* "]);
        }
        for argument in &arguments {
            let pair = self.pair(line, &literal(argument.name), &argument.schema);
            let mark = if argument.required { "" } else { "?" };
            call.extend([pair.as_str(), mark, " "]);
        }
        self.rule(&format!("{call}{}", literal("</tool_call>")))
    }

    fn pair(&mut self, line: &str, key: &str, schema: &Value) -> String {
        let end = literal("</arg_value>");
        let value = match bare_strings(schema) {
            // Only the marker after it tells where bare text ends.
            Bare::Any => self.attributed("[lazy]", &format!("/(?s:.*)/ {end}")),
            Bare::OneOf(words) => {
                let words: Vec<_> = words.iter().map(|word| literal(word)).collect();
                format!("({}) {end}", words.join(" | "))
            }
            Bare::No => format!("{} {end}", self.schema(schema.clone())),
        };
        let between = literal(&format!("</arg_key>{line}<arg_value>"));
        self.rule(&format!("\"<arg_key>\" {key} {between} {value} {}", headed(line)))
    }

    fn schema(&mut self, schema: Value) -> String {
        self.rule(&format!("%json {}", one_line(schema)))
    }

    fn rule(&mut self, body: &str) -> String {
        self.attributed("", body)
    }

    fn attributed(&mut self, attributes: &str, body: &str) -> String {
        let name = format!("r{}", self.rules.len());
        self.rules.push(format!("{name}{attributes}: {}", body.trim_end()));
        name
    }

    fn finish(self, start: &str) -> String {
        format!("start: {start}\n{}\n", self.rules.join("\n"))
    }
}

struct Argument<'a> {
    name: &'a str,
    schema: Value,
    required: bool,
}

/// The arguments that a parameter schema names, each with the definitions that it may refer to.
fn properties(schema: &Value) -> Vec<Argument<'_>> {
    let required: Vec<_> = schema
        .get("required")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return Vec::new();
    };
    let properties = properties.iter().map(|(name, property)| Argument {
        name,
        schema: with_definitions(property, schema),
        required: required.contains(&name.as_str()),
    });
    properties.collect()
}

fn with_definitions(property: &Value, root: &Value) -> Value {
    let mut property = match property {
        Value::Object(fields) => fields.clone(),
        _ => Map::new(),
    };
    for key in ["$defs", "definitions"] {
        if let Some(definitions) = root.get(key) {
            property.insert(key.to_owned(), definitions.clone());
        }
    }
    Value::Object(property)
}

/// What a value is that stands in the text without quotes.
enum Bare<'a> {
    /// Any text.
    Any,
    /// One of these words.
    OneOf(Vec<&'a str>),
    /// No string, but JSON.
    No,
}

fn bare_strings(schema: &Value) -> Bare<'_> {
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        let words: Vec<_> = values.iter().filter_map(Value::as_str).collect();
        return if words.len() == values.len() { Bare::OneOf(words) } else { Bare::No };
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("number" | "integer" | "boolean" | "array" | "object" | "null") => Bare::No,
        _ => Bare::Any,
    }
}

/// A string literal that other words follow; nothing where it is empty.
fn headed(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("{} ", literal(text)) }
}

/// A string literal of the grammar.
fn literal(text: &str) -> String {
    Value::from(text).to_string()
}
