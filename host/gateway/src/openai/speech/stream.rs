//! Transcripts as OpenAI's `transcript.text` events.

use bytes::BytesMut;
use inference::{InferenceError, Transcript, TranscriptItem};
use serde::Serialize;

use super::{
    super::sse::{self, Answer, Writer},
    body::{DurationUsage, SegmentBody, VerboseBody},
    form::Style,
    format::Format,
    writing::{Ending, Writing},
};

impl Answer for Transcript {
    type Item = TranscriptItem;
    type End = Ending;

    async fn next(&mut self) -> Option<Vec<TranscriptItem>> {
        Self::next(self).await
    }

    fn end(&self) -> Ending {
        Ending::of(self)
    }

    fn failed(error: InferenceError) -> TranscriptItem {
        TranscriptItem::Failed(error)
    }

    fn failure(item: &TranscriptItem) -> Option<&InferenceError> {
        match item {
            TranscriptItem::Failed(error) => Some(error),
            TranscriptItem::Passage(_) | TranscriptItem::Progress { .. } => None,
        }
    }
}

/// More of the transcript, in the format asked for.
#[derive(Serialize)]
struct Delta<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    delta: &'a str,
}

/// A passage with its times, in a stream of the detailed format.
#[derive(Serialize)]
struct SegmentEvent<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    segment: &'a SegmentBody,
}

/// How far the transcript is, where the client asked for that.
#[derive(Serialize)]
struct Progress {
    #[serde(rename = "type")]
    kind: &'static str,
    seconds: f64,
    of: Option<f64>,
}

/// The whole transcript.
#[derive(Serialize)]
struct Done {
    #[serde(rename = "type")]
    kind: &'static str,
    text: String,
    usage: DurationUsage,
}

/// The whole transcript in the detailed format.
#[derive(Serialize)]
struct DoneVerbose {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    body: VerboseBody,
}

/// Writes a transcript as events.
pub(super) struct SpeechWriter {
    style: Style,
    writing: Writing,
    /// Bytes of the text that have been sent.
    sent: usize,
}

impl SpeechWriter {
    pub(super) fn new(style: Style) -> Self {
        Self { style, writing: Writing::new(style), sent: 0 }
    }

    /// Sends what is new.
    fn delta(&mut self, out: &mut BytesMut) {
        let delta = self.writing.text().get(self.sent..).unwrap_or_default();
        if !delta.is_empty() {
            sse::event(out, &Delta { kind: "transcript.text.delta", delta });
            self.sent += delta.len();
        }
    }
}

impl Writer for SpeechWriter {
    type Of = Transcript;

    fn item(&mut self, item: TranscriptItem, out: &mut BytesMut) {
        match item {
            TranscriptItem::Passage(passage) => {
                self.writing.add(&passage);
                self.delta(out);
                if let Some(segment) = self.writing.last_segment() {
                    sse::event(out, &SegmentEvent { kind: "transcript.text.segment", segment });
                }
            }
            TranscriptItem::Progress { seconds, of } if self.style.progress => {
                sse::event(out, &Progress { kind: "transcript.progress", seconds, of });
            }
            TranscriptItem::Progress { .. } => {}
            TranscriptItem::Failed(error) => sse::failed(out, &error.into()),
        }
    }

    fn end(&mut self, ending: Ending, out: &mut BytesMut) {
        // A form that begins with a head has one without a subtitle too.
        self.delta(out);
        let kind = "transcript.text.done";
        let writing = std::mem::replace(&mut self.writing, Writing::new(self.style));
        if self.style.format == Format::VerboseJson {
            sse::event(out, &DoneVerbose { kind, body: writing.verbose(ending) });
        } else {
            let (text, usage) = (writing.text().to_owned(), ending.usage());
            sse::event(out, &Done { kind, text, usage });
        }
        sse::done(out);
    }
}
