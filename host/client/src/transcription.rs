//! Recordings and their transcripts, in the OpenAI dialect.

use reqwest::multipart::Form;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::Upload;

/// A recording to write down.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TranscriptionRequest {
    /// The model's uid.
    pub model: String,
    /// The language that is spoken; `None`: it is detected.
    pub language: Option<String>,
    /// Text that the transcript goes on from.
    pub prompt: Option<String>,
    /// `json`, `text`, `srt`, `verbose_json` or `vtt`; empty: `json`.
    pub format: String,
    /// Whether the transcript is an English translation.
    pub translate: bool,
    /// Whether the detailed format has words.
    pub word_times: bool,
}

impl TranscriptionRequest {
    /// Where it is sent.
    pub(crate) fn path(&self) -> &'static str {
        if self.translate { "/v1/audio/translations" } else { "/v1/audio/transcriptions" }
    }

    /// The form that is sent; the file comes last, so that a host may refuse before it.
    pub(crate) fn form(&self, file: Upload) -> Form {
        let mut form = Form::new().text("model", self.model.clone());
        let fields = [("language", &self.language), ("prompt", &self.prompt)];
        for (name, value) in fields {
            if let Some(value) = value {
                form = form.text(name, value.clone());
            }
        }
        if !self.format.is_empty() {
            form = form.text("response_format", self.format.clone());
        }
        if self.word_times {
            form = form.text("timestamp_granularities[]", "segment");
            form = form.text("timestamp_granularities[]", "word");
        }
        form.text("stream", "true").text("include[]", "progress").part("file", file.into_part())
    }
}

/// A piece of a streamed transcript.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "type")]
pub enum TranscriptEvent {
    /// More of the transcript, in the format asked for.
    #[serde(rename = "transcript.text.delta")]
    Delta {
        /// The new text.
        delta: String,
    },
    /// How far the transcript is.
    #[serde(rename = "transcript.progress")]
    Progress {
        /// Seconds that are written down.
        seconds: f64,
        /// Seconds that there are in all, where the file says so; it need not be true.
        of: Option<f64>,
    },
    /// The whole transcript.
    #[serde(rename = "transcript.text.done")]
    Done {
        /// The fields of the format, in their order; `text` is the transcript in the format asked
        /// for, and the text alone where that is JSON.
        #[serde(flatten)]
        body: Map<String, Value>,
    },
    /// Anything else.
    #[serde(other)]
    Other,
}
