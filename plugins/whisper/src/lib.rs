//! OpenAI's Whisper.
//!
//! The size of the vocabulary tells the three styles apart and gives the id of every special token;
//! see [`Vocabulary`].
//! A request becomes a decoding plan, by the client's settings over the operator's; see
//! [`Settings`].
//! What was decoded becomes passages with words and scores, without silence and without loops, and
//! passages become subtitles.

mod compression;
mod cues;
mod filter;
mod language;
mod lines;
mod non_speech;
mod pieces;
mod plan;
mod profile;
mod settings;
mod transcript;
mod vocabulary;
mod words;

use plugin_sdk::transcript::Transcript;
use plugin_sdk::{
    Cue, DecodingPlan, Error, Family, FamilyInfo, ModelCard, Profile, Recognition, Segment,
    Transcription, TranscriptionRequest, family_info, register,
};

pub use settings::Settings;
pub use vocabulary::{Style, Vocabulary};

/// The family.
pub struct Whisper;

impl Family for Whisper {
    fn describe() -> FamilyInfo {
        family_info!()
    }

    fn recognize(card: &ModelCard) -> Recognition {
        profile::recognize(card)
    }

    fn profile(card: &ModelCard) -> Result<Profile, Error> {
        profile::profile(card)
    }
}

impl Transcription for Whisper {
    fn plan(card: &ModelCard, request: &TranscriptionRequest) -> Result<DecodingPlan, Error> {
        plan::plan(card, request)
    }

    fn transcript(
        card: &ModelCard,
        request: &TranscriptionRequest,
        plan: &DecodingPlan,
    ) -> Box<dyn Transcript> {
        // The plan was made of the same settings, so they are good ones.
        let settings = Settings::of(card, request).unwrap_or_default();
        Box::new(transcript::Recording::new(plan, &settings))
    }

    fn cues(card: &ModelCard, request: &TranscriptionRequest, segment: &Segment) -> Vec<Cue> {
        cues::cues(segment, Settings::of(card, request).unwrap_or_default().layout())
    }
}

register!(transcription: Whisper);
