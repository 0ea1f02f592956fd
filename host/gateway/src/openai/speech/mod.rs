//! `POST /v1/audio/transcriptions` and `POST /v1/audio/translations`.

pub(crate) mod body;
mod form;
mod format;
mod schema;
mod stream;
mod subtitles;
mod upload;
mod writing;

use std::sync::Arc;

use axum::{
    Json,
    extract::{Request, State},
    http::header,
    response::{IntoResponse, Response},
};
use inference::{TranscribeCommand, TranscribeDraft, TranscriptItem};
use model::Task;

pub(crate) use self::upload::BESIDE;
use self::{
    form::{Fields, Style},
    format::Format,
    schema::{Transcription, TranscriptionForm},
    stream::SpeechWriter,
    upload::Upload,
    writing::{Ending, Writing},
};
use super::sse;
use crate::{
    error::{ApiError, ErrorBody, FormErrorBody},
    state::Shared,
};

/// Writes a recording down in the language that is spoken, whole or as server-sent events.
#[utoipa::path(
    post,
    path = "/v1/audio/transcriptions", operation_id = "create_transcription",
    tag = "inference",
    request_body(content = TranscriptionForm, content_type = "multipart/form-data"),
    responses(
        (status = 200, description = "The transcript in the format asked for; with `stream`, `transcript.text.delta` events and `transcript.text.done`.",
            content((Transcription = "application/json"),
                (String = "text/plain"), (String = "application/x-subrip"), (String = "text/vtt"),
                (String = "text/event-stream"))),
        (status = 400, description = "A field is wrong, the recording cannot be read, or the model cannot do this.", body = ErrorBody),
        (status = 404, description = "There is no such model.", body = ErrorBody),
        (status = 422, description = "The body is no form, or `model` or `file` is missing.", body = FormErrorBody),
        (status = 429, description = "Too many requests wait; see `Retry-After`.", body = ErrorBody),
        (status = 503, description = "The model is loading, or does not serve.", body = ErrorBody),
        (status = 507, description = "The host's disk has no room for the recording.", body = ErrorBody),
    )
)]
pub(crate) async fn transcriptions(
    State(shared): State<Arc<Shared>>,
    request: Request,
) -> Result<Response, ApiError> {
    answer(shared, request, Task::Transcribe).await
}

/// Writes a recording down in English, whole or as server-sent events.
#[utoipa::path(
    post,
    path = "/v1/audio/translations", operation_id = "create_translation",
    tag = "inference",
    request_body(content = TranscriptionForm, content_type = "multipart/form-data"),
    responses(
        (status = 200, description = "The translation, in the formats of a transcription.", body = Transcription),
        (status = 400, description = "A field is wrong, the recording cannot be read, or the model cannot do this.", body = ErrorBody),
        (status = 404, description = "There is no such model.", body = ErrorBody),
        (status = 422, description = "The body is no form, or `model` or `file` is missing.", body = FormErrorBody),
        (status = 429, description = "Too many requests wait; see `Retry-After`.", body = ErrorBody),
        (status = 503, description = "The model is loading, or does not serve.", body = ErrorBody),
        (status = 507, description = "The host's disk has no room for the recording.", body = ErrorBody),
    )
)]
pub(crate) async fn translations(
    State(shared): State<Arc<Shared>>,
    request: Request,
) -> Result<Response, ApiError> {
    answer(shared, request, Task::Translate).await
}

async fn answer(shared: Arc<Shared>, request: Request, task: Task) -> Result<Response, ApiError> {
    let Upload { fields, file, share } = upload::read(&shared, request).await?;
    let place = shared.place()?;
    let has_file = file.is_some();
    let (Some(model), Some(file)) = (fields.last("model"), file) else {
        return Err(missing(&fields, has_file));
    };
    let model = model.to_owned();
    let fields = fields.unfolded()?;
    let style = fields.style()?;
    let draft = TranscribeDraft {
        model,
        request: fields.request(task, style.words)?,
        recording: file.recording,
        hint: file.hint,
        cues: style.format.has_cues(),
    };
    let command = TranscribeCommand::try_from(draft)?;
    let mut transcript = shared.inference.transcribe(command).await?;
    if style.stream {
        let writer = SpeechWriter::new(style);
        return Ok(sse::response(shared, transcript, writer, (place, share)).await?);
    }
    let mut writing = Writing::new(style);
    while let Some(items) = sse::next(&shared, &mut transcript).await {
        for item in items {
            match item {
                TranscriptItem::Passage(passage) => writing.add(&passage),
                TranscriptItem::Progress { .. } => {}
                TranscriptItem::Failed(error) => return Err(error.into()),
            }
        }
    }
    Ok(whole(writing, style, Ending::of(&transcript)))
}

/// The fields that a form must have, in Xinference's order.
fn missing(fields: &Fields, has_file: bool) -> ApiError {
    let given = [("model", fields.last("model").is_some()), ("file", has_file)];
    let missing = given.into_iter().filter(|(_, given)| !given).map(|(name, _)| name);
    ApiError::missing(missing.collect())
}

fn whole(writing: Writing, style: Style, ending: Ending) -> Response {
    let kind = [(header::CONTENT_TYPE, style.format.content_type())];
    match style.format {
        Format::Json => (kind, Json(writing.plain(&ending))).into_response(),
        Format::VerboseJson => (kind, Json(writing.verbose(ending))).into_response(),
        Format::Text | Format::Srt | Format::Vtt => (kind, writing.into_text()).into_response(),
    }
}
