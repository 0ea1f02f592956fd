//! How the document describes forms, which are read field by field.

#![expect(dead_code, reason = "these types describe what is read, nothing is read into them")]

use utoipa::ToSchema;

use super::body::{TranscriptBody, VerboseBody};

/// A recording to write down.
///
/// The fields may come in any order, empty ones are the same as missing ones, and unknown ones are
/// settings for the model's family.
#[derive(ToSchema)]
pub(crate) struct TranscriptionForm {
    /// The recording: wav, flac, mp3, m4a, ogg, opus, webm and others, told by its content.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
    /// The uid of the model.
    model: String,
    /// The language that is spoken, as a code or a name; without it, it is detected.
    language: Option<String>,
    /// Text that the transcript goes on from, for names and style.
    prompt: Option<String>,
    /// `json`, `text`, `srt`, `verbose_json` or `vtt`.
    #[schema(default = "json")]
    response_format: Option<String>,
    /// From 0 to 1; 0 leaves it to the family.
    temperature: Option<f32>,
    /// `segment`, `word` or both, for `verbose_json`.
    #[schema(rename = "timestamp_granularities[]")]
    timestamp_granularities: Option<Vec<String>>,
    /// Whether the transcript comes in pieces, as server-sent events.
    stream: Option<bool>,
    /// `progress`: a stream says how far it is.
    #[schema(rename = "include[]")]
    include: Option<Vec<String>>,
    /// Further settings for the family, as a JSON object.
    kwargs: Option<String>,
}

/// A transcript, with times where the format has them.
#[derive(ToSchema)]
#[serde(untagged)]
pub(crate) enum Transcription {
    Plain(TranscriptBody),
    Verbose(VerboseBody),
}
