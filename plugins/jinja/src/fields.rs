//! JSON objects that a client sent.
//!
//! A template looks a key up by the key's own letters, and reads it as the client's.

use std::collections::HashMap;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, Value};

use crate::twins;

/// Objects with more fields have an index.
const FEW: usize = 12;

/// The fields of an object in their order.
#[derive(Debug)]
pub(crate) struct Fields {
    fields: Vec<Field>,
    places: HashMap<String, usize>,
}

/// A key without twins, the key as a client's, and what lies under it.
#[derive(Debug)]
struct Field {
    key: String,
    shown: Value,
    value: Value,
}

impl Fields {
    /// Of keys without and with twins, and values.
    pub(crate) fn value(fields: impl Iterator<Item = (String, Value, Value)>) -> Value {
        let fields: Vec<_> =
            fields.map(|(key, shown, value)| Field { key, shown, value }).collect();
        let places = if fields.len() > FEW {
            fields.iter().enumerate().map(|(at, field)| (field.key.clone(), at)).collect()
        } else {
            HashMap::new()
        };
        Value::from_object(Self { fields, places })
    }

    fn find(&self, key: &str) -> Option<Value> {
        if !key.is_ascii() {
            // It may be a client's word itself.
            return self.find_bare(&twins::current().bare(key));
        }
        self.find_bare(key)
    }

    fn find_bare(&self, key: &str) -> Option<Value> {
        let field = if self.fields.len() > FEW {
            self.fields.get(*self.places.get(key)?)
        } else {
            self.fields.iter().find(|field| field.key == key)
        };
        field.map(|field| field.value.clone())
    }
}

impl Object for Fields {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.find(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        self.find(key)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let fields = self.clone();
        Enumerator::KeyValueIter(Box::new((0..self.fields.len()).map(move |at| {
            let field = fields.fields.get(at);
            field.map(|field| (field.shown.clone(), field.value.clone())).unwrap_or_default()
        })))
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.fields.len())
    }
}
