//! The engine for speech models, on whisper.cpp.
//!
//! One thread owns the session and all recordings (`run`, `engine`); workers compute (`pool`,
//! `worker`), each with a state of its own over shared weights. A `recording` comes in piece by
//! piece, is listened to while it does (`loudness`, or silero), and stretches of speech
//! (`islands`) are gathered into pieces of at most half a minute (`cutter`) that are decoded side
//! by side, on one thread each, and put together in the order of time (`piece`, `transcript`).
//! Silence is never decoded. Recordings share the workers fairly, whatever their lengths.
//!
//! How a piece is decoded is the family's decoding plan (`plan`). whisper.cpp is called in `native`
//! only, but for silero's detector.

mod cutter;
mod engine;
mod envelope;
mod file;
mod islands;
mod ladder;
mod link;
mod load;
mod loudness;
mod mel;
mod native;
mod piece;
mod plan;
mod pool;
mod recording;
mod run;
mod sound;
mod spread;
mod tape;
mod tokenizer;
mod transcript;
mod worker;

pub use link::{Link, Outlet};
pub use run::run;
