//! What an engine's loop holds.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel},
    },
    time::Duration,
};

use engine_protocol::{FromEngine, Hello, ToEngine};
use tokio::sync::{
    Semaphore,
    mpsc::{self, error::TrySendError},
};

/// Messages that may wait for the engine's loop; beyond them the host's bytes stay in the socket.
const INCOMING: usize = 1024;
/// Messages that may wait for the socket; beyond them the engine's loop waits, which a host that
/// reads never lets happen.
const OUTGOING: usize = 4096;

/// The host is gone; the engine should end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the host has closed the session")]
pub struct Closed;

/// What [`Session::try_recv`] and [`Session::recv_timeout`] found.
#[derive(Clone, Debug, PartialEq)]
pub enum Received {
    /// A message.
    Message(ToEngine),
    /// Nothing has come.
    Nothing,
    /// The host is gone; the engine should end.
    Closed,
}

/// What goes to the I/O thread.
pub(super) enum Outgoing {
    Message(FromEngine),
    /// A frame of bytes that need not be a message.
    #[cfg(feature = "raw-frames")]
    Raw(Vec<u8>),
    /// Answered when all that was sent before is in the socket.
    Flush(SyncSender<()>),
}

/// The engine's end of a session.
///
/// Its methods block, and must not be called within an asynchronous runtime.
#[derive(Debug)]
pub struct Session {
    incoming: Receiver<ToEngine>,
    /// Places in `incoming`; taking a message frees one.
    places: Arc<Semaphore>,
    sender: Sender,
    peer: Hello,
}

/// Sends for a [`Session`] from another thread.
#[derive(Clone, Debug)]
pub struct Sender(mpsc::Sender<Outgoing>);

/// The I/O thread's end of a [`Session`].
pub(super) struct Far {
    pub(super) incoming: SyncSender<ToEngine>,
    pub(super) places: Arc<Semaphore>,
    pub(super) outgoing: mpsc::Receiver<Outgoing>,
}

impl Session {
    pub(super) fn new(peer: Hello) -> (Self, Far) {
        let (incoming_tx, incoming) = sync_channel(INCOMING);
        let (outgoing_tx, outgoing) = mpsc::channel(OUTGOING);
        let places = Arc::new(Semaphore::new(INCOMING));
        let far = Far { incoming: incoming_tx, places: Arc::clone(&places), outgoing };
        (Self { incoming, places, sender: Sender(outgoing_tx), peer }, far)
    }

    /// Waits for the host's next message; `None`: the host is gone, and the engine should end.
    pub fn recv(&self) -> Option<ToEngine> {
        self.incoming.recv().ok().map(|message| self.taken(message))
    }

    /// Waits for the host's next message for a while.
    pub fn recv_timeout(&self, limit: Duration) -> Received {
        match self.incoming.recv_timeout(limit) {
            Ok(message) => Received::Message(self.taken(message)),
            Err(RecvTimeoutError::Timeout) => Received::Nothing,
            Err(RecvTimeoutError::Disconnected) => Received::Closed,
        }
    }

    /// The host's next message, if it has come already.
    pub fn try_recv(&self) -> Received {
        match self.incoming.try_recv() {
            Ok(message) => Received::Message(self.taken(message)),
            Err(TryRecvError::Empty) => Received::Nothing,
            Err(TryRecvError::Disconnected) => Received::Closed,
        }
    }

    /// Hands a message to the I/O thread, which writes it together with whatever else is ready.
    ///
    /// # Errors
    /// Where the host is gone.
    pub fn send(&self, message: FromEngine) -> Result<(), Closed> {
        self.sender.send(message)
    }

    /// Waits until all that was sent is in the socket, where it survives the end of this process.
    ///
    /// # Errors
    /// Where the host is gone.
    pub fn flush(&self) -> Result<(), Closed> {
        let (done, wait) = sync_channel(1);
        self.sender.push(Outgoing::Flush(done))?;
        wait.recv().map_err(|_| Closed)
    }

    /// Sends bytes as a frame, whatever they are.
    ///
    /// # Errors
    /// Where the host is gone.
    #[cfg(feature = "raw-frames")]
    pub fn send_raw(&self, frame: Vec<u8>) -> Result<(), Closed> {
        self.sender.push(Outgoing::Raw(frame))
    }

    /// A sender for other threads, such as one that reports the progress of loading.
    ///
    /// The session ends for the host when the session and all of its senders are gone.
    pub fn sender(&self) -> Sender {
        self.sender.clone()
    }

    /// How the host has introduced itself.
    pub fn peer(&self) -> &Hello {
        &self.peer
    }

    fn taken(&self, message: ToEngine) -> ToEngine {
        self.places.add_permits(1);
        message
    }
}

impl Sender {
    /// Hands a message to the I/O thread, like [`Session::send`].
    ///
    /// # Errors
    /// Where the host is gone.
    pub fn send(&self, message: FromEngine) -> Result<(), Closed> {
        self.push(Outgoing::Message(message))
    }

    fn push(&self, outgoing: Outgoing) -> Result<(), Closed> {
        match self.0.try_send(outgoing) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(outgoing)) => self.0.blocking_send(outgoing).map_err(|_| Closed),
            Err(TrySendError::Closed(_)) => Err(Closed),
        }
    }
}
