//! The way from callers to the task that owns a worker's session.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use engine_protocol::{Audio, Generate, RequestId, Tokenize, Transcribe};
use tokio::sync::{
    Notify, OwnedSemaphorePermit, Semaphore,
    mpsc::{self, error::TrySendError},
    oneshot,
};
use tokio_util::task::{TaskTracker, task_tracker::TaskTrackerToken};

use crate::{
    SupervisorError,
    requests::{Ending, Sink},
};

/// Pieces of audio that may wait to be written to one worker.
const PIECES: usize = 8;

/// Something to ask a worker, and where the answer goes.
#[derive(Debug)]
pub(crate) enum Work {
    Generate { generate: Box<Generate>, sink: Sink },
    Transcribe { transcribe: Box<Transcribe>, sink: Sink },
    Tokenize { tokenize: Tokenize, answer: Answer },
}

impl Work {
    /// Whether nobody waits for the answer any more.
    pub(crate) fn is_orphaned(&self) -> bool {
        match self {
            Self::Generate { sink, .. } | Self::Transcribe { sink, .. } => sink.is_closed(),
            Self::Tokenize { answer, .. } => answer.is_closed(),
        }
    }

    /// Ends it with a failure of a worker that was never asked.
    pub(crate) fn fail(self, error: SupervisorError) {
        match self {
            Self::Generate { sink, .. } | Self::Transcribe { sink, .. } => {
                sink.end(Ending { error, untouched: true });
            }
            // Whoever asked may have gone.
            Self::Tokenize { answer, .. } => drop(answer.send(Err(error))),
        }
    }
}

/// What is to be written to one worker.
#[derive(Debug)]
pub(crate) enum Command {
    /// A request.
    Begin(Begin),
    /// More of a recording whose request came before.
    Audio(Piece),
}

/// Work on its way to one worker, counted as in flight there.
#[derive(Debug)]
pub(crate) struct Begin {
    pub(crate) work: Work,
    pub(crate) ticket: Ticket,
}

/// A piece of a recording on its way to one worker.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) audio: Audio,
    /// Held until the piece is written, so that audio waits at its source and not here.
    pub(crate) place: OwnedSemaphorePermit,
}

/// Why work was not taken; from a worker that has ended it comes back.
#[derive(Debug)]
pub(crate) enum Refused {
    /// The worker's queue is full.
    Full,
    /// The worker has ended.
    Gone(Work),
}

/// Where the tokens of a prompt go.
pub(crate) type Answer = oneshot::Sender<Result<Vec<u32>, SupervisorError>>;

/// Callers' end of one session; a worker that is started again has a new one.
#[derive(Debug)]
pub(crate) struct Link {
    /// The place of its worker among the model's.
    replica: u32,
    commands: mpsc::Sender<Command>,
    /// Places for pieces of audio that wait to be written.
    audio: Arc<Semaphore>,
    cancels: Cancels,
    in_flight: AtomicUsize,
    /// Everything that is in flight in the whole supervisor, for draining.
    all: TaskTracker,
}

/// Counts one request as in flight for as long as it lives.
#[derive(Debug)]
pub(crate) struct Ticket {
    link: Arc<Link>,
    _token: TaskTrackerToken,
}

impl Link {
    pub(crate) fn new(
        replica: u32,
        queue: usize,
        all: TaskTracker,
    ) -> (Arc<Self>, mpsc::Receiver<Command>) {
        let (commands, receiver) = mpsc::channel(queue.max(1));
        let link = Self {
            replica,
            commands,
            audio: Arc::new(Semaphore::new(PIECES)),
            cancels: Cancels::default(),
            in_flight: AtomicUsize::new(0),
            all,
        };
        (Arc::new(link), receiver)
    }

    pub(crate) fn replica(&self) -> u32 {
        self.replica
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Queues work; this never waits.
    pub(crate) fn send(self: &Arc<Self>, work: Work) -> Result<(), Refused> {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        let ticket = Ticket { link: Arc::clone(self), _token: self.all.token() };
        match self.commands.try_send(Command::Begin(Begin { work, ticket })) {
            Ok(()) => Ok(()),
            Err(TrySendError::Closed(Command::Begin(begin))) => Err(Refused::Gone(begin.work)),
            Err(TrySendError::Full(_) | TrySendError::Closed(_)) => Err(Refused::Full),
        }
    }

    /// Queues a piece of a recording, once there is a place for it; false: the worker has ended.
    pub(crate) async fn send_audio(&self, audio: Audio) -> bool {
        let Ok(place) = Arc::clone(&self.audio).acquire_owned().await else { return false };
        self.commands.send(Command::Audio(Piece { audio, place })).await.is_ok()
    }

    /// Asks for the end of a request; this never fails and never waits.
    pub(crate) fn cancel(&self, request: RequestId) {
        self.cancels.push(request);
    }

    /// Waits until something is to be cancelled.
    pub(crate) async fn cancelled(&self) {
        self.cancels.pushed.notified().await;
    }

    /// What is to be cancelled.
    pub(crate) fn take_cancelled(&self) -> Vec<RequestId> {
        self.cancels.take()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.link.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Requests to cancel: a list beside the command queue, so that a full queue loses none.
///
/// It is bounded by the requests in flight, since each is cancelled at most twice: by its reader,
/// and by the supervisor when the reader does not drain.
#[derive(Debug, Default)]
struct Cancels {
    list: Mutex<Vec<RequestId>>,
    pushed: Notify,
}

impl Cancels {
    fn push(&self, request: RequestId) {
        self.list.lock().unwrap_or_else(PoisonError::into_inner).push(request);
        self.pushed.notify_one();
    }

    fn take(&self) -> Vec<RequestId> {
        std::mem::take(&mut self.list.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
