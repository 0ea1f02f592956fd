//! The OpenAI dialect, with what Xinference and llama.cpp add to it.

pub(crate) mod chat;
pub(crate) mod completion;
mod constraint;
mod conversation;
mod generation;
#[cfg(test)]
mod golden;
mod history;
mod logprobs;
pub(crate) mod message;
pub(crate) mod render;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod schema;
pub(crate) mod speech;
mod sse;
mod tools;
