//! A transcript on its way to whoever asked.

use std::{pin::Pin, sync::Arc, time::Instant};

use engine_protocol::{Event, EventKind, Finish};
use futures::FutureExt;
use model::{DecodedSegment, Language, ModelUid, Task};
use supervisor::{AudioSender, Transcription};

use super::{
    again::Again,
    convert,
    pump::{Length, Source},
    scribe::{Passage, Scribe},
};
use crate::{InferenceError, figures::Ticket, reply::from_supervisor};

/// The greatest number of engine events that are taken at once.
const BATCH: usize = 256;

/// A change to a transcript.
#[derive(Clone, Debug)]
pub enum TranscriptItem {
    /// More of it, in the order of time.
    Passage(Passage),
    /// So much of the recording is written down.
    Progress {
        /// Seconds from its beginning.
        seconds: f64,
        /// Seconds that there are in all, where the file says so; it need not be true.
        of: Option<f64>,
    },
    /// The transcript ended in an error; nothing follows.
    Failed(InferenceError),
}

/// A transcript on its way; dropping it cancels the transcription.
pub struct Transcript {
    uid: ModelUid,
    task: Task,
    events: Transcription,
    /// Sends the audio; `None` once all of it is sent.
    pump: Option<Pump>,
    /// `None` once it has been begun once more.
    again: Option<Again>,
    /// The time up to which the worker before had written it down.
    past_ms: u32,
    /// `None` once it has broken, or the transcript has ended.
    scribe: Option<Scribe>,
    length: Arc<Length>,
    /// The languages that there can be.
    languages: Vec<Language>,
    /// The code of the language that is spoken, as soon as it is known.
    language: Option<String>,
    /// The end of what is written down.
    until_ms: u32,
    started: Instant,
    ticket: Ticket,
    ended: bool,
}

type Pump = Pin<Box<dyn Future<Output = Result<(), InferenceError>> + Send>>;

/// A transcription that has begun.
pub(super) struct Begun {
    pub(super) sender: AudioSender,
    pub(super) events: Transcription,
    pub(super) source: Source,
    pub(super) again: Again,
    pub(super) scribe: Scribe,
    pub(super) task: Task,
    pub(super) language: Option<String>,
    pub(super) languages: Vec<Language>,
}

/// What one look at the engine's events has given.
#[derive(Default)]
struct News {
    decoded: Vec<DecodedSegment>,
    moved: bool,
    finished: bool,
    failure: Option<InferenceError>,
}

impl Transcript {
    pub(super) fn new(uid: ModelUid, begun: Begun, ticket: Ticket) -> Self {
        let Begun { sender, events, source, again, scribe, task, language, languages } = begun;
        Self {
            uid,
            task,
            events,
            length: Arc::clone(&source.length),
            pump: Some(Box::pin(source.pump(sender))),
            again: Some(again),
            past_ms: 0,
            scribe: Some(scribe),
            languages,
            language,
            until_ms: 0,
            started: Instant::now(),
            ticket,
            ended: false,
        }
    }

    /// The model that writes.
    pub fn uid(&self) -> &ModelUid {
        &self.uid
    }

    /// What is written down.
    pub fn task(&self) -> Task {
        self.task
    }

    /// The English name of the language that is spoken, as soon as it is known.
    pub fn language(&self) -> Option<&str> {
        let code = self.language.as_deref()?;
        let known = self.languages.iter().find(|language| language.code == code);
        Some(known.map_or(code, |language| language.name.as_str()))
    }

    /// Seconds of audio so far; final once [`next`](Self::next) has given `None`.
    pub fn seconds(&self) -> f64 {
        self.length.seconds()
    }

    /// Everything that is ready, waiting until something is; `None` after the end.
    ///
    /// A future that is dropped halfway may take text with it, so drop the transcript with it.
    pub async fn next(&mut self) -> Option<Vec<TranscriptItem>> {
        while !self.ended {
            let mut items = Vec::new();
            let News { decoded, moved, finished, failure } = self.news().await;
            let failure = match failure {
                Some(failure) if !self.begin_again().await => Some(failure),
                _ => None,
            };
            if let Some(spoken) = decoded.first().filter(|_| self.language.is_none()) {
                self.language = Some(spoken.language.clone()).filter(|code| !code.is_empty());
            }
            let failure = match self.write(decoded, finished, &mut items).await {
                Ok(()) => failure,
                Err(error) => failure.or(Some(error)),
            };
            self.ended = finished || failure.is_some();
            if let Some(error) = failure {
                self.ticket.failed(&error);
                items.push(TranscriptItem::Failed(error));
            } else if moved {
                let seconds = f64::from(self.until_ms) / 1000.0;
                // Once all of it is decoded, its length is known.
                let of = match self.pump {
                    Some(_) => self.length.expected(),
                    None => Some(self.seconds()),
                };
                items.push(TranscriptItem::Progress { seconds, of });
            }
            if self.ended {
                self.count();
            }
            if !items.is_empty() {
                return Some(items);
            }
        }
        None
    }

