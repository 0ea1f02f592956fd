//! What the loop needs of its session with the host.

use std::time::Duration;

use engine_ipc::{Closed, Received, Session};
use engine_protocol::{FromEngine, ToEngine};

/// A session, or what stands for one.
pub trait Link {
    /// Waits for a message, but no longer than `limit`.
    fn recv_timeout(&self, limit: Duration) -> Received;
    /// Takes a message that is there already.
    fn try_recv(&self) -> Received;
    /// Sends a message.
    ///
    /// # Errors
    /// The host is gone.
    fn send(&self, message: FromEngine) -> Result<(), Closed>;
    /// The next message; `None` where the host is gone.
    fn recv(&self) -> Option<ToEngine> {
        loop {
            match self.recv_timeout(Duration::from_hours(1)) {
                Received::Message(message) => return Some(message),
                Received::Nothing => {}
                Received::Closed => return None,
            }
        }
    }
}

impl Link for Session {
    fn recv_timeout(&self, limit: Duration) -> Received {
        Session::recv_timeout(self, limit)
    }

    fn try_recv(&self) -> Received {
        Session::try_recv(self)
    }

    fn send(&self, message: FromEngine) -> Result<(), Closed> {
        Session::send(self, &message)
    }
}
