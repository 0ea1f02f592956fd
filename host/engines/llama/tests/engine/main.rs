//! The engine on real files: a tiny one that the tests write themselves, and trained ones where
//! they are there.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests may stop, and say what they skip; helpers are not seen as tests"
)]

mod batching;
mod constraints;
mod generation;
mod process;
mod session;
mod support;
mod tokenizer;
