//! Transcripts as JSON.

use model::{Segment, Word};
use serde::Serialize;
use utoipa::ToSchema;

/// A transcript.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TranscriptBody {
    /// What is said.
    pub(crate) text: String,
    /// What it took.
    pub(crate) usage: DurationUsage,
}

/// A transcript with times: `response_format=verbose_json`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VerboseBody {
    /// `transcribe` or `translate`.
    pub(crate) task: &'static str,
    /// The English name of the language of the text, in lower case; `unknown` where nothing was
    /// said.
    pub(crate) language: String,
    /// The recording's length in seconds.
    pub(crate) duration: f64,
    /// What is said.
    pub(crate) text: String,
    /// Its passages; absent where only words were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) segments: Option<Vec<SegmentBody>>,
    /// Its words; absent unless they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) words: Option<Vec<WordBody>>,
    /// What it took.
    pub(crate) usage: DurationUsage,
}

/// A passage of a transcript.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct SegmentBody {
    /// Its number, from 0.
    pub(crate) id: usize,
    /// When the window begins that it was decoded in, in hundredths of a second.
    pub(crate) seek: u32,
    /// When it begins, in seconds.
    pub(crate) start: f64,
    /// When it ends, in seconds.
    pub(crate) end: f64,
    /// Its text; the texts of all segments, joined, are the transcript.
    pub(crate) text: String,
    /// Its tokens.
    pub(crate) tokens: Vec<u32>,
    /// The temperature at which it was decoded.
    pub(crate) temperature: f32,
    /// The mean of its tokens' log probabilities.
    pub(crate) avg_logprob: f32,
    /// How well its text compresses; a high ratio tells repetition.
    pub(crate) compression_ratio: f32,
    /// The probability that nothing is said.
    pub(crate) no_speech_prob: f32,
}

/// A word of a transcript.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct WordBody {
    /// The word.
    pub(crate) word: String,
    /// When it begins, in seconds.
    pub(crate) start: f64,
    /// When it ends, in seconds.
    pub(crate) end: f64,
}

/// What a transcription is counted by.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(crate) struct DurationUsage {
    /// `duration`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// Whole seconds of audio, rounded up.
    seconds: u64,
}

impl DurationUsage {
    pub(super) fn new(seconds: f64) -> Self {
        let seconds = std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default();
        let whole = seconds.as_secs() + u64::from(seconds.subsec_millis() > 0);
        Self { kind: "duration", seconds: whole }
    }
}

impl SegmentBody {
    pub(super) fn new(id: usize, segment: &Segment) -> Self {
        Self {
            id,
            seek: segment.window_ms / 10,
            start: seconds(segment.start_ms),
            end: seconds(segment.end_ms),
            text: segment.text.clone(),
            tokens: segment.tokens.clone(),
            temperature: segment.temperature,
            avg_logprob: segment.average_logprob,
            compression_ratio: segment.compression_ratio,
            no_speech_prob: segment.no_speech_probability,
        }
    }
}

impl WordBody {
    pub(super) fn new(word: &Word) -> Self {
        Self { word: word.text.clone(), start: seconds(word.start_ms), end: seconds(word.end_ms) }
    }
}

fn seconds(ms: u32) -> f64 {
    f64::from(ms) / 1000.0
}
