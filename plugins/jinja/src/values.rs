//! What a template sees of JSON and texts, with guards in what clients sent.

use minijinja::Value;
use serde_json::Value as Json;

use crate::guard::Guard;

/// Makes template values.
pub(crate) struct Values<'a> {
    guard: &'a Guard<'a>,
}

impl<'a> Values<'a> {
    /// With this guard.
    pub(crate) fn new(guard: &'a Guard<'a>) -> Self {
        Self { guard }
    }

    /// A text that a client sent.
    pub(crate) fn text(&self, text: &str) -> Value {
        self.guard.dress(text).map_or_else(|| Value::from(text), Value::from)
    }

    /// JSON that a client sent.
    pub(crate) fn json(&self, json: &Json) -> Value {
        match json {
            Json::Null => Value::from(()),
            Json::Bool(yes) => Value::from(*yes),
            Json::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(number), _) => Value::from(number),
                (None, Some(number)) => Value::from(number),
                (None, None) => Value::from(number.as_f64().unwrap_or_default()),
            },
            Json::String(text) => self.text(text),
            Json::Array(items) => {
                Value::from(items.iter().map(|item| self.json(item)).collect::<Vec<_>>())
            }
            Json::Object(fields) => Value::from_pairs(
                fields.iter().map(|(name, field)| (self.text(name), self.json(field))),
            ),
        }
    }

    /// JSON text that a client sent; text that is no JSON stays one.
    pub(crate) fn parsed(&self, text: &str) -> Value {
        serde_json::from_str(text).map_or_else(|_| self.text(text), |json| self.json(&json))
    }
}
