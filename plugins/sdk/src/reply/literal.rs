//! Python literals: the arguments of a call, read and never run.

use serde_json::{Map, Number, Value};

/// How deep lists and dictionaries may nest.
const DEPTH: u32 = 64;

/// The arguments of `name(key=literal, ..)`; `None` where `source` is anything else.
///
/// ```
/// let arguments = plugin_sdk::reply::keyword_arguments("tool_call(city='Beijing', days=3)");
/// assert_eq!(serde_json::to_string(&arguments).unwrap(), r#"{"city":"Beijing","days":3}"#);
/// ```
pub fn keyword_arguments(source: &str) -> Option<Map<String, Value>> {
    let mut reader = Reader { rest: source.trim() };
    reader.name()?;
    reader.expect('(')?;
    let arguments = reader.arguments()?;
    reader.blank();
    reader.rest.is_empty().then_some(arguments)
}

/// The calls in `[name(key=literal, ..), ..]`, each with its name and arguments; names may have
/// dots. `None` where `source` is anything else.
///
/// ```
/// let calls = plugin_sdk::reply::call_list("[weather(city='Beijing'), now()]").unwrap();
/// assert_eq!(calls[1].0, "now");
/// ```
pub fn call_list(source: &str) -> Option<Vec<(String, Map<String, Value>)>> {
    let mut reader = Reader { rest: source.trim() };
    reader.expect('[')?;
    let mut calls = Vec::new();
    loop {
        let name = reader.dotted_name()?;
        reader.expect('(')?;
        calls.push((name.to_owned(), reader.arguments()?));
        if !reader.accept(',') {
            reader.expect(']')?;
            break;
        }
        if reader.accept(']') {
            break;
        }
    }
    reader.blank();
    reader.rest.is_empty().then_some(calls)
}

