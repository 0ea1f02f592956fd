//! Write a model family for modelhost.
//!
//! A family turns a conversation into a prompt, and raw output into a reply; or a request for a
//! transcript into a decoding plan, and decoded tokens into text.
//! It is a WebAssembly component with nothing of the host but a log; this crate hides how one is
//! made:
//!
//! ```
//! use plugin_sdk::*;
//!
//! struct Parrot;
//!
//! impl Family for Parrot {
//!     fn describe() -> FamilyInfo {
//!         family_info!()
//!     }
//!
//!     fn recognize(card: &ModelCard) -> Recognition {
//!         Recognition::exact_if(card.name.contains("parrot"), "the model's name")
//!     }
//! }
//!
//! impl Chat for Parrot {
//!     fn render(card: &ModelCard, request: &ChatRequest) -> Result<Prompt, Error> {
//!         let mut prompt = PromptBuilder::new(card);
//!         for message in &request.messages {
//!             prompt.marker("<|turn|>").text(&message.text()?);
//!         }
//!         prompt.marker("<|turn|>").stop("<|turn|>");
//!         Ok(prompt.build())
//!     }
//! }
//!
//! register!(chat: Parrot);
//! ```
//!
//! Every other method has a default. `plugins/README.md` in the repository is the guide.

#[doc(hidden)]
pub mod bindings;
mod card;
mod component;
mod family;
pub mod grammar;
pub mod json;
pub mod log;
mod message;
mod panic;
mod prompt;
mod recognition;
mod register;
pub mod reply;
mod request;
mod schema;
#[cfg(feature = "testkit")]
pub mod testkit;
mod tool;
pub mod transcript;

pub use bindings::exports::modelhost::family::chat::{ChatRequest, ReplyEvent, ToolCallStart};
pub use bindings::exports::modelhost::family::completion::CompletionRequest;
pub use bindings::exports::modelhost::family::identity::{
    FamilyInfo, Fit, ModelProfile as Profile, Recognition,
};
pub use bindings::exports::modelhost::family::transcription::{
    Cue, DecodedSegment, DecodedToken, DecodingPlan, Language, Segment, StartToken, Task,
    TimestampRules, TranscriptionRequest, Word,
};
pub use bindings::modelhost::family::types::{
    Constraint, ContentPart, ControlToken, Error, FinishReason, GrammarSyntax, Message, ModelCard,
    Prompt, PromptPart, Role, Tool, ToolCall, ToolChoice,
};
pub use family::{Chat, Completion, Family, Prepare, Transcription};
pub use prompt::PromptBuilder;
pub use request::Forced;
pub use schema::Tools;

/// What `register!` needs from another crate.
#[doc(hidden)]
pub mod __private {
    pub use crate::component::Component;
    pub use crate::register::worlds;
}
