//! Frames and sessions between the host and an engine, both sides.
//!
//! A session is one Unix socket that carries length-delimited frames of MessagePack.
//! Both ends say [`Hello`](engine_protocol::Hello) first; then the host asks and the engine
//! answers, with any number of requests at a time.
//!
//! The engine's side is blocking, because an engine is a loop around a native library: [`serve`]
//! gives it a [`Session`], which reads and writes on the thread that asks it to: another thread in
//! between would cost a token as much as the socket does. An engine's `main` reads:
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! use engine_protocol::{EngineError, ErrorCode, FromEngine, ToEngine};
//!
//! fn main() -> ExitCode {
//!     engine_ipc::serve("example", |session| {
//!         while let Some(message) = session.recv() {
//!             match message {
//!                 ToEngine::Shutdown => break,
//!                 ToEngine::Load(_) => {
//!                     let error = EngineError::new(ErrorCode::LoadFailed, "nothing is loaded here");
//!                     let _ = session.send(&FromEngine::LoadFailed(error));
//!                 }
//!                 _ => {}
//!             }
//!         }
//!         Ok(())
//!     })
//! }
//! ```
//!
//! The host's side is asynchronous: [`Listener`] waits for one engine and gives a
//! [`HostSession`] of a sender and a receiver.
//!
//! Two rules keep the ends from waiting for each other for ever: the host reads whatever it is
//! that keeps it from writing, and an engine that the host has left ends.

mod codec;
mod engine;
mod error;
mod greeting;
mod host;

pub use codec::MessageCodec;
pub use engine::{Closed, Received, Sender, Session, serve, serve_with};
pub use error::IpcError;
pub use host::{HostReceiver, HostSender, HostSession, Listener};
