//! From a recording to its transcript.
//!
//! The family makes a plan of the request, the worker decodes by it what the pump sends, and the
//! family turns what was decoded into passages.

mod again;
mod command;
mod convert;
mod pump;
mod scribe;
mod transcript;

use std::sync::Arc;

use audio::Limits;
use engine_protocol::Transcribe;
use model::Ability;

pub use command::{TranscribeCommand, TranscribeDraft};
pub use scribe::Passage;
pub use transcript::{Transcript, TranscriptItem};

use crate::{
    Inference, InferenceError,
    family::{Chosen, Family},
    figures::Ticket,
    reply::from_supervisor,
    served::Served,
};
use again::Again;
use pump::Upload;
use scribe::Scribe;
use transcript::Begun;

impl Inference {
    /// Writes a recording down.
    ///
    /// # Errors
    /// Where the transcript cannot begin; what fails later comes as an item of it.
    pub async fn transcribe(
        &self,
        command: TranscribeCommand,
    ) -> Result<Transcript, InferenceError> {
        let served = self.inner.served(&command.model)?;
        let ticket = Ticket::new(Arc::clone(&served.figures), "transcription");
        match self.begin(&served, command).await {
            Ok(begun) => Ok(Transcript::new(served.uid().clone(), begun, ticket)),
            Err(error) => {
                ticket.failed(&error);
                Err(error)
            }
        }
    }

    /// Whether a model writes recordings down, so that one that does not is told before the upload.
    ///
    /// # Errors
    /// Why it does not.
    pub fn check_transcribes(&self, uid: &str) -> Result<(), InferenceError> {
        let served = self.inner.served(uid)?;
        served.weights()?;
        let family = served.family()?;
        self.writing(&served, &family).map(drop)
    }

    async fn begin(
        &self,
        served: &Arc<Served>,
        command: TranscribeCommand,
    ) -> Result<Begun, InferenceError> {
        let TranscribeCommand { request, recording, hint, cues, .. } = command;
        let card = Arc::clone(&served.weights()?.card);
        let family = served.family()?;
        let chosen = self.writing(served, &family)?;
        let (name, calls) = (Arc::clone(&chosen.name), Arc::clone(&chosen.calls));
        // How many bytes may be sent has been checked where they came in.
        let limits = Limits {
            seconds: served.definition.settings.audio_seconds,
            bytes: recording.len(),
            ..Limits::default()
        };
        let places = Arc::clone(&self.inner.decodes);
        let file = Upload { recording, hint, limits, places };
        let source = file.open().await?;
        let plugins = self.inner.plugins.clone();
        let (family, calling) = (Arc::clone(&name), Arc::clone(&calls));
        let turn = self
            .render_hop(served, &name, move || {
                calling.render.record(|| plugins.transcribe(&family, &card, &request))
            })
            .await?;
        let plan = turn.plan();
        let asked = Transcribe { request: 0, plan: convert::plan(plan) };
        let (task, language) = (plan.task, plan.language.clone());
        let languages = plan.languages.clone();
        let supervisor = self.inner.supervisor.clone();
        let begun = supervisor.transcribe(served.uid(), asked.clone()).await;
        let (sender, events) =
            begun.map_err(|error| from_supervisor(served.uid().as_str(), error))?;
        let again = Again { supervisor, asked, file };
        served.was_ready.store(true, std::sync::atomic::Ordering::Relaxed);
        let scribe = Scribe::new(turn, cues, name, calls, served.places.clone());
        Ok(Begun { sender, events, source, again, scribe, task, language, languages })
    }

    fn writing<'a>(
        &self,
        served: &Served,
        family: &'a Family,
    ) -> Result<&'a Chosen, InferenceError> {
        let writes = |chosen: &&Chosen| chosen.can(Ability::Transcription);
        if let Some(chosen) = family.chosen().filter(writes) {
            return Ok(chosen);
        }
        let able = self.names_of(|family| family.chosen().is_some_and(|chosen| writes(&chosen)));
        let other = match able {
            _ if served.hears() => "install a family plugin for it".to_owned(),
            Some(able) => format!("ask one of [{able}]"),
            None => "no model here is: add one to the server's configuration".to_owned(),
        };
        Err(InferenceError::Unsupported {
            message: format!(
                "model `{}` is not for transcription ({}): {other}",
                served.uid(),
                family.reason(),
            ),
        })
    }
}
