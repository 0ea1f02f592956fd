//! `POST /v1/render`: what a request becomes, without generating.

use std::{fmt::Write, sync::Arc};

use axum::{
    Json,
    extract::{Extension, State},
};
use inference::Rendered;
use model::PromptPart;
use serde::Serialize;
use utoipa::ToSchema;

use super::{chat, completion, request::GenerationRequest, schema::RenderRequest};
use crate::{auth::Tenant, body::JsonBody, error::ApiError, error::ErrorBody, state::Shared};

/// A prompt as the family gives it, and the tokens that the engine makes of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RenderedBody {
    /// The model's uid.
    model: String,
    /// The family that rendered; null where the text was taken as it is.
    family: Option<String>,
    /// The parts, in order.
    parts: Vec<Part>,
    /// The token ids.
    tokens: Vec<u32>,
    /// Strings that end the answer.
    stop: Vec<String>,
    /// Tokens that end the answer.
    stop_tokens: Vec<u32>,
    /// Whether the beginning-of-sequence token is put in front; null: as the vocabulary says.
    add_bos: Option<bool>,
    /// Whether each run of text gets a space in front; null: as the vocabulary says.
    space_prefix: Option<bool>,
    /// The parts as one text, for people: tokens by id look like `<#5>`.
    text: String,
}

/// One part of a prompt.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Part {
    /// Text that can never become a special token.
    Text(String),
    /// A special token, by its text in the vocabulary.
    Control(String),
    /// A token, by its id.
    Token(u32),
    /// A medium, by its index in the request.
    Media(u32),
    /// Ends a run of text.
    Split,
}

/// Shows what a chat request, or a completion request, becomes: prompt parts and token ids.
#[utoipa::path(
    post,
    path = "/v1/render", operation_id = "render_prompt",
    tag = "inference",
    request_body = RenderRequest,
    responses(
        (status = 200, description = "The prompt.", body = RenderedBody),
        (status = 400, description = "A field is wrong, or the model cannot do this.", body = ErrorBody),
        (status = 404, description = "There is no such model.", body = ErrorBody),
        (status = 503, description = "The model is loading, or does not serve.", body = ErrorBody),
    )
)]
pub(crate) async fn render(
    State(shared): State<Arc<Shared>>,
    Extension(tenant): Extension<Tenant>,
    JsonBody { value: request, share: _share }: JsonBody<GenerationRequest>,
) -> Result<Json<RenderedBody>, ApiError> {
    let _place = shared.place()?;
    let request = request.with_extra_body();
    let model = request.model.clone().unwrap_or_default();
    let rendered = if request.messages.is_none() && request.prompt.is_some() {
        let command = completion::command(request, tenant.salt())?;
        shared.inference.render_completion(command).await?
    } else {
        shared.inference.render(chat::command(request, tenant.salt())?).await?
    };
    Ok(Json(RenderedBody::new(model, rendered)))
}

impl RenderedBody {
    fn new(model: String, rendered: Rendered) -> Self {
        let Rendered { family, prompt, tokens } = rendered;
        let text = text(&prompt.parts);
        let part = |part| match part {
            PromptPart::Text(text) => Part::Text(text),
            PromptPart::Control(text) => Part::Control(text),
            PromptPart::Token(id) => Part::Token(id),
            PromptPart::Media(index) => Part::Media(index),
            PromptPart::Split => Part::Split,
        };
        Self {
            model,
            family,
            parts: prompt.parts.into_iter().map(part).collect(),
            tokens,
            stop: prompt.stop,
            stop_tokens: prompt.stop_tokens,
            add_bos: prompt.add_bos,
            space_prefix: prompt.space_prefix,
            text,
        }
    }
}

fn text(parts: &[PromptPart]) -> String {
    let mut text = String::new();
    for part in parts {
        // Writing to a string cannot fail.
        let _ = match part {
            PromptPart::Text(part) | PromptPart::Control(part) => text.write_str(part),
            PromptPart::Token(id) => write!(text, "<#{id}>"),
            PromptPart::Media(index) => write!(text, "<media {index}>"),
            PromptPart::Split => Ok(()),
        };
    }
    text
}