    /// Begins once more after the end of the worker; false: it cannot be.
    ///
    /// A recording is cut in the same way again, so what was written down is passed over exactly.
    async fn begin_again(&mut self) -> bool {
        let Some(retry) = self.events.retry() else { return false };
        let Some(again) = self.again.take() else { return false };
        let uid = &self.uid;
        match again.begin(uid, retry, self.until_ms).await {
            Ok((sender, events, source)) => {
                tracing::info!(model = %uid, "a transcription is begun once more");
                source.length.wrote(self.until_ms);
                self.past_ms = self.until_ms;
                self.length = Arc::clone(&source.length);
                self.pump = Some(Box::pin(source.pump(sender)));
                self.events = events;
                true
            }
            Err(error) => {
                tracing::warn!(model = %uid, %error, "a transcription cannot be begun once more");
                false
            }
        }
    }

    /// Waits for one engine event, and takes all others that are ready; sends audio meanwhile.
    async fn news(&mut self) -> News {
        let mut news = News::default();
        let mut next = loop {
            let Some(pump) = &mut self.pump else { break self.events.next().await };
            tokio::select! {
                biased;
                event = self.events.next() => break event,
                sent = pump => {
                    self.pump = None;
                    if let Err(error) = sent {
                        news.failure = Some(error);
                        return news;
                    }
                }
            }
        };
        for taken in 1.. {
            match next {
                Some(event) => self.sort(event, &mut news),
                None => news.failure = Some(self.broken_off()),
            }
            // What comes after them waits; what is looked at must be sorted.
            if news.finished || news.failure.is_some() || taken == BATCH {
                break;
            }
            match self.events.next().now_or_never() {
                Some(ready) => next = ready,
                None => return news,
            }
        }
        news
    }

    fn sort(&mut self, event: Event, news: &mut News) {
        match event.kind {
            EventKind::Segments { segments, until_ms } => {
                let new = segments.into_iter().filter(|segment| segment.start_ms >= self.past_ms);
                news.decoded.extend(new.map(convert::segment));
                if until_ms > self.until_ms {
                    self.until_ms = until_ms;
                    self.length.wrote(until_ms);
                    news.moved = true;
                }
            }
            EventKind::Finished { reason: Finish::Stop | Finish::Length, .. } => {
                news.finished = true;
            }
            EventKind::Finished { reason: Finish::Cancelled, .. } => {
                news.failure = Some(self.broken_off());
            }
            EventKind::Failed(error) => {
                let uid = self.uid.as_str();
                news.failure = Some(match self.events.failure() {
                    Some(failure) => from_supervisor(uid, failure.clone()),
                    None => InferenceError::from_engine(uid, error),
                });
            }
            // A transcription has no prompt of its own, and its text comes in segments.
            EventKind::Started { .. } | EventKind::Text { .. } => {}
        }
    }

    fn broken_off(&self) -> InferenceError {
        InferenceError::WorkerDied {
            uid: self.uid.to_string(),
            cause: "its events ended before the transcript did".to_owned(),
        }
    }

    async fn write(
        &mut self,
        decoded: Vec<DecodedSegment>,
        last: bool,
        items: &mut Vec<TranscriptItem>,
    ) -> Result<(), InferenceError> {
        if decoded.is_empty() && !last {
            return Ok(());
        }
        let Some(scribe) = self.scribe.take() else { return Ok(()) };
        let (scribe, passages) = scribe.write(decoded, last).await?;
        self.scribe = Some(scribe);
        items.extend(passages.into_iter().map(TranscriptItem::Passage));
        Ok(())
    }

    /// Counts what was written down.
    fn count(&self) {
        self.ticket.heard(self.seconds(), self.started.elapsed());
    }
}
