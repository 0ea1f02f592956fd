//! The engine's side: blocking, on the threads of the engine's own loop.

mod orphan;
mod reader;
mod serve;
mod session;
mod writer;

pub use serve::{serve, serve_with};
pub use session::{Closed, Received, Sender, Session};
