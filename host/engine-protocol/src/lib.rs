//! The messages between the host and an engine, and how their versions meet.
//!
//! Host and worker hold one session over a Unix socket: [`Hello`] in both directions first, then
//! [`ToEngine::Load`], then any number of requests at a time, told apart by [`RequestId`].
//! An engine answers with one [`FromEngine::Step`] for each step of its loop, holding the events of
//! all its sequences, so that the cost of a frame is shared by everything that moved.
//!
//! Messages travel as MessagePack with named fields: a field that a peer does not know is skipped,
//! and a field with a default may be missing. Every message says since which version it exists.
//! This crate does no I/O; framing and sockets are `engine-ipc`'s.

mod event;
mod generate;
mod hello;
mod load;
mod session;
mod transcribe;

pub use event::{
    EngineError, ErrorCode, Event, EventKind, Finish, TokenLogprob, TopLogprob, WorkerStats,
};
pub use generate::{
    Constraint, Generate, GrammarSyntax, Mirostat, Prompt, PromptPart, Sampling, Tokenize,
};
pub use hello::{Hello, Incompatible, OLDEST_VERSION, VERSION};
pub use load::{KvType, Load, LoadSettings, LoadedModel, LoraAdapter};
pub use session::{FromEngine, MAX_FRAME_BYTES, RequestId, ToEngine};
pub use transcribe::{
    Audio, DecodedSegment, DecodedToken, DecodingPlan, Language, MAX_AUDIO_BYTES, SAMPLE_RATE,
    StartToken, Task, TimestampRules, Transcribe,
};
