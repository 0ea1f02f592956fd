//! Files of ggml's first format, as whisper.cpp reads them: numbers, names and tensors one after
//! the other, without an index.
//!
//! The reader in the engine believes what it reads: a number of dimensions writes past an array, a
//! length becomes an allocation. So everything is checked here first.

mod input;
mod tensors;
mod vad;
mod whisper;

pub use vad::VadFile;
pub(crate) use whisper::{Whisper, is_whisper};

/// The magic of the format; also of the first llama.cpp models, which are refused.
pub(crate) const MAGIC: [u8; 4] = *b"lmgg";
