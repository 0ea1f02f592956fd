//! The runtime with real plugins: the well-behaved ones and the others of `tests/fixtures/plugins`.

#![cfg(test)]

mod cache;
mod calls;
mod choose;
mod folder;
mod loading;
mod prompts;
mod replies;
mod support;
mod templates;
mod transcripts;
mod wasi;
