//! The words that the whole host shares: what a model is, what is asked of it, what it answers.
//!
//! Nothing here does I/O, and nothing here has a wire form: the REST dialects, the engine protocol
//! and the plugin bindings each convert to and from these types at their own edge.

mod card;
mod chat;
mod id;
mod prompt;
mod reply;
mod sampling;
mod transcription;

pub use card::{Ability, ControlToken, Fit, ModelCard, Profile};
pub use chat::{ChatRequest, ContentPart, Message, Role, Tool, ToolCall, ToolChoice};
pub use id::{InvalidUid, ModelUid};
pub use prompt::{Constraint, GrammarSyntax, Prompt, PromptPart};
pub use reply::{FinishReason, ReplyEvent, TokenLogprob, TopLogprob, Usage};
pub use sampling::{InvalidSampling, Mirostat, Sampling};
pub use transcription::{
    Cue, DecodedSegment, DecodedToken, DecodingPlan, Language, Segment, StartToken, Task,
    TimestampRules, TranscriptionRequest, Word,
};
