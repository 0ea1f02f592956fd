//! The host's side: asynchronous, one session for each worker.

mod listener;
mod session;

pub use listener::Listener;
pub use session::{HostReceiver, HostSender, HostSession};
