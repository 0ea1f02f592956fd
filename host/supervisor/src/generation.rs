//! A reply on its way.

use std::{
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll, ready},
};

use engine_protocol::{EngineError, ErrorCode, Event, EventKind, RequestId};
use futures::Stream;
use tokio::sync::mpsc;

use crate::{SupervisorError, link::Link};

/// The events of one request; dropping it cancels the request within one engine step.
#[derive(Debug)]
pub struct Generation {
    request: RequestId,
    events: mpsc::Receiver<Event>,
    failure: Arc<OnceLock<SupervisorError>>,
    /// Whether the last event was given out.
    ended: bool,
    /// Where a cancellation goes.
    link: Arc<Link>,
}

impl Generation {
    pub(crate) fn new(
        request: RequestId,
        events: mpsc::Receiver<Event>,
        failure: Arc<OnceLock<SupervisorError>>,
        link: Arc<Link>,
    ) -> Self {
        Self { request, events, failure, ended: false, link }
    }

    /// The number under which the engine knows the request.
    pub fn request(&self) -> RequestId {
        self.request
    }

    /// The next event; `None` after the last sequence has ended or the request has failed.
    ///
    /// A failure comes as one [`EventKind::Failed`], whether the engine reports it or the worker
    /// dies; [`failure`](Self::failure) tells these apart. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Event> {
        std::future::poll_fn(|context| self.poll(context)).await
    }

    /// Why the supervisor itself ended the request: its worker died, its model was terminated, or
    /// its events were not read. `None` for a failure that the engine reports.
    pub fn failure(&self) -> Option<&SupervisorError> {
        self.failure.get()
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Event>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let event = ready!(self.events.poll_recv(context)).or_else(|| self.failed());
        self.ended = event.as_ref().is_none_or(|event| matches!(event.kind, EventKind::Failed(_)));
        Poll::Ready(event)
    }

    fn failed(&self) -> Option<Event> {
        let error = match self.failure.get()? {
            SupervisorError::Engine(error) => error.clone(),
            other => EngineError::new(ErrorCode::Internal, other.to_string()),
        };
        Some(Event { request: self.request, sequence: 0, kind: EventKind::Failed(error) })
    }
}

impl Stream for Generation {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        self.poll(context)
    }
}

impl Drop for Generation {
    fn drop(&mut self) {
        if !self.ended {
            // In this order: a worker's task that sees the cancellation before the request itself
            // finds nobody reading, and does not send it.
            self.events.close();
            self.link.cancel(self.request);
        }
    }
}
