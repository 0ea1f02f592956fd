//! What the loop needs of its session with the host.

use engine_ipc::{Closed, Session};
use engine_protocol::{FromEngine, ToEngine};

/// Sends to the host.
pub type Outlet = Box<dyn Fn(FromEngine) -> Result<(), Closed>>;

/// A session, or what stands for one.
pub trait Link: Send + 'static {
    /// What sends to the host, from the loop's own thread.
    fn outlet(&self) -> Outlet;
    /// Waits for the next message; `None` where the host is gone.
    fn recv(&self) -> Option<ToEngine>;
}

impl Link for Session {
    fn outlet(&self) -> Outlet {
        let sender = self.sender();
        Box::new(move |message| sender.send(&message))
    }

    fn recv(&self) -> Option<ToEngine> {
        Session::recv(self)
    }
}
