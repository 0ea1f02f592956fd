//! What a family implements: one trait per ability.

use crate::reply::{Plain, ReplyParser};
use crate::transcript::{self, Transcript};
use crate::{
    ChatRequest, CompletionRequest, Cue, DecodingPlan, Error, FamilyInfo, ModelCard, Profile,
    Prompt, Recognition, Segment, TranscriptionRequest,
};

/// What every family is; see `wit/family@0.1/identity.wit`.
pub trait Family {
    /// Describes the plugin; [`family_info!`](crate::family_info) takes all of it from `Cargo.toml`.
    fn describe() -> FamilyInfo;

    /// Says whether this family is the one for a model.
    fn recognize(card: &ModelCard) -> Recognition;

    /// Says how this family drives a model.
    ///
    /// By default it has one style, no features, no advice on sampling, and takes no options.
    fn profile(card: &ModelCard) -> Result<Profile, Error> {
        card.check_options(&[])?;
        Ok(Profile { style: "default".to_owned(), features: Vec::new(), sampling: Vec::new() })
    }
}

/// A family of chat models; see `wit/family@0.1/chat.wit`.
pub trait Chat: Family {
    /// Turns a conversation into a prompt; a pure function of its arguments.
    fn render(card: &ModelCard, request: &ChatRequest) -> Result<Prompt, Error>;

    /// Makes the parser of one reply to `prompt`.
    ///
    /// By default the reply is plain text, free of whitespace around it.
    fn parser(_: &ModelCard, request: &ChatRequest, _: &Prompt) -> Box<dyn ReplyParser> {
        Box::new(Plain::new(request))
    }
}

/// A chat family that reads a model before its requests come; see `wit/family@0.1/preparation.wit`.
///
/// The SDK keeps the card for as long as the instance lives; `prepare` is for what takes long to
/// make of it. What it makes stays in memory of the instance's own (a `thread_local!`), and
/// `render`, which is given the very same card, must give the same without it.
pub trait Prepare: Chat {
    /// Reads what the requests of a model share.
    fn prepare(card: &'static ModelCard);
}

/// A family of models that complete text; see `wit/family@0.1/completion.wit`.
pub trait Completion: Family {
    /// Frames a text to go on with.
    fn render(card: &ModelCard, request: &CompletionRequest) -> Result<Prompt, Error>;
}

/// A family of models that write down speech; see `wit/family@0.1/transcription.wit`.
pub trait Transcription: Family {
    /// Makes the plan for a request; a pure function of its arguments.
    fn plan(card: &ModelCard, request: &TranscriptionRequest) -> Result<DecodingPlan, Error>;

    /// Makes what writes down one recording that is decoded by `plan`.
    ///
    /// By default the text is what the tokens stand for, and nothing is left out.
    fn transcript(
        _: &ModelCard,
        _: &TranscriptionRequest,
        _: &DecodingPlan,
    ) -> Box<dyn Transcript> {
        Box::new(transcript::Plain::default())
    }

    /// Breaks a passage into subtitles.
    ///
    /// By default the passage is one.
    fn cues(_: &ModelCard, _: &TranscriptionRequest, segment: &Segment) -> Vec<Cue> {
        transcript::whole_cue(segment).into_iter().collect()
    }
}

/// The plugin's name, version and summary from its `Cargo.toml`.
#[macro_export]
macro_rules! family_info {
    () => {
        $crate::FamilyInfo {
            name: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: env!("CARGO_PKG_DESCRIPTION").to_owned(),
        }
    };
}
