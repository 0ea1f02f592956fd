//! What goes to the host.

use std::{
    io::{ErrorKind, Write},
    net::Shutdown,
    os::unix::net::UnixStream,
    sync::Arc,
};

use bytes::{Buf, BytesMut};
use engine_protocol::{FromEngine, ToEngine};
use rustix::event::PollFlags;
use tokio_util::codec::Encoder;

use super::{
    Closed,
    reader::{Patience, wait},
};
use crate::{IpcError, MessageCodec, greeting::BUFFER_BYTES};

/// The writing end of a socket that does not block.
#[derive(Debug)]
pub(super) struct Writer {
    socket: Arc<UnixStream>,
    codec: MessageCodec<ToEngine>,
    /// Frames that are to be written.
    bytes: BytesMut,
    over: bool,
}

impl Writer {
    pub(super) fn new(socket: Arc<UnixStream>) -> Self {
        let bytes = BytesMut::with_capacity(BUFFER_BYTES);
        Self { socket, codec: MessageCodec::new(), bytes, over: false }
    }

    /// Adds a message to what the next flush writes.
    pub(super) fn feed(&mut self, message: &FromEngine) -> Result<(), Closed> {
        if self.over {
            return Err(Closed);
        }
        let added = self.codec.encode(message, &mut self.bytes);
        added.map_err(|error| self.broken(&error))?;
        // What a thread has to say for very long must not fill the memory.
        if self.bytes.len() >= BUFFER_BYTES { self.flush() } else { Ok(()) }
    }

    #[cfg(feature = "raw-frames")]
    pub(super) fn feed_raw(&mut self, frame: &[u8]) -> Result<(), Closed> {
        let added = self.codec.encode_bytes(frame, &mut self.bytes);
        added.map_err(|error| self.broken(&error))
    }

    /// Writes what was fed; waits for a host that is slow to read.
    pub(super) fn flush(&mut self) -> Result<(), Closed> {
        if self.over {
            return Err(Closed);
        }
        while !self.bytes.is_empty() {
            match (&*self.socket).write(&self.bytes) {
                Ok(count) => self.bytes.advance(count),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    wait(&self.socket, PollFlags::OUT, Patience::Endless)
                        .map_err(|error| self.broken(&error.into()))?;
                }
                // The host is gone, which the reading end says, too.
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::BrokenPipe | ErrorKind::ConnectionReset
                    ) =>
                {
                    self.over = true;
                    return Err(Closed);
                }
                Err(error) => return Err(self.broken(&error.into())),
            }
        }
        Ok(())
    }

    /// Ends the session for both directions and for the host.
    fn broken(&mut self, error: &IpcError) -> Closed {
        self.over = true;
        tracing::error!("the session broke: {error}");
        self.close();
        Closed
    }

    /// Tells the host that nothing more comes.
    pub(super) fn close(&self) {
        // A socket that is closed already is what is wanted.
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}
