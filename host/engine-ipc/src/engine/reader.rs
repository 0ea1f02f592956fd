//! What comes from the host.

use std::{
    io::{self, ErrorKind, Read},
    os::unix::net::UnixStream,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::BytesMut;
use engine_protocol::ToEngine;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};
use tokio_util::codec::Decoder;

use super::Received;
use crate::{IpcError, MessageCodec, greeting::BUFFER_BYTES};

/// The reading end of a socket that does not block.
#[derive(Debug)]
pub(super) struct Reader {
    socket: Arc<UnixStream>,
    codec: MessageCodec<ToEngine>,
    /// Bytes that have come and are not yet messages.
    bytes: BytesMut,
    /// Where bytes land.
    piece: Box<[u8]>,
    over: bool,
}

/// How long to wait for a message.
#[derive(Clone, Copy)]
pub(super) enum Patience {
    None,
    Until(Instant),
    Endless,
}

impl Reader {
    /// `bytes` have been read behind the greeting.
    pub(super) fn new(socket: Arc<UnixStream>, bytes: BytesMut) -> Self {
        let piece = vec![0; BUFFER_BYTES].into_boxed_slice();
        Self { socket, codec: MessageCodec::new(), bytes, piece, over: false }
    }

    /// The next message.
    pub(super) fn next(&mut self, patience: Patience) -> Received {
        if self.over {
            return Received::Closed;
        }
        match self.try_next(patience) {
            Ok(received) => {
                self.over = received == Received::Closed;
                received
            }
            Err(error) => {
                self.over = true;
                tracing::error!("the session broke: {error}");
                Received::Closed
            }
        }
    }

    fn try_next(&mut self, patience: Patience) -> Result<Received, IpcError> {
        loop {
            if let Some(message) = self.codec.decode(&mut self.bytes)? {
                return Ok(Received::Message(message));
            }
            match (&*self.socket).read(&mut self.piece) {
                Ok(0) if self.bytes.is_empty() => return Ok(Received::Closed),
                Ok(0) => return Err(IpcError::Truncated { bytes: self.bytes.len() }),
                Ok(count) => {
                    self.bytes.extend_from_slice(self.piece.get(..count).unwrap_or_default());
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if !wait(&self.socket, PollFlags::IN, patience)? {
                        return Ok(Received::Nothing);
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // The host went away with messages unread.
                Err(error) if error.kind() == ErrorKind::ConnectionReset => {
                    return Ok(Received::Closed);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Waits until a socket is ready for something, or has failed; false: it is not in time.
pub(super) fn wait(
    socket: &UnixStream,
    what: PollFlags,
    patience: Patience,
) -> Result<bool, io::Error> {
    loop {
        let left = match patience {
            Patience::None => return Ok(false),
            Patience::Until(end) => Some(end.saturating_duration_since(Instant::now())),
            Patience::Endless => None,
        };
        // What is longer than the system can wait is asked for again.
        let left = left.map(|left| Timespec::try_from(left.min(Duration::from_hours(1))));
        let left = left.transpose().map_err(io::Error::other)?;
        match poll(&mut [PollFd::new(socket, what)], left.as_ref()) {
            Ok(0) => match patience {
                Patience::Until(end) if Instant::now() >= end => return Ok(false),
                _ => {}
            },
            Ok(_) => return Ok(true),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
