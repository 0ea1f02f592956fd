//! The real host with real engines and plugins, over HTTP.
//!
//! One binary for all of them, because each test starts processes and linking takes long.

// The attribute tells clippy that helpers are tests as well.
#![cfg(test)]

mod answers;
mod crashes;
mod host;
mod hostile;
mod languages;
mod memory;
mod plugins;
mod readme;
mod speech;
mod stories;
