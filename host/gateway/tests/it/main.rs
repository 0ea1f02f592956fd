//! The gateway over a real pipeline: a real supervisor with the scripted engine as a real process,
//! and the fixture family as a real plugin.
//!
//! Where either has not been built yet the tests say so and pass; `cargo xtask test` builds both.

#![cfg(test)]

mod answers;
mod attacks;
mod config;
mod documents;
mod forms;
mod gguf;
mod host;
mod hostile;
mod overload;
mod serving;
mod speech;
