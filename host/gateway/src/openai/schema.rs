//! How the document describes what is read leniently, and one request type as two.

#![expect(dead_code, reason = "these types describe what is read, nothing is read into them")]

use std::borrow::Cow;

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr, Schema,
        schema::{OneOfBuilder, Ref, SchemaType, Type},
    },
};

use super::{message::WirePart, request::GenerationRequest};

/// A text, or a list of texts.
#[derive(ToSchema)]
#[serde(untagged)]
pub(crate) enum TextOrTexts {
    One(String),
    Several(Vec<String>),
}

/// A text, or a list of parts.
#[derive(ToSchema)]
#[serde(untagged)]
pub(crate) enum TextOrParts {
    Text(String),
    Parts(Vec<WirePart>),
}

/// `none`, `auto` or `required`, or an object that names a function.
#[derive(ToSchema)]
#[serde(untagged)]
pub(crate) enum WordOrFunction {
    Word(String),
    #[schema(value_type = Object)]
    Function(()),
}

/// A boolean, or a whole number.
#[derive(ToSchema)]
#[serde(untagged)]
pub(crate) enum FlagOrCount {
    Flag(bool),
    Count(u32),
}

/// A boolean, or an object with `type`.
#[derive(ToSchema)]
#[serde(untagged)]
pub(crate) enum FlagOrObject {
    Flag(bool),
    #[schema(value_type = Object)]
    Object(()),
}

/// An object, or one as JSON text.
#[derive(ToSchema)]
#[serde(untagged)]
pub(crate) enum ObjectOrText {
    #[schema(value_type = Object)]
    Object(()),
    Text(String),
}

/// The fields that only completions have.
const OF_COMPLETIONS: [&str; 3] = ["prompt", "suffix", "echo"];
/// The fields that only chats have.
const OF_CHATS: [&str; 12] = [
    "messages",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "functions",
    "function_call",
    "top_logprobs",
    "chat_template_kwargs",
    "enable_thinking",
    "thinking",
    "reasoning_effort",
    "continue_final_message",
];

/// A request's schema without the fields of the other route, and with those that it needs.
fn view(description: &str, without: &[&str], required: &[&str]) -> RefOr<Schema> {
    let mut schema = GenerationRequest::schema();
    if let RefOr::T(Schema::Object(object)) = &mut schema {
        object.description = Some(description.to_owned());
        object.properties.retain(|name, _| !without.contains(&name.as_str()));
        object.required = required.iter().map(|&name| name.to_owned()).collect();
        for (name, property) in &mut object.properties {
            if required.contains(&name.as_str()) {
                forbid_null(property);
            }
        }
    }
    schema
}

fn forbid_null(property: &mut RefOr<Schema>) {
    let kind = match property {
        RefOr::T(Schema::Object(object)) => &mut object.schema_type,
        RefOr::T(Schema::Array(array)) => &mut array.schema_type,
        RefOr::T(Schema::OneOf(either)) => {
            // A type of its own stands beside null.
            if let Some(only) = either.items.iter().find(|item| matches!(item, RefOr::Ref(_))) {
                *property = only.clone();
            }
            return;
        }
        _ => return,
    };
    if let SchemaType::Array(types) = kind
        && let Some(only) = types.iter().find(|&kind| *kind != Type::Null)
    {
        *kind = SchemaType::Type(only.clone());
    }
}

/// What `/v1/chat/completions` takes.
pub(crate) struct ChatCompletionRequest;

impl PartialSchema for ChatCompletionRequest {
    fn schema() -> RefOr<Schema> {
        let description = "A conversation to answer. Numbers and booleans may come as strings, null is the same as a missing field, and unknown fields are ignored.";
        view(description, &OF_COMPLETIONS, &["model", "messages"])
    }
}

impl ToSchema for ChatCompletionRequest {
    fn name() -> Cow<'static, str> {
        "ChatCompletionRequest".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        GenerationRequest::schemas(schemas);
    }
}

/// What `/v1/completions` takes.
pub(crate) struct CompletionRequest;

impl PartialSchema for CompletionRequest {
    fn schema() -> RefOr<Schema> {
        let description = "A text to go on with. Numbers and booleans may come as strings, null is the same as a missing field, and unknown fields are ignored.";
        view(description, &OF_CHATS, &["model", "prompt"])
    }
}

impl ToSchema for CompletionRequest {
    fn name() -> Cow<'static, str> {
        "CompletionRequest".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        GenerationRequest::schemas(schemas);
    }
}

/// What `/v1/render` takes: what either route takes.
pub(crate) struct RenderRequest;

impl PartialSchema for RenderRequest {
    fn schema() -> RefOr<Schema> {
        OneOfBuilder::new()
            .description(Some("A request for a chat or for a completion."))
            .item(Ref::from_schema_name(ChatCompletionRequest::name()))
            .item(Ref::from_schema_name(CompletionRequest::name()))
            .into()
    }
}

impl ToSchema for RenderRequest {
    fn name() -> Cow<'static, str> {
        "RenderRequest".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        for (name, schema) in [
            (ChatCompletionRequest::name(), ChatCompletionRequest::schema()),
            (CompletionRequest::name(), CompletionRequest::schema()),
        ] {
            schemas.push((name.into_owned(), schema));
        }
        GenerationRequest::schemas(schemas);
    }
}
