//! The requests that one worker works on.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};

use engine_protocol::{EngineError, Event, EventKind, RequestId, ToEngine};
use tokio::{
    sync::{
        OwnedSemaphorePermit,
        mpsc::{self, error::TrySendError},
    },
    time::Instant,
};

use crate::{
    SupervisorError,
    link::{Answer, Begin, Ticket, Work},
};

/// Where a request's events go.
#[derive(Debug)]
pub(crate) struct Sink {
    pub(crate) events: mpsc::Sender<Event>,
    /// Why the events end early; set before `events` is dropped.
    pub(crate) ending: Arc<OnceLock<Ending>>,
    /// Held by a request that is begun once more, until it is where it was.
    pub(crate) turn: Option<OwnedSemaphorePermit>,
    /// The time up to which a recording was written down before; 0 for all else.
    pub(crate) past_ms: u32,
}

/// Why a request's events end early.
#[derive(Debug)]
pub(crate) struct Ending {
    pub(crate) error: SupervisorError,
    /// Whether the worker cannot have looked at the request.
    pub(crate) untouched: bool,
}

impl Sink {
    /// Whether nobody reads any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.events.is_closed()
    }

    /// Ends the events with a failure.
    pub(crate) fn fail(self, error: SupervisorError) {
        self.end(Ending { error, untouched: false });
    }

    /// Ends the events early.
    pub(crate) fn end(self, ending: Ending) {
        // The first failure is the cause of those that follow.
        let _ = self.ending.set(ending);
    }
}

/// One request.
#[derive(Debug)]
enum Open {
    /// A generation or a transcription.
    Events {
        sink: Sink,
        /// When the worker was asked.
        asked: Instant,
        /// Sequences that have not ended.
        left: u32,
        /// Counts the request until its last event.
        ticket: Ticket,
    },
    /// Its reader did not drain; the worker is yet to be told.
    Abandoned,
    Tokens {
        answer: Answer,
        /// Counts the request until it is answered.
        _ticket: Ticket,
    },
}

/// What is open, by request.
#[derive(Debug, Default)]
pub(crate) struct Requests(HashMap<RequestId, Open>);

impl Requests {
    /// Opens a request, and gives the message that asks for it.
    pub(crate) fn open(&mut self, begin: Begin) -> (RequestId, ToEngine) {
        let Begin { work, ticket } = begin;
        let asked = Instant::now();
        match work {
            Work::Generate { generate, sink } => {
                let (request, left) = (generate.request, generate.sequences);
                self.0.insert(request, Open::Events { sink, asked, left, ticket });
                (request, ToEngine::Generate(generate))
            }
            Work::Transcribe { transcribe, sink } => {
                let request = transcribe.request;
                self.0.insert(request, Open::Events { sink, asked, left: 1, ticket });
                (request, ToEngine::Transcribe(transcribe))
            }
            Work::Tokenize { tokenize, answer } => {
                let request = tokenize.request;
                self.0.insert(request, Open::Tokens { answer, _ticket: ticket });
                (request, ToEngine::Tokenize(tokenize))
            }
        }
    }

    /// Whether a request's events are still waited for.
    pub(crate) fn is_open(&self, request: RequestId) -> bool {
        matches!(self.0.get(&request), Some(Open::Events { .. }))
    }

    /// Passes an event on; true: its reader does not drain, and the request is to be cancelled.
    ///
    /// An event of a request that is not open comes after a cancellation, and is dropped.
    pub(crate) fn event(&mut self, event: Event) -> bool {
        let request = event.request;
        let Some(Open::Events { sink, left, .. }) = self.0.get_mut(&request) else {
            return false;
        };
        if !matches!(event.kind, EventKind::Segments { until_ms, .. } if until_ms <= sink.past_ms) {
            sink.turn = None;
        }
        let ended = match event.kind {
            EventKind::Finished { .. } => {
                *left = left.saturating_sub(1);
                *left == 0
            }
            EventKind::Failed(_) => true,
            EventKind::Started { .. } | EventKind::Text { .. } | EventKind::Segments { .. } => {
                false
            }
        };
        if !ended {
            let full = matches!(sink.events.try_send(event), Err(TrySendError::Full(_)));
            if full {
                self.abandon(request);
            }
            return full;
        }
        // Whoever reads the last event finds the request closed and no longer counted.
        if let Some(Open::Events { sink, ticket, .. }) = self.0.remove(&request) {
            let Sink { events, ending, .. } = sink;
            drop(ticket);
            if matches!(events.try_send(event), Err(TrySendError::Full(_))) {
                let error = SupervisorError::NotDrained { limit: events.max_capacity() };
                let _ = ending.set(Ending { error, untouched: false });
            }
        }
        false
    }

    fn abandon(&mut self, request: RequestId) {
        if let Some(Open::Events { sink, .. }) = self.0.insert(request, Open::Abandoned) {
            let limit = sink.events.max_capacity();
            sink.fail(SupervisorError::NotDrained { limit });
        }
    }

    /// Answers a request for tokens.
    pub(crate) fn answer(&mut self, request: RequestId, tokens: Result<Vec<u32>, EngineError>) {
        if let Some(open) = self.0.remove(&request) {
            match open {
                // Whoever asked may have gone.
                Open::Tokens { answer, .. } => drop(answer.send(tokens.map_err(Into::into))),
                other => drop(self.0.insert(request, other)),
            }
        }
    }

    /// Closes a request that nobody wants any more; true: the worker is to be told.
    pub(crate) fn cancel(&mut self, request: RequestId) -> bool {
        self.0.remove(&request).is_some()
    }

    /// Ends one request with a failure.
    pub(crate) fn fail(&mut self, request: RequestId, error: SupervisorError) {
        match self.0.remove(&request) {
            Some(Open::Events { sink, .. }) => sink.fail(error),
            Some(Open::Tokens { answer, .. }) => drop(answer.send(Err(error))),
            Some(Open::Abandoned) | None => {}
        }
    }

    /// Ends every request with the same failure, after a worker that last looked at `looked`.
    pub(crate) fn fail_all(&mut self, error: &SupervisorError, looked: Instant) {
        for (_, open) in self.0.drain() {
            let error = error.clone();
            match open {
                Open::Events { sink, asked, .. } => {
                    sink.end(Ending { error, untouched: asked > looked });
                }
                // Whoever asked may have gone.
                Open::Tokens { answer, .. } => drop(answer.send(Err(error))),
                Open::Abandoned => {}
            }
        }
    }
}
