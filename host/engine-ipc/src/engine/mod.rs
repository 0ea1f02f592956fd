//! The engine's side: blocking, with one I/O thread.

mod io;
mod serve;
mod session;

pub use serve::{serve, serve_with};
pub use session::{Closed, Received, Sender, Session};
