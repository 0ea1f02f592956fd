//! Arguments as Gemma 4 writes them: keys without quotes, strings between `<|"|>`.

use serde_json::{Map, Value};

use super::Call;
use super::notation::{Heading, is_name};
use crate::json;

/// What stands around a string.
const QUOTE: &str = "<|\"|>";
/// How deep lists and objects may nest.
const DEEPEST: u32 = 64;

/// Reads `call:name{key:value,..}`.
pub(crate) fn read(heading: &Heading<'_>) -> Option<Vec<Call>> {
    let text = heading.text.trim();
    let text = text.strip_prefix("call:")?;
    let at = text.find('{')?;
    let (name, rest) = text.split_at_checked(at)?;
    let name = Some(name.trim()).filter(|name| is_name(name))?;
    let mut reader = Reader { rest };
    let arguments = reader.object(0)?;
    reader.rest.trim().is_empty().then(|| vec![Call::new(name, json::python(&arguments))])
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn accept(&mut self, wanted: &str) -> bool {
        self.rest = self.rest.trim_start();
        let after = self.rest.strip_prefix(wanted);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    fn object(&mut self, depth: u32) -> Option<Value> {
        if depth > DEEPEST || !self.accept("{") {
            return None;
        }
        let mut fields = Map::new();
        while !self.accept("}") {
            let key = if let Some(key) = self.string() {
                key
            } else {
                let (key, _) = self.rest.split_once(':')?;
                self.rest = self.rest.get(key.len()..)?;
                key.trim().trim_matches('"')
            };
            if key.is_empty() || !self.accept(":") {
                return None;
            }
            fields.insert(key.to_owned(), self.value(depth)?);
            if !self.accept(",") && !self.rest.trim_start().starts_with('}') {
                return None;
            }
        }
        Some(Value::Object(fields))
    }

    fn list(&mut self, depth: u32) -> Option<Value> {
        if depth > DEEPEST || !self.accept("[") {
            return None;
        }
        let mut items = Vec::new();
        while !self.accept("]") {
            items.push(self.value(depth)?);
            if !self.accept(",") && !self.rest.trim_start().starts_with(']') {
                return None;
            }
        }
        Some(Value::Array(items))
    }

    fn value(&mut self, depth: u32) -> Option<Value> {
        if let Some(text) = self.string() {
            return Some(Value::from(text));
        }
        match self.rest.chars().next()? {
            '{' => self.object(depth + 1),
            '[' => self.list(depth + 1),
            '"' => {
                let mut values = serde_json::Deserializer::from_str(self.rest).into_iter();
                let Value::String(text) = values.next()?.ok()? else { return None };
                let used = values.byte_offset();
                self.rest = self.rest.get(used..)?;
                Some(Value::from(text))
            }
            _ => {
                let end = self.rest.find([',', '}', ']'])?;
                let (word, rest) = self.rest.split_at_checked(end)?;
                self.rest = rest;
                let word = word.trim();
                Some(serde_json::from_str(word).unwrap_or_else(|_| Value::from(word)))
            }
        }
    }

    /// A string, where one begins.
    fn string(&mut self) -> Option<&'a str> {
        self.rest = self.rest.trim_start();
        let (text, rest) = self.rest.strip_prefix(QUOTE)?.split_once(QUOTE)?;
        self.rest = rest;
        Some(text)
    }
}
