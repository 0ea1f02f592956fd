//! What writes down one recording.

use model::{Cue, DecodedSegment, Segment};
use wasmtime::component::ResourceAny;

use super::generated::exports::modelhost::family::transcription;
use super::speech;
use crate::PluginError;
use crate::bindings::Transcriber;
use crate::sandbox::Sandbox;

/// A recording whose plan was made in a sandbox.
pub(super) struct Recording {
    guest: transcription::Guest,
    transcriber: ResourceAny,
}

impl Recording {
    pub(super) fn new(guest: transcription::Guest, transcriber: ResourceAny) -> Self {
        Self { guest, transcriber }
    }
}

impl Transcriber for Recording {
    fn push(
        &mut self,
        sandbox: &mut Sandbox,
        segments: &[DecodedSegment],
    ) -> Result<Vec<Segment>, PluginError> {
        let tokens: Vec<_> = segments.iter().map(speech::tokens).collect();
        let segments = segments.iter().zip(&tokens);
        let lowered: Vec<_> =
            segments.map(|(segment, tokens)| speech::decoded(segment, tokens)).collect();
        let passages = sandbox.call("transcriber.push", sandbox.to_parse(), |store| {
            self.guest.transcriber().call_push(store, self.transcriber, &lowered)
        })?;
        Ok(speech::segments(passages))
    }

    fn finish(&mut self, sandbox: &mut Sandbox) -> Result<Vec<Segment>, PluginError> {
        let passages = sandbox.call("transcriber.finish", sandbox.to_parse(), |store| {
            self.guest.transcriber().call_finish(store, self.transcriber)
        })?;
        Ok(speech::segments(passages))
    }

    fn cues(&mut self, sandbox: &mut Sandbox, segment: &Segment) -> Result<Vec<Cue>, PluginError> {
        let words = speech::words(segment);
        let cues = sandbox.call("transcriber.cues", sandbox.to_parse(), |store| {
            let segment = speech::passage(segment, &words);
            self.guest.transcriber().call_cues(store, self.transcriber, segment)
        })?;
        Ok(speech::cues(cues))
    }
}
