//! One recording on its way through its family.

use model::{Cue, DecodedSegment, DecodingPlan, ModelCard, Segment, TranscriptionRequest};

use crate::PluginError;
use crate::bindings::Transcriber;
use crate::loader::Plugin;
use crate::sandbox::Sandbox;
use crate::transcript::{self, Transcript};

/// Segments that cross in one call, so that each call's time and output stay within their limits
/// however many segments are ready.
const BATCH: usize = 32;

/// The plan for a recording, and what turns its decoded tokens into text.
///
/// It owns an instance of the plugin as it was when the request came, like a
/// [`ChatTurn`](crate::ChatTurn): once a call failed by trap or limit the instance is gone, and
/// every later call says so.
pub struct TranscriptionTurn {
    sandbox: Sandbox,
    transcriber: Box<dyn Transcriber>,
    plan: DecodingPlan,
    transcript: Transcript,
    finished: bool,
}

impl TranscriptionTurn {
    pub(crate) fn start(
        plugin: &Plugin,
        card: &ModelCard,
        request: &TranscriptionRequest,
    ) -> Result<Self, PluginError> {
        let mut sandbox = plugin.sandbox();
        let (plan, transcriber) = plugin.family.transcribe(&mut sandbox, card, request)?;
        transcript::validate_plan(&plan, card)
            .map_err(|fault| sandbox.fail(&format!("its plan is not valid: {fault}")))?;
        let transcript = Transcript::new(card);
        Ok(Self { sandbox, transcriber, plan, transcript, finished: false })
    }

    /// The plan.
    pub fn plan(&self) -> &DecodingPlan {
        &self.plan
    }

    /// Takes decoded segments, in the order of time, and returns the passages that they complete.
    ///
    /// # Errors
    /// The plugin trapped, went over a limit or returned what is not valid, now or in an earlier
    /// call; or the recording has finished.
    pub fn push(&mut self, segments: &[DecodedSegment]) -> Result<Vec<Segment>, PluginError> {
        self.open()?;
        let mut passages = Vec::new();
        for batch in segments.chunks(BATCH) {
            self.transcript.heard(batch);
            let some = self.transcriber.push(&mut self.sandbox, batch)?;
            self.admit(&some)?;
            passages.extend(some);
        }
        Ok(passages)
    }

    /// Ends the recording and returns what was held back.
    ///
    /// # Errors
    /// As for [`TranscriptionTurn::push`].
    pub fn finish(&mut self) -> Result<Vec<Segment>, PluginError> {
        self.open()?;
        self.finished = true;
        let passages = self.transcriber.finish(&mut self.sandbox)?;
        self.admit(&passages)?;
        Ok(passages)
    }

    /// Breaks a passage into subtitles; also after the end.
    ///
    /// # Errors
    /// The plugin trapped, went over a limit or returned what is not valid, now or in an earlier
    /// call.
    pub fn cues(&mut self, segment: &Segment) -> Result<Vec<Cue>, PluginError> {
        let cues = self.transcriber.cues(&mut self.sandbox, segment)?;
        transcript::validate_cues(&cues, segment)
            .map_err(|fault| self.sandbox.fail(&format!("its subtitles are not valid: {fault}")))?;
        Ok(cues)
    }

    fn open(&self) -> Result<(), PluginError> {
        if !self.finished {
            return Ok(());
        }
        let cause = "the recording has already finished".to_owned();
        Err(PluginError::Internal { plugin: self.sandbox.label(), cause })
    }

    fn admit(&mut self, passages: &[Segment]) -> Result<(), PluginError> {
        self.transcript
            .admit(passages)
            .map_err(|fault| self.sandbox.fail(&format!("its transcript is not valid: {fault}")))
    }
}

impl std::fmt::Debug for TranscriptionTurn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TranscriptionTurn").field("plan", &self.plan).finish_non_exhaustive()
    }
}
