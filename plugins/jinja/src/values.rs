//! What a template sees of JSON and texts that clients sent.

use std::cell::RefCell;

use minijinja::Value;
use serde_json::Value as Json;

use crate::fields::Fields;
use crate::twins::Clients;

/// Makes template values.
pub(crate) struct Values<'a> {
    clients: &'a Clients,
    /// Where texts are written before they are values.
    scratch: RefCell<String>,
}

impl<'a> Values<'a> {
    /// Whose texts are a client's.
    pub(crate) fn new(clients: &'a Clients) -> Self {
        Self { clients, scratch: RefCell::default() }
    }

    /// A text that a client sent.
    pub(crate) fn text(&self, text: &str) -> Value {
        let mut scratch = self.scratch.borrow_mut();
        scratch.clear();
        self.clients.write(text, &mut scratch);
        Value::from(scratch.as_str())
    }

    /// JSON that a client sent.
    pub(crate) fn json(&self, json: &Json) -> Value {
        match json {
            Json::Null => Value::from(()),
            Json::Bool(yes) => Value::from(*yes),
            Json::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(number), _) => Value::from(number),
                (None, Some(number)) => Value::from(number),
                // Python's integers have no limit; a longer one than this is a float.
                (None, None) => number
                    .as_i128()
                    .map_or_else(|| Value::from(number.as_f64().unwrap_or_default()), Value::from),
            },
            Json::String(text) => self.text(text),
            Json::Array(items) => {
                Value::from(items.iter().map(|item| self.json(item)).collect::<Vec<_>>())
            }
            Json::Object(fields) => Fields::value(
                fields
                    .iter()
                    .map(|(name, field)| (name.clone(), self.text(name), self.json(field))),
            ),
        }
    }

    /// JSON text that a client sent; text that is no JSON stays one.
    pub(crate) fn parsed(&self, text: &str) -> Value {
        serde_json::from_str(text).map_or_else(|_| self.text(text), |json| self.json(&json))
    }
}
