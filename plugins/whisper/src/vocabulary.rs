//! The ids of the special tokens.

use plugin_sdk::{Error, ModelCard};

use crate::language::{self, KnownLanguage};
use crate::non_speech;

/// The sizes of the three vocabularies there are.
const ENGLISH: u32 = 51_864;
const MULTILINGUAL: u32 = 51_865;
const LARGE_V3: u32 = 51_866;

/// Languages of the first multilingual models; large-v3 added Cantonese.
const LANGUAGES: u32 = 99;

/// A generation of the models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// `tiny.en` to `medium.en`.
    EnglishOnly,
    /// `tiny` to `large-v2`.
    Multilingual,
    /// `large-v3` and `large-v3-turbo`.
    V3,
}

impl Style {
    /// The style's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::EnglishOnly => "english-only",
            Self::Multilingual => "multilingual",
            Self::V3 => "v3",
        }
    }
}

/// The special tokens, in the order that every vocabulary has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vocabulary {
    /// The generation.
    pub style: Style,
    /// The number of tokens.
    pub size: u32,
    /// The end of a window; text has lower ids.
    pub end: u32,
    /// The start of a window; the languages follow it.
    pub start: u32,
    /// How many languages have a token.
    pub languages: u32,
    /// The task of translating.
    pub translate: u32,
    /// The task of transcribing.
    pub transcribe: u32,
    /// The start of a text without sound.
    pub start_of_lm: u32,
    /// What stands in front of a context.
    pub previous: u32,
    /// Its probability tells silence.
    pub no_speech: u32,
    /// Asks for text without timestamps.
    pub no_timestamps: u32,
    /// The time 0; 30 s have 1501 tokens.
    pub first_timestamp: u32,
}

impl Vocabulary {
    /// Tells the vocabulary by its size, as whisper.cpp does.
    ///
    /// A later model with more languages has its other tokens behind them.
    pub fn of(card: &ModelCard) -> Result<Self, Error> {
        let size = card.vocabulary_size;
        let style = match size {
            ENGLISH => Style::EnglishOnly,
            MULTILINGUAL => Style::Multilingual,
            LARGE_V3..=52_864 => Style::V3,
            _ => {
                return Err(Error::Unsupported(format!(
                    "a vocabulary of {size} tokens; Whisper's have {ENGLISH} (English only), \
                     {MULTILINGUAL} (multilingual) or {LARGE_V3} (large-v3)"
                )));
            }
        };
        let multilingual = style != Style::EnglishOnly;
        let languages = if multilingual { size - MULTILINGUAL + LANGUAGES } else { LANGUAGES };
        let end = if multilingual { 50_257 } else { 50_256 };
        let start = end + 1;
        let translate = start + languages + 1;
        Ok(Self {
            style,
            size,
            end,
            start,
            languages,
            translate,
            transcribe: translate + 1,
            start_of_lm: translate + 2,
            previous: translate + 3,
            no_speech: translate + 4,
            no_timestamps: translate + 5,
            first_timestamp: translate + 6,
        })
    }

    /// Whether it is of a model that knows English alone.
    pub fn is_english_only(&self) -> bool {
        self.style == Style::EnglishOnly
    }

    /// The languages that have a token and are known by name.
    pub(crate) fn known_languages(&self) -> impl Iterator<Item = (u32, &'static KnownLanguage)> {
        let known = if self.is_english_only() { 1 } else { self.languages };
        (self.start + 1..).zip(language::ALL).take(known as usize)
    }

    /// The tokens that are no text, no timestamp and no end: they are never decoded.
    pub(crate) fn never_decoded(&self) -> impl Iterator<Item = u32> + use<> {
        self.start..=self.no_timestamps
    }

    /// The tokens that stand for sounds other than speech, in the vocabularies that OpenAI made.
    pub(crate) fn non_speech(&self) -> &'static [u32] {
        if self.is_english_only() { &non_speech::ENGLISH } else { &non_speech::MULTILINGUAL }
    }
}