/// A dictionary; `None` where `source` is anything else.
pub fn dictionary(source: &str) -> Option<Map<String, Value>> {
    let mut reader = Reader { rest: source.trim() };
    let Value::Object(fields) = reader.dictionary(0)? else { return None };
    reader.blank();
    reader.rest.is_empty().then_some(fields)
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn blank(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn accept(&mut self, wanted: char) -> bool {
        self.blank();
        let after = self.rest.strip_prefix(wanted);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    fn expect(&mut self, wanted: char) -> Option<()> {
        self.accept(wanted).then_some(())
    }

    /// Takes characters as long as they are `wanted`.
    fn span(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !wanted(c)).unwrap_or(self.rest.len());
        let (span, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        self.rest = rest;
        span
    }

    fn name(&mut self) -> Option<&'a str> {
        self.blank();
        let first = self.rest.chars().next()?;
        (first.is_alphabetic() || first == '_')
            .then(|| self.span(|c| c.is_alphanumeric() || c == '_'))
    }

    /// A name with dots in it.
    fn dotted_name(&mut self) -> Option<&'a str> {
        self.blank();
        let first = self.rest.chars().next()?;
        (first.is_alphabetic() || first == '_')
            .then(|| self.span(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-')))
    }

    /// Keyword arguments up to the closing parenthesis.
    fn arguments(&mut self) -> Option<Map<String, Value>> {
        let mut arguments = Map::new();
        while !self.accept(')') {
            let key = self.name()?;
            self.expect('=')?;
            arguments.insert(key.to_owned(), self.value(0)?);
            if !self.accept(',') {
                self.expect(')')?;
                break;
            }
        }
        Some(arguments)
    }

    fn value(&mut self, depth: u32) -> Option<Value> {
        if depth > DEPTH {
            return None;
        }
        self.blank();
        match self.rest.chars().next()? {
            '\'' | '"' => self.strings().map(Value::from),
            '[' => self.items('[', ']', depth),
            '(' => self.items('(', ')', depth),
            '{' => self.dictionary(depth),
            c if c.is_ascii_digit() || matches!(c, '-' | '+' | '.') => self.number(),
            _ => match self.name()? {
                "True" | "true" => Some(Value::Bool(true)),
                "False" | "false" => Some(Value::Bool(false)),
                "None" | "null" => Some(Value::Null),
                _ => None,
            },
        }
    }

    fn items(&mut self, open: char, close: char, depth: u32) -> Option<Value> {
        self.expect(open)?;
        let mut items = Vec::new();
        while !self.accept(close) {
            items.push(self.value(depth + 1)?);
            if !self.accept(',') {
                self.expect(close)?;
                break;
            }
        }
        Some(Value::Array(items))
    }

    fn dictionary(&mut self, depth: u32) -> Option<Value> {
        self.expect('{')?;
        let mut fields = Map::new();
        while !self.accept('}') {
            self.blank();
            let key = self.strings()?;
            self.expect(':')?;
            fields.insert(key, self.value(depth + 1)?);
            if !self.accept(',') {
                self.expect('}')?;
                break;
            }
        }
        Some(Value::Object(fields))
    }

    fn number(&mut self) -> Option<Value> {
        let text = self.span(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.' | '_'));
        let text = text.replace('_', "");
        let text = text.strip_prefix('+').unwrap_or(&text);
        if let Ok(whole) = text.parse::<i64>() {
            return Some(Value::from(whole));
        }
        text.parse::<f64>().ok().and_then(Number::from_f64).map(Value::Number)
    }

    /// One or several string literals in a row, which Python joins.
    fn strings(&mut self) -> Option<String> {
        let mut text = self.string()?;
        loop {
            let before = self.rest;
            self.blank();
            if !self.rest.starts_with(['\'', '"']) {
                self.rest = before;
                return Some(text);
            }
            text.push_str(&self.string()?);
        }
    }

    fn string(&mut self) -> Option<String> {
        let quote = ["'''", "\"\"\"", "'", "\""].into_iter().find(|q| self.rest.starts_with(q))?;
        self.rest = self.rest.strip_prefix(quote)?;
        let mut text = String::new();
        loop {
            if let Some(after) = self.rest.strip_prefix(quote) {
                self.rest = after;
                return Some(text);
            }
            let mut chars = self.rest.chars();
            let c = chars.next()?;
            self.rest = chars.as_str();
            match c {
                '\\' => self.escape(&mut text)?,
                '\n' if quote.len() == 1 => return None,
                c => text.push(c),
            }
        }
    }

    fn escape(&mut self, text: &mut String) -> Option<()> {
        let mut chars = self.rest.chars();
        let c = chars.next()?;
        self.rest = chars.as_str();
        match c {
            'n' => text.push('\n'),
            't' => text.push('\t'),
            'r' => text.push('\r'),
            'b' => text.push('\u{8}'),
            'f' => text.push('\u{c}'),
            '\\' | '\'' | '"' => text.push(c),
            '\n' => {}
            'x' => text.push(self.code_point(2)?),
            'u' => text.push(self.code_point(4)?),
            'U' => text.push(self.code_point(8)?),
            // Python keeps the backslash of an escape that it does not know.
            other => text.extend(['\\', other]),
        }
        Some(())
    }

    fn code_point(&mut self, digits: usize) -> Option<char> {
        let (code, rest) = self.rest.split_at_checked(digits)?;
        self.rest = rest;
        char::from_u32(u32::from_str_radix(code, 16).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &str, expect: Option<&str>) {
        let read = keyword_arguments(source).map(|map| Value::Object(map).to_string());
        assert_eq!(read.as_deref(), expect);
    }

    #[test]
    fn literals() {
        check("tool_call()", Some("{}"));
        check("f(a='x', b=\"y\\n\", c='''q'q''')", Some(r#"{"a":"x","b":"y\n","c":"q'q"}"#));
        check("f(a=1, b=-2.5, c=1e3, d=1_000)", Some(r#"{"a":1,"b":-2.5,"c":1000.0,"d":1000}"#));
        check(
            "f(a=[1, (2,)], b={'k': None,}, c=True,)",
            Some(r#"{"a":[1,[2]],"b":{"k":null},"c":true}"#),
        );
        check("f(a='天\\u5929' 'b')", Some(r#"{"a":"天天b"}"#));
        check("f(a='\\d')", Some(r#"{"a":"\\d"}"#));
    }

    #[test]
    fn anything_else() {
        check("f(1)", None);
        check("f(a=open('x'))", None);
        check("f(a=1); g()", None);
        check("f(a=1", None);
        check("f(a='x", None);
        check("import os", None);
        check(&format!("f(a={})", "[".repeat(100)), None);
    }
}
