//! Runs a family's transcriber off the async threads.

use std::sync::Arc;

use model::{Cue, DecodedSegment, Segment};
use plugin_runtime::{PluginError, TranscriptionTurn};

use crate::{InferenceError, family::Calls, places::Places};

/// A passage of a transcript, and its subtitles where they are wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct Passage {
    /// The passage.
    pub segment: Segment,
    /// Its subtitles.
    pub cues: Vec<Cue>,
}

/// The family's part in one transcription.
pub(super) struct Scribe {
    turn: TranscriptionTurn,
    cues: bool,
    family: Arc<str>,
    calls: Arc<Calls>,
    places: Places,
}

impl Scribe {
    pub(super) fn new(
        turn: TranscriptionTurn,
        cues: bool,
        family: Arc<str>,
        calls: Arc<Calls>,
        places: Places,
    ) -> Self {
        Self { turn, cues, family, calls, places }
    }

    /// Takes what was decoded, and with `last` the end, in one hop to a blocking thread and back.
    pub(super) async fn write(
        self,
        decoded: Vec<DecodedSegment>,
        last: bool,
    ) -> Result<(Self, Vec<Passage>), InferenceError> {
        let (family, places) = (Arc::clone(&self.family), self.places.clone());
        let written = places.run(&family, move || {
            let mut this = self;
            let passages = this.run(&decoded, last)?;
            Ok((this, passages))
        });
        written.await?.map_err(|error: PluginError| {
            InferenceError::from_plugin(&family, "transcribe", &error)
        })
    }

    fn run(&mut self, decoded: &[DecodedSegment], last: bool) -> Result<Vec<Passage>, PluginError> {
        let Self { turn, calls, .. } = self;
        let mut segments = if decoded.is_empty() {
            Vec::new()
        } else {
            calls.parse.record(|| turn.push(decoded))?
        };
        if last {
            segments.extend(calls.parse.record(|| turn.finish())?);
        }
        let passage = |segment: Segment| {
            let cues = if self.cues { self.turn.cues(&segment)? } else { Vec::new() };
            Ok(Passage { segment, cues })
        };
        segments.into_iter().map(passage).collect()
    }
}
