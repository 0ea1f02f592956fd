//! What an engine's loop holds.

use std::{
    os::unix::net::UnixStream,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use bytes::BytesMut;
use engine_protocol::{FromEngine, Hello, ToEngine};

use super::{
    reader::{Patience, Reader},
    writer::Writer,
};

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

/// The engine's end of a session.
///
/// Its methods block, and must not be called within an asynchronous runtime.
#[derive(Debug)]
pub struct Session {
    reader: Mutex<Reader>,
    sender: Sender,
    peer: Hello,
}

/// Sends for a [`Session`] from another thread.
#[derive(Clone, Debug)]
pub struct Sender(Arc<Mutex<Writer>>);

impl Session {
    /// A session over a greeted socket that does not block; `read` came behind the greeting.
    pub(super) fn new(socket: &Arc<UnixStream>, read: BytesMut, peer: Hello) -> Self {
        let reader = Mutex::new(Reader::new(Arc::clone(socket), read));
        let sender = Sender(Arc::new(Mutex::new(Writer::new(Arc::clone(socket)))));
        Self { reader, sender, peer }
    }

    /// Waits for the host's next message; `None`: the host is gone, and the engine should end.
    pub fn recv(&self) -> Option<ToEngine> {
        match self.next(Patience::Endless) {
            Received::Message(message) => Some(message),
            Received::Nothing | Received::Closed => None,
        }
    }

    /// Waits for the host's next message for a while.
    pub fn recv_timeout(&self, limit: Duration) -> Received {
        self.next(Patience::Until(Instant::now() + limit))
    }

    /// The host's next message, if it has come already.
    pub fn try_recv(&self) -> Received {
        self.next(Patience::None)
    }

    /// Writes a message, and what was fed before it; waits for a host that is slow to read.
    ///
    /// # Errors
    /// Where the host is gone.
    pub fn send(&self, message: &FromEngine) -> Result<(), Closed> {
        self.sender.send(message)
    }

    /// Adds a message to what the next [`flush`](Self::flush) or [`send`](Self::send) writes, so
    /// that one write carries both.
    ///
    /// # Errors
    /// Where the host is gone.
    pub fn feed(&self, message: &FromEngine) -> Result<(), Closed> {
        self.sender.writer().feed(message)
    }

    /// Writes all that was fed; in the socket it survives the end of this process.
    ///
    /// # Errors
    /// Where the host is gone.
    pub fn flush(&self) -> Result<(), Closed> {
        self.sender.writer().flush()
    }

    /// Sends bytes as a frame, whatever they are.
    ///
    /// # Errors
    /// Where the host is gone.
    #[cfg(feature = "raw-frames")]
    pub fn send_raw(&self, frame: &[u8]) -> Result<(), Closed> {
        let mut writer = self.sender.writer();
        writer.feed_raw(frame).and_then(|()| writer.flush())
    }

    /// A sender for other threads, such as one that reports the progress of loading.
    ///
    /// The session ends for the host with the [`Session`]; senders that are left find it closed.
    pub fn sender(&self) -> Sender {
        self.sender.clone()
    }

    /// How the host has introduced itself.
    pub fn peer(&self) -> &Hello {
        &self.peer
    }

    fn next(&self, patience: Patience) -> Received {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner).next(patience)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let mut writer = self.sender.writer();
        // A host that is gone needs nothing more.
        let _ = writer.flush();
        writer.close();
    }
}

impl Sender {
    /// Writes a message, like [`Session::send`].
    ///
    /// # Errors
    /// Where the host is gone.
    pub fn send(&self, message: &FromEngine) -> Result<(), Closed> {
        let mut writer = self.writer();
        writer.feed(message).and_then(|()| writer.flush())
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
