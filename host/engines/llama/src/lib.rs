//! The engine for GGUF language models, on llama.cpp.
//!
//! One thread owns the model and works in steps. Each step runs one batch: a token for every
//! sequence that is being generated, and as many tokens of waiting prompts as fit into the time
//! that a step may take (`scheduler` says which, `pace` how many). What the batch brings is
//! sampled (`sampler`, `constraint`), turned into text (`utf8`, `stop`) and reported as
//! one frame.
//!
//! The KV cache is one pool of cells for all sequences (`ledger`). Sequences that begin with the
//! same tokens share cells, also with finished ones (`prefix`); when the pool is full, kept
//! prefixes go first, and then the youngest sequence waits and reads its tokens again later.
//!
//! llama.cpp is called in `native` only.

mod constraint;
mod engine;
mod ledger;
mod link;
mod load;
mod logprobs;
mod native;
mod pace;
mod pool;
mod prefix;
mod request;
mod run;
mod sampler;
mod scheduler;
mod sequence;
mod stop;
mod threads;
mod utf8;
mod vocabulary;

pub use constraint::{trials_of, try_constraints};
pub use engine::Engine;
pub use link::Link;
pub use load::vocabulary;
pub use run::run;
pub use vocabulary::Vocabulary;
