//! The key-value part of a header, and typed looks into it.

use std::{collections::HashMap, io::Read};

use crate::{
    error::{Problem, Result, quoted},
    limits,
    source::Source,
    value::{Array, Value},
};

/// Every key and its value, in the file's order.
#[derive(Debug, Default)]
pub(crate) struct Metadata {
    entries: Vec<(String, Value)>,
    places: HashMap<String, usize>,
}

impl Metadata {
    pub(crate) fn read<R: Read>(source: &mut Source<R>, count: u64) -> Result<Self> {
        let mut metadata = Self::default();
        for at in 0..count {
            let key = read_key(source, at)?;
            let value = Value::read(source, &key)?;
            if metadata.places.insert(key.clone(), metadata.entries.len()).is_some() {
                return Err(Problem::Duplicate { field: format!("`{key}`") });
            }
            metadata.entries.push((key, value));
        }
        Ok(metadata)
    }

    /// The value of a key.
    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        self.places.get(key).and_then(|&at| self.entries.get(at)).map(|(_, value)| value)
    }

    /// Every `f32`, with its key.
    pub(crate) fn floats(&self) -> impl Iterator<Item = (&str, f32)> {
        self.entries.iter().filter_map(|(key, value)| match value {
            Value::F32(value) => Some((key.as_str(), *value)),
            _ => None,
        })
    }

    /// Every scalar as text.
    pub(crate) fn scalars(&self) -> Vec<(String, String)> {
        let text = |(key, value): &(String, Value)| Some((key.clone(), value.text()?));
        self.entries.iter().filter_map(text).collect()
    }

    /// A string; `None` where the key is missing.
    pub(crate) fn text(&self, key: &str) -> Result<Option<String>> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Text(bytes)) => Ok(Some(String::from_utf8_lossy(bytes).into_owned())),
            Some(other) => Err(wrong_kind(key, other, "a string")),
        }
    }

    /// A `u32`, exactly: the engine refuses other widths.
    pub(crate) fn u32(&self, key: &str) -> Result<Option<u32>> {
        use crate::value::Kind;
        match self.get(key) {
            None => Ok(None),
            Some(other @ Value::Unsigned(Kind::U32, value)) => {
                u32::try_from(*value).map(Some).map_err(|_| wrong_kind(key, other, "a u32"))
            }
            Some(other) => Err(wrong_kind(key, other, "a u32")),
        }
    }

    /// A `u32` of the engine's for which 0 and missing are the same.
    pub(crate) fn u32_or_zero(&self, key: &str) -> Result<u32> {
        Ok(self.u32(key)?.unwrap_or(0))
    }

    /// An array; `None` where the key is missing.
    pub(crate) fn array(&self, key: &str) -> Result<Option<&Array>> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Array(array)) => Ok(Some(array)),
            Some(other) => Err(wrong_kind(key, other, "an array")),
        }
    }
}

/// A value of a type that its key does not have.
pub(crate) fn wrong_kind(key: &str, value: &Value, expected: &str) -> Problem {
    Problem::wrong(format_args!("the type of `{key}`"), value.kind(), expected)
}

fn read_key<R: Read>(source: &mut Source<R>, at: u64) -> Result<String> {
    let field = format!("key {at}");
    let bytes = source.string(limits::KEY_BYTES, &field)?;
    let printable = !bytes.is_empty() && bytes.iter().all(u8::is_ascii_graphic);
    match String::from_utf8(bytes) {
        Ok(key) if printable => Ok(key),
        Ok(key) => Err(Problem::wrong(field, quoted(key.as_bytes()), "printable ASCII")),
        Err(bad) => Err(Problem::wrong(field, quoted(bad.as_bytes()), "printable ASCII")),
    }
}
