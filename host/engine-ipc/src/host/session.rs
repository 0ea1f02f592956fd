//! A session with one engine.

use engine_protocol::{FromEngine, Hello, ToEngine};
use futures::{Sink, SinkExt, StreamExt};

use crate::{
    IpcError,
    greeting::{Greeted, Reading, Writing},
};

/// A greeted session with one engine.
///
/// Its halves must be driven at the same time: an engine stops reading while nobody reads what it
/// has to say.
#[derive(Debug)]
pub struct HostSession {
    /// Asks.
    pub sender: HostSender,
    /// Hears.
    pub receiver: HostReceiver,
    /// How the engine has introduced itself.
    pub peer: Hello,
    /// The version that both ends speak.
    pub version: u32,
}

/// The half that asks.
#[derive(Debug)]
pub struct HostSender(Writing<FromEngine>);

/// The half that hears; dropping it tells the engine that the host is gone.
#[derive(Debug)]
pub struct HostReceiver(Reading<FromEngine>);

impl From<Greeted<FromEngine>> for HostSession {
    fn from(greeted: Greeted<FromEngine>) -> Self {
        Self {
            sender: HostSender(greeted.writing),
            receiver: HostReceiver(greeted.reading),
            peer: greeted.peer,
            version: greeted.version,
        }
    }
}

impl HostSender {
    /// Adds a message to what the next [`flush`](Self::flush) writes; waits only for a full buffer.
    ///
    /// # Errors
    /// [`IpcError::FrameTooLong`] for a message that no frame can hold, after which the session
    /// goes on without it; any other error ends the session.
    pub async fn feed(&mut self, message: &ToEngine) -> Result<(), IpcError> {
        // `SinkExt::feed` keeps the item, a reference here; sending at once keeps none.
        futures::future::poll_fn(|context| {
            Sink::<&ToEngine>::poll_ready(std::pin::Pin::new(&mut self.0), context)
        })
        .await?;
        Sink::<&ToEngine>::start_send(std::pin::Pin::new(&mut self.0), message)
    }

    /// Writes all that was fed.
    ///
    /// # Errors
    /// Where the socket fails, which ends the session.
    pub async fn flush(&mut self) -> Result<(), IpcError> {
        SinkExt::<&ToEngine>::flush(&mut self.0).await
    }

    /// Writes one message.
    ///
    /// # Errors
    /// Those of [`feed`](Self::feed) and [`flush`](Self::flush).
    pub async fn send(&mut self, message: &ToEngine) -> Result<(), IpcError> {
        self.feed(message).await?;
        self.flush().await
    }
}

impl HostReceiver {
    /// The engine's next message; `None`: the engine has closed the session.
    ///
    /// Dropping the future loses nothing. After an error the session is over.
    pub async fn next(&mut self) -> Option<Result<FromEngine, IpcError>> {
        self.0.next().await
    }
}
