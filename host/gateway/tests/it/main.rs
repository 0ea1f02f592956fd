//! The gateway over a real pipeline: a real supervisor with the scripted engine as a real process,
//! and the fixture family as a real plugin.
//!
//! Where either has not been built yet the tests say so and pass; `cargo xtask test` builds both.

#![cfg(test)]

mod answers;
mod config;
mod documents;
mod gguf;
mod host;
mod hostile;
mod serving;
mod speech;
