//! Grammars for tool calls, in llguidance's dialect of Lark.
//!
//! A call that the client demands is bound by one from its first token, and one that the model
//! begins of itself from there ([`Lazy`]). Where a syntax allows it, the arguments follow the
//! tool's schema.
//!
//! Special tokens cannot stand in a grammar, which knows only bytes. So the grammars that bind
//! from a trigger span no marker that may be one; the model writes those of itself.

mod lazy;
mod schema;

pub use lazy::{Arguments, Lazy, Part, Trigger};
pub use schema::{one_line, relaxed};

use serde_json::{Map, Value};

use crate::Tool;

/// A grammar under construction.
#[derive(Debug, Default)]
pub struct Grammar {
    rules: Vec<String>,
}

/// The tags around an argument's name and value.
#[derive(Clone, Copy, Debug)]
pub struct ArgumentTags<'a> {
    /// Before the name.
    pub open: &'a str,
    /// Between the name and the value.
    pub middle: &'a str,
    /// After the value.
    pub close: &'a str,
    /// After that, where there is a line break or more.
    pub line: &'a str,
    /// Whether line breaks may be left out, and one may stand before the first argument.
    pub loose: bool,
}

impl ArgumentTags<'_> {
    /// A text of the tags, for words to follow.
    fn text(&self, text: &str) -> String {
        if !self.loose {
            return headed(text);
        }
        let lines: Vec<_> = text.split('\n').map(headed).collect();
        lines.join("\"\\n\"? ")
    }
}

/// A grammar for one call to any of the tools; `call` adds a tool's rules and returns its name.
pub fn any(tools: &[Tool], call: impl Fn(&mut Grammar, &Tool) -> String) -> String {
    let mut grammar = Grammar::default();
    let calls = tools.iter().map(|tool| {
        grammar.note(tool);
        call(&mut grammar, tool)
    });
    let calls: Vec<_> = calls.collect();
    grammar.finish(&calls.join(" | "))
}

/// A grammar for what `call` adds.
pub fn one(call: impl FnOnce(&mut Grammar) -> String) -> String {
    let mut grammar = Grammar::default();
    let call = call(&mut grammar);
    grammar.finish(&call)
}

impl Grammar {
    /// `head`, then JSON for the schema, then `end`.
    pub fn json(&mut self, head: &str, schema: Value, end: &str) -> String {
        let body = self.schema(schema);
        self.rule(&format!("{}{body} {}", headed(head), headed(end)))
    }

    /// `head`, then Python keyword arguments in the schema's order, then `end`.
    pub fn keywords(&mut self, head: &str, schema: &Value, end: &str) -> String {
        let arguments = properties(schema);
        let named: Vec<_> = arguments
            .iter()
            .map(|argument| {
                let value = self.schema(argument.schema.clone());
                self.rule(&format!("{} {value}", literal(&format!("{}=", argument.name))))
            })
            .collect();
        let list = if !named.is_empty() {
            self.separated(&arguments, &named)
        } else if is_open(schema) {
            let value = self.schema(Value::Object(Map::new()));
            let argument = self.rule(&format!("/[A-Za-z_][A-Za-z0-9_]*=/ {value}"));
            format!("({argument} (\", \" {argument})*)?")
        } else {
            String::new()
        };
        self.rule(&format!("{}{list} {}", headed(head), headed(end)))
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

    /// `head`, then the arguments between tags and in the schema's order, then `end`.
    ///
    /// The tags are text here even where the vocabulary has tokens for them: their bytes are what
    /// the engine follows.
    pub fn tagged(
        &mut self,
        head: &str,
        tags: ArgumentTags<'_>,
        schema: &Value,
        end: &str,
    ) -> String {
        let mut call = headed(head);
        if tags.loose {
            call.push_str("\"\\n\"? ");
        }
        let arguments = properties(schema);
        if arguments.is_empty() && is_open(schema) {
            let key = self.rule("/[^<>\\n]+/");
            let pair = self.pair(tags, &key, &Value::Bool(true));
            call.extend([pair.as_str(), "* "]);
        }
        for argument in &arguments {
            let pair = self.pair(tags, &literal(argument.name), &argument.schema);
            let mark = if argument.required { "" } else { "?" };
            call.extend([pair.as_str(), mark, " "]);
        }
        self.rule(&format!("{call}{}", headed(end)))
    }

    fn pair(&mut self, tags: ArgumentTags<'_>, key: &str, schema: &Value) -> String {
        let end = literal(tags.close);
        let value = match bare_strings(schema) {
            Bare::Any => self.bare_text(schema, &end),
            Bare::OneOf(words) => {
                let words: Vec<_> = words.iter().map(|word| literal(word)).collect();
                format!("({}) {end}", words.join(" | "))
            }
            Bare::No => format!("{} {end}", self.schema(schema.clone())),
        };
        let [open, middle, line] = [tags.open, tags.middle, tags.line].map(|text| tags.text(text));
        self.rule(&format!("{open}{key} {middle}{value} {line}"))
    }

    /// Text without quotes, as long and of the form that its schema says, and the marker after it,
    /// which alone tells where it ends.
    fn bare_text(&mut self, schema: &Value, end: &str) -> String {
        let body = match (pattern(schema), length(schema)) {
            (None, None) => "/(?s:.*)/".to_owned(),
            (Some(one), None) | (None, Some(one)) => format!("/{one}/"),
            (Some(pattern), Some(length)) => {
                let name = format!("TEXT{}", self.rules.len());
                self.rules.push(format!("{name}: /{pattern}/ & /{length}/"));
                name
            }
        };
        self.attributed("[lazy]", &format!("{body} {end}"))
    }

    fn schema(&mut self, schema: Value) -> String {
        self.rule(&format!("%json {}", one_line(schema)))
    }

    /// Says which tool the next rules are for: a compiler that refuses one of them can name it.
    pub(crate) fn note(&mut self, tool: &Tool) {
        let name: String = tool.name.chars().filter(|c| !c.is_control()).collect();
        self.rules.push(format!("// tool `{name}`"));
    }

    /// Adds a rule and returns its name; a body that is a rule's name needs none of its own.
    pub fn rule(&mut self, body: &str) -> String {
        let name = body.trim();
        let digits = name.strip_prefix('r').unwrap_or_default();
        if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return name.to_owned();
        }
        self.attributed("", body)
    }

