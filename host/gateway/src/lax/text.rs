//! Texts, which may come as numbers, and lists of them.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{self, SeqAccess, Visitor},
};

use super::list;

/// A text; numbers and booleans are taken as they are written.
pub(crate) fn text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    struct Text;
    impl Visitor<'_> for Text {
        type Value = Option<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string")
        }

        fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
            Ok(Some(value.to_owned()))
        }

        fn visit_string<E>(self, value: String) -> Result<Self::Value, E> {
            Ok(Some(value))
        }

        fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
            Ok(Some(value.to_string()))
        }

        fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
            Ok(Some(value.to_string()))
        }

        fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
            Ok(Some(value.to_string()))
        }

        fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
            Ok(Some(value.to_string()))
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
    }
    from.deserialize_any(Text)
}

/// A text within a list; null is none.
struct Entry(Option<String>);

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        text(from).map(Self)
    }
}

/// One string or a list of at most `MAX` strings, without the nulls among them.
pub(crate) fn texts<'de, const MAX: usize, D>(from: D) -> Result<Option<Vec<String>>, D::Error>
where
    D: Deserializer<'de>,
{
    let texts = from.deserialize_any(OneOrMany::<MAX, Entry>(PhantomData))?;
    Ok(texts.map(|texts| texts.into_iter().filter_map(|Entry(text)| text).collect()))
}

/// One string or a list of at most `MAX` strings; a list of numbers is one of tokens, which are
/// no texts.
pub(crate) fn prompts<'de, const MAX: usize, D>(from: D) -> Result<Option<Vec<String>>, D::Error>
where
    D: Deserializer<'de>,
{
    let texts = from.deserialize_any(OneOrMany::<MAX, Prompt>(PhantomData))?;
    Ok(texts.map(|texts| texts.into_iter().map(|Prompt(text)| text).collect()))
}

/// A prompt within a list.
#[derive(Deserialize)]
struct Prompt(String);

impl From<String> for Entry {
    fn from(text: String) -> Self {
        Self(Some(text))
    }
}

impl From<String> for Prompt {
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// Reads a text, or a list of at most `MAX` entries.
struct OneOrMany<const MAX: usize, T>(PhantomData<T>);

impl<'de, const MAX: usize, T: Deserialize<'de> + From<String>> Visitor<'de> for OneOrMany<MAX, T> {
    type Value = Option<Vec<T>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or a list of strings")
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Some(vec![value.to_owned().into()]))
    }

    fn visit_string<E>(self, value: String) -> Result<Self::Value, E> {
        Ok(Some(vec![value.into()]))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Some(vec![value.to_string().into()]))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Some(vec![value.to_string().into()]))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Some(vec![value.to_string().into()]))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Some(vec![value.to_string().into()]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
        list::<MAX, T, _>(de::value::SeqAccessDeserializer::new(seq))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}
