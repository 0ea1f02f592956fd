//! One turn of a conversation, as clients send it.

use std::fmt;

use inference::limits;
use serde::{
    Deserialize, Deserializer,
    de::{self, SeqAccess, Visitor},
};
use utoipa::ToSchema;

use super::schema::{ObjectOrText, TextOrParts};
use crate::lax::{self, Json};

/// One turn of a conversation.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(expecting = "an object with `role` and `content`")]
pub(crate) struct WireMessage {
    /// `system`, `developer`, `user`, `assistant`, `tool` or `function`.
    #[serde(default, deserialize_with = "lax::text")]
    #[schema(example = "user")]
    pub(crate) role: Option<String>,
    /// A text, or a list of parts.
    #[schema(value_type = Option<TextOrParts>, example = "Hello")]
    pub(crate) content: Option<WireContent>,
    /// The speaker's or the function's name.
    #[serde(default, deserialize_with = "lax::text")]
    pub(crate) name: Option<String>,
    /// The reasoning of an earlier answer.
    #[serde(default, deserialize_with = "lax::text")]
    pub(crate) reasoning_content: Option<String>,
    /// As `reasoning_content`, in other words.
    #[serde(default, deserialize_with = "lax::text")]
    pub(crate) reasoning: Option<String>,
    /// The calls of an earlier answer.
    #[serde(default, deserialize_with = "lax::list::<{ limits::TOOL_CALLS }, _, _>")]
    pub(crate) tool_calls: Option<Vec<WireToolCall>>,
    /// For `tool`, the call that this message answers.
    #[serde(default, deserialize_with = "lax::text")]
    pub(crate) tool_call_id: Option<String>,
    /// The old form of `tool_calls`.
    pub(crate) function_call: Option<WireFunction>,
}

/// A call that the model made in an earlier answer.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(expecting = "an object with `function`")]
pub(crate) struct WireToolCall {
    /// The id by which a later message answers it.
    #[serde(default, deserialize_with = "lax::text")]
    pub(crate) id: Option<String>,
    /// `function`.
    #[serde(default, rename = "type", deserialize_with = "lax::text")]
    #[schema(example = "function")]
    pub(crate) kind: Option<String>,
    /// The function and its arguments.
    pub(crate) function: Option<WireFunction>,
}

/// A function and its arguments.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(expecting = "an object with `name` and `arguments`")]
pub(crate) struct WireFunction {
    /// The function's name.
    #[serde(default, deserialize_with = "lax::text")]
    pub(crate) name: Option<String>,
    /// The arguments as JSON text, or as an object.
    #[serde(default, deserialize_with = "lax::json")]
    #[schema(value_type = Option<ObjectOrText>)]
    pub(crate) arguments: Option<Json>,
}

/// What a message says.
#[derive(Debug)]
pub(crate) enum WireContent {
    Text(String),
    Parts(Vec<WirePart>),
}

/// One part of a content; a medium's data is not read, since no model here takes it yet.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct WirePart {
    /// `text`, `image_url` or `input_audio`.
    #[serde(default, rename = "type", deserialize_with = "lax::text")]
    pub(crate) kind: Option<String>,
    /// What a part of the type `text` says.
    #[serde(default, deserialize_with = "lax::text")]
    pub(crate) text: Option<String>,
}

impl<'de> Deserialize<'de> for WireContent {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Content;
        impl<'de> Visitor<'de> for Content {
            type Value = WireContent;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a list of parts")
            }

            fn visit_str<E>(self, text: &str) -> Result<WireContent, E> {
                Ok(WireContent::Text(text.to_owned()))
            }

            fn visit_string<E>(self, text: String) -> Result<WireContent, E> {
                Ok(WireContent::Text(text))
            }

            fn visit_bool<E>(self, value: bool) -> Result<WireContent, E> {
                Ok(WireContent::Text(value.to_string()))
            }

            fn visit_i64<E>(self, value: i64) -> Result<WireContent, E> {
                Ok(WireContent::Text(value.to_string()))
            }

            fn visit_u64<E>(self, value: u64) -> Result<WireContent, E> {
                Ok(WireContent::Text(value.to_string()))
            }

            fn visit_f64<E>(self, value: f64) -> Result<WireContent, E> {
                Ok(WireContent::Text(value.to_string()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<WireContent, A::Error> {
                let seq = de::value::SeqAccessDeserializer::new(seq);
                let parts = lax::list::<{ limits::CONTENT_PARTS }, Part, _>(seq)?;
                let parts = parts.unwrap_or_default();
                Ok(WireContent::Parts(parts.into_iter().map(|Part(part)| part).collect()))
            }
        }
        from.deserialize_any(Content)
    }
}

/// A part, which some clients send as a bare string.
struct Part(WirePart);

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct AnyPart;
        impl<'de> Visitor<'de> for AnyPart {
            type Value = WirePart;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a part with a `type`")
            }

            fn visit_str<E>(self, text: &str) -> Result<WirePart, E> {
                Ok(WirePart { kind: Some("text".to_owned()), text: Some(text.to_owned()) })
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<WirePart, A::Error> {
                WirePart::deserialize(de::value::MapAccessDeserializer::new(map))
            }
        }
        from.deserialize_any(AnyPart).map(Self)
    }
}
