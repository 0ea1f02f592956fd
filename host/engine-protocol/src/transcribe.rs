//! Asking for a transcript.
//!
//! All times are milliseconds from the beginning of the recording.

use serde::{Deserialize, Serialize};

use crate::RequestId;

/// The samples in a second of audio: one channel, each sample a signed 16-bit little-endian number.
pub const SAMPLE_RATE: u32 = 16_000;

/// The most bytes of audio in one [`Audio`] message.
pub const MAX_AUDIO_BYTES: usize = 1 << 20;

/// Opens a recording; its audio follows in [`Audio`] messages. Since version 1.
///
/// The host sends a few minutes beyond what the engine says it has decoded, and then waits for more
/// to be decoded, so an engine works while audio comes in and lets go of what it needs no more.
///
/// The engine answers with [`EventKind::Segments`](crate::EventKind::Segments) in the order of
/// time, and ends with [`EventKind::Finished`](crate::EventKind::Finished).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Transcribe {
    /// The number under which the events come back; never used twice in a session.
    pub request: RequestId,
    /// How it is decoded.
    pub plan: DecodingPlan,
}

/// A piece of a recording. Since version 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audio {
    /// The recording.
    pub request: RequestId,
    /// Samples as [`SAMPLE_RATE`] says, at most [`MAX_AUDIO_BYTES`]; whole samples only.
    #[serde(with = "serde_bytes")]
    pub samples: Vec<u8>,
    /// Whether this is the last piece; it may be empty.
    pub last: bool,
}

/// What is to be written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// The words, in the language that is spoken.
    Transcribe,
    /// Their translation into English.
    Translate,
}

/// A language that the model knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Language {
    /// Its code, such as `en`.
    pub code: String,
    /// Its English name in lower case, such as `english`.
    pub name: String,
    /// The token that stands for it.
    pub token: u32,
}

/// One of the tokens that decoding starts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StartToken {
    /// This one.
    Token(u32),
    /// The token of the language that the engine has detected.
    DetectedLanguage,
}

/// How timestamps are written among the tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimestampRules {
    /// The token of the time 0; the others follow it.
    pub first: u32,
    /// What one token is later than the one before it, in milliseconds.
    pub step_ms: u32,
    /// The latest time at which the first segment of a window may begin, in milliseconds.
    pub latest_start_ms: u32,
}

/// What the engine needs to decode a recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DecodingPlan {
    /// The tokens that each window starts with, after its context.
    pub start: Vec<StartToken>,
    /// The language's code; `None`: it is detected among `languages`.
    pub language: Option<String>,
    /// The languages that detection chooses from.
    pub languages: Vec<Language>,
    /// What is to be written down.
    pub task: Task,
    /// The token in front of a context; `None`: the model takes none.
    pub previous: Option<u32>,
    /// Text that the transcript goes on from; the engine tokenizes it as plain text.
    pub prompt: Option<String>,
    /// How many of the prompt's tokens are kept, the last ones.
    pub prompt_tokens: u32,
    /// Whether the prompt stands before every window and not only the first one.
    pub carry_prompt: bool,
    /// How many tokens of what was decoded before a window are its context; 0: none.
    pub context_tokens: u32,
    /// How timestamps are written; `None`: without them.
    pub timestamps: Option<TimestampRules>,
    /// Tokens that are never decoded.
    pub suppress: Vec<u32>,
    /// Tokens that are not decoded first in a window, such as the blank.
    pub suppress_first: Vec<u32>,
    /// The token that ends a window.
    pub end: u32,
    /// The token whose probability at the start tells silence from speech.
    pub no_speech: u32,
    /// The temperatures that are tried in turn until a result is good enough; never empty.
    pub temperatures: Vec<f32>,
    /// A result is repetitive where the entropy of its last tokens is below this.
    pub entropy_threshold: f32,
    /// A result is doubtful where the mean of its tokens' log probabilities is below this.
    pub logprob_threshold: f32,
    /// A doubtful result is silence where the probability of no speech is above this.
    pub no_speech_threshold: f32,
    /// Beams at temperature 0; 1 is greedy.
    pub beam_size: u32,
    /// Candidates at the other temperatures.
    pub best_of: u32,
    /// The most tokens that a window may give.
    pub max_tokens: u32,
    /// Whether the engine is to find each token's time.
    pub token_times: bool,
}

/// A decoded token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DecodedToken {
    /// Its id.
    pub id: u32,
    /// The bytes that it stands for; they may end within a character.
    #[serde(with = "serde_bytes")]
    pub bytes: Vec<u8>,
    /// Its probability.
    pub probability: f32,
    /// When it begins; the segment's times where the plan wants no token times.
    pub start_ms: u32,
    /// When it ends.
    pub end_ms: u32,
}

/// What was decoded between two timestamps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DecodedSegment {
    /// When it begins.
    pub start_ms: u32,
    /// When it ends.
    pub end_ms: u32,
    /// When the window begins that it was decoded in.
    pub window_ms: u32,
    /// The language's code.
    pub language: String,
    /// Its tokens, without timestamps and other special ones.
    pub tokens: Vec<DecodedToken>,
    /// The temperature at which it was decoded.
    pub temperature: f32,
    /// The probability that there is no speech in its window.
    pub no_speech_probability: f32,
}
