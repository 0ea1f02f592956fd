//! A reply on its way.

use std::{
    fmt,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll, ready},
};

use engine_protocol::{EngineError, ErrorCode, Event, EventKind, RequestId};
use futures::{FutureExt, Stream, future::BoxFuture};
use tokio::sync::mpsc;

use crate::{SupervisorError, link::Link, requests::Ending};

/// The events of one request; dropping it cancels the request within one engine step.
///
/// Where its worker dies before the first event, the request is begun once more.
pub struct Generation {
    request: RequestId,
    course: Course,
    /// Whether the last event was given out.
    ended: bool,
    again: Again,
}

/// A request on one worker.
#[derive(Debug)]
pub(crate) struct Course {
    pub(crate) events: mpsc::Receiver<Event>,
    pub(crate) ending: Arc<OnceLock<Ending>>,
    /// Where a cancellation goes.
    pub(crate) link: Arc<Link>,
}

/// How a request may be begun once more after its worker's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// On any worker: the one that ended had not looked at it.
    Freely,
    /// On the worker that takes the place of the one that ended, and best while that has nothing else
    /// to do: the other one may have died of it.
    Alone {
        /// The place, as [`ReplicaStatus::index`](crate::ReplicaStatus::index) counts it.
        replica: u32,
    },
}

/// Begins a request on another worker; `None`: it cannot be.
pub(crate) type Beginning = BoxFuture<'static, Option<Course>>;

/// Makes such a beginning.
pub(crate) type Begin = Box<dyn FnOnce(Retry) -> Beginning + Send>;

/// Whether a request can be begun once more.
enum Again {
    Possible(Begin),
    Beginning(Beginning),
    /// It has been, or an event has come.
    Over,
}

impl Generation {
    pub(crate) fn new(request: RequestId, course: Course, again: Option<Begin>) -> Self {
        let again = again.map_or(Again::Over, Again::Possible);
        Self { request, course, ended: false, again }
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
        self.course.ending.get().map(|ending| &ending.error)
    }

    /// How the request may be begun once more, where its worker died.
    pub(crate) fn retry(&self) -> Option<Retry> {
        let ending = self.course.ending.get()?;
        let died = matches!(ending.error, SupervisorError::WorkerDied { .. });
        let alone = Retry::Alone { replica: self.course.link.replica() };
        died.then_some(if ending.untouched { Retry::Freely } else { alone })
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Event>> {
        while !self.ended {
            if let Again::Beginning(beginning) = &mut self.again {
                let course = ready!(beginning.poll_unpin(context));
                self.again = Again::Over;
                // Without another course, the end of the last one stands.
                if let Some(course) = course {
                    self.course = course;
                }
            }
            let event = ready!(self.course.events.poll_recv(context));
            let again = std::mem::replace(&mut self.again, Again::Over);
            if event.is_none()
                && let (Again::Possible(begin), Some(retry)) = (again, self.retry())
            {
                self.again = Again::Beginning(begin(retry));
                continue;
            }
            let event = event.or_else(|| self.failed());
            let last = |event: &Event| matches!(event.kind, EventKind::Failed(_));
            self.ended = event.as_ref().is_none_or(last);
            return Poll::Ready(event);
        }
        Poll::Ready(None)
    }

    fn failed(&self) -> Option<Event> {
        let error = match self.failure()? {
            SupervisorError::Engine(error) => error.clone(),
            other => EngineError::new(ErrorCode::Internal, other.to_string()),
        };
        Some(Event { request: self.request, sequence: 0, kind: EventKind::Failed(error) })
    }
}

impl fmt::Debug for Generation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Generation")
            .field("request", &self.request)
            .field("course", &self.course)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
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
            self.course.events.close();
            self.course.link.cancel(self.request);
        }
    }
}
