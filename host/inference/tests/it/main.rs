//! The pipeline with a real supervisor, the fake engine and the vicuna plugin.
//!
//! A test says so and passes where `engine-fake` or the plugin is not built.
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a test may stop")]

#[path = "../../../gateway/tests/it/gguf.rs"]
mod gguf;
mod host;
mod refusals;
mod replies;
