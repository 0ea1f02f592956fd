//! Which models are Whisper's, and what each can do.

use plugin_sdk::{Error, ModelCard, Profile, Recognition};

use crate::settings::Settings;
use crate::vocabulary::{Style, Vocabulary};

pub(crate) fn recognize(card: &ModelCard) -> Recognition {
    if let Some(own) = card.own_family() {
        return Recognition::exact_if(own == "whisper", "metadata `modelhost.family`");
    }
    if card.architecture == "whisper" {
        return Recognition::exact("architecture `whisper`");
    }
    Recognition::none(format!("architecture `{}`", card.architecture))
}

pub(crate) fn profile(card: &ModelCard) -> Result<Profile, Error> {
    Settings::of_operator(card)?;
    let vocabulary = Vocabulary::of(card)?;
    let mut features = Vec::new();
    if !vocabulary.is_english_only() {
        features.push("multilingual".to_owned());
    }
    if translates(card, &vocabulary) {
        features.push("translation".to_owned());
    }
    Ok(Profile { style: vocabulary.style.name().to_owned(), features, sampling: Vec::new() })
}

/// Whether the model was trained to translate: turbo, which has large-v3's vocabulary over four
/// layers, and the distilled models were not.
fn translates(card: &ModelCard, vocabulary: &Vocabulary) -> bool {
    match vocabulary.style {
        Style::EnglishOnly => false,
        Style::Multilingual | Style::V3 => {
            text_layers(card).is_none_or(|layers| layers > 4)
                || text_layers(card) == audio_layers(card)
        }
    }
}

/// Whether it is a distilled model of the first kind, which knows no timestamps.
///
/// Their decoders have two layers, which no other model's have; those made of large-v3 know
/// timestamps.
pub(crate) fn is_without_timestamps(card: &ModelCard, vocabulary: &Vocabulary) -> bool {
    text_layers(card) == Some(2) && vocabulary.style != Style::V3 && audio_layers(card) != Some(2)
}

fn text_layers(card: &ModelCard) -> Option<u32> {
    card.meta("whisper.n_text_layer")?.parse().ok()
}

fn audio_layers(card: &ModelCard) -> Option<u32> {
    card.meta("whisper.n_audio_layer")?.parse().ok()
}
