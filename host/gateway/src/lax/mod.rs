//! Reads request fields as leniently as Xinference does, and as tightly as memory needs.
//!
//! `"true"`, `1` and `"on"` are true, `"5"` is 5, and null is absent.
//! Every list, and every free-form JSON value, has a bound that holds while it is read: a small
//! body must not become a large structure.

mod json;
mod number;
mod text;

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{self, IgnoredAny, SeqAccess, Unexpected, Visitor},
};

pub(crate) use json::{Json, json};
pub(crate) use number::{TokenId, biases, number, seed, whole};
pub(crate) use text::{prompts, text, texts};

/// A yes or no.
pub(crate) fn flag<'de, D: Deserializer<'de>>(from: D) -> Result<Option<bool>, D::Error> {
    struct Flag;
    impl Visitor<'_> for Flag {
        type Value = Option<bool>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a boolean")
        }

        fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
            Ok(Some(value))
        }

        fn visit_u64<E: de::Error>(self, value: u64) -> Result<Self::Value, E> {
            match value {
                0 => Ok(Some(false)),
                1 => Ok(Some(true)),
                _ => Err(E::invalid_value(Unexpected::Unsigned(value), &self)),
            }
        }

        fn visit_str<E: de::Error>(self, value: &str) -> Result<Self::Value, E> {
            match value.trim().to_ascii_lowercase().as_str() {
                "true" | "1" | "yes" | "on" | "y" | "t" => Ok(Some(true)),
                "false" | "0" | "no" | "off" | "n" | "f" => Ok(Some(false)),
                _ => Err(E::invalid_value(Unexpected::Str(value), &self)),
            }
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
    }
    from.deserialize_any(Flag)
}

/// A list of at most `MAX` entries; null is none.
pub(crate) fn list<'de, const MAX: usize, T, D>(from: D) -> Result<Option<Vec<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    struct List<const MAX: usize, T>(PhantomData<T>);
    impl<'de, const MAX: usize, T: Deserialize<'de>> Visitor<'de> for List<MAX, T> {
        type Value = Option<Vec<T>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
            let mut list = Vec::new();
            while list.len() < MAX {
                let Some(entry) = seq.next_element()? else { return Ok(Some(list)) };
                list.push(entry);
            }
            match seq.next_element::<IgnoredAny>()? {
                None => Ok(Some(list)),
                Some(_) => Err(de::Error::custom(format_args!("holds more than {MAX} entries"))),
            }
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
    }
    from.deserialize_any(List::<MAX, T>(PhantomData))
}

#[cfg(test)]
mod tests;