    fn attributed(&mut self, attributes: &str, body: &str) -> String {
        let name = format!("r{}", self.rules.len());
        self.rules.push(format!("{name}{attributes}: {}", body.trim_end()));
        name
    }

    /// Adds a rule for text in quotes that is none of `words`, up to the closing quote.
    fn other_than(&mut self, words: &[&str]) -> String {
        let words: Vec<_> = words.iter().map(|word| escaped(word)).collect();
        let name = format!("OTHER{}", self.rules.len());
        self.rules.push(format!("{name}: /[^\"]*\"/ & ~/({})\"/", words.join("|")));
        name
    }

    fn finish(self, start: &str) -> String {
        format!("start: {}\n{}\n", start.trim_end(), self.rules.join("\n"))
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

/// Whether a schema names no arguments, so that any may come.
fn is_open(schema: &Value) -> bool {
    schema.get("properties").is_none()
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

/// The greatest length that a grammar counts up to.
const LONGEST_COUNTED: u64 = 1000;

/// A regular expression for the length that a schema asks of a string.
fn length(schema: &Value) -> Option<String> {
    let count = |key: &str| {
        let count = schema.get(key).and_then(Value::as_u64);
        count.filter(|count| *count <= LONGEST_COUNTED)
    };
    let (least, most) = (count("minLength").unwrap_or_default(), count("maxLength"));
    match most {
        Some(most) if least <= most => Some(format!("(?s:.{{{least},{most}}})")),
        None if least > 0 => Some(format!("(?s:.{{{least},}})")),
        _ => None,
    }
}

/// A regular expression for the form that a schema asks of a string, which is found anywhere in the
/// text unless it has anchors.
fn pattern(schema: &Value) -> Option<String> {
    let pattern = schema.get("pattern")?.as_str().filter(|pattern| !pattern.is_empty())?;
    let (start, inner) = match pattern.strip_prefix('^') {
        Some(inner) => ("", inner),
        None => ("(?s:.*)", pattern),
    };
    let escaped =
        inner.strip_suffix('$').map(|inner| inner.len() - inner.trim_end_matches('\\').len());
    let (inner, end) = match escaped {
        Some(backslashes) if backslashes % 2 == 0 => (inner.strip_suffix('$')?, ""),
        _ => (inner, "(?s:.*)"),
    };
    // An anchor of one alternative is none of the others.
    let anchored = start.is_empty() || end.is_empty();
    if anchored && has_alternatives(inner) {
        return None;
    }
    Some(format!("{start}(?:{}){end}", in_slashes(inner)))
}

/// Whether a regular expression is one of several outside all brackets.
fn has_alternatives(pattern: &str) -> bool {
    let (mut depth, mut class, mut escaped) = (0_usize, false, false);
    for c in pattern.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ']' => class = false,
            _ if class => {}
            '[' => class = true,
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            '|' if depth == 0 => return true,
            _ => {}
        }
    }
    false
}

/// A regular expression as it stands between slashes.
fn in_slashes(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut escaped = false;
    for c in pattern.chars() {
        match c {
            '/' if !escaped => out.push_str("\\/"),
            '\n' => out.push_str("\\n"),
            _ => out.push(c),
        }
        escaped = c == '\\' && !escaped;
    }
    out
}

/// A string literal that other words follow; nothing where it is empty.
fn headed(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("{} ", literal(text)) }
}

/// A string literal of the grammar.
pub(crate) fn literal(text: &str) -> String {
    Value::from(text).to_string()
}

/// A text as a regular expression in slashes.
fn escaped(text: &str) -> String {
    let escape = |c: char| {
        if c.is_alphanumeric() || c == '_' {
            c.to_string()
        } else {
            format!("\\x{{{:x}}}", u32::from(c))
        }
    };
    text.chars().map(escape).collect()
}
