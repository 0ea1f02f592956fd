//! A transcript on its way, and the audio that it is made of.

use std::sync::Arc;

use engine_protocol::{Audio, Event, MAX_AUDIO_BYTES, RequestId};

use crate::{Generation, Retry, SupervisorError, link::Link};

/// The way of a recording to its worker.
#[derive(Debug)]
pub struct AudioSender {
    request: RequestId,
    link: Arc<Link>,
}

/// The events of one transcription; dropping it cancels the request.
#[derive(Debug)]
pub struct Transcription(Generation);

/// The worker has ended, or its model was terminated; the transcription's events say why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the worker takes no more audio")]
pub struct NoListener;

impl AudioSender {
    pub(crate) fn new(request: RequestId, link: Arc<Link>) -> Self {
        Self { request, link }
    }

    /// Sends samples as [`engine_protocol::SAMPLE_RATE`] says, whole ones only, and waits while the
    /// worker has enough to read.
    ///
    /// With `last` the recording ends; the engine waits for that. What is sent after the request
    /// has ended goes nowhere.
    ///
    /// # Errors
    /// Where the worker has ended.
    pub async fn send(&self, mut samples: Vec<u8>, last: bool) -> Result<(), NoListener> {
        loop {
            let rest = samples.split_off(samples.len().min(MAX_AUDIO_BYTES));
            let ends = rest.is_empty();
            let audio = Audio { request: self.request, samples, last: last && ends };
            if !self.link.send_audio(audio).await {
                return Err(NoListener);
            }
            if ends {
                return Ok(());
            }
            samples = rest;
        }
    }
}

impl Transcription {
    pub(crate) fn new(events: Generation) -> Self {
        Self(events)
    }

    /// The next event; `None` after the transcript has ended or the request has failed.
    ///
    /// A failure comes as one [`engine_protocol::EventKind::Failed`], whether the engine reports it
    /// or the worker dies; [`failure`](Self::failure) tells these apart. Dropping the future loses
    /// nothing.
    pub async fn next(&mut self) -> Option<Event> {
        self.0.next().await
    }

    /// How it may be begun once more, with
    /// [`transcribe_again`](crate::Supervisor::transcribe_again); `None`: its worker lives.
    pub fn retry(&self) -> Option<Retry> {
        self.0.retry()
    }

    /// Why the supervisor itself ended the request, as [`Generation::failure`] says.
    pub fn failure(&self) -> Option<&SupervisorError> {
        self.0.failure()
    }
}
