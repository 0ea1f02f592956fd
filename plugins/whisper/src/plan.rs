//! From a request to a decoding plan.

use plugin_sdk::{
    DecodingPlan, Error, ModelCard, StartToken, Task, TimestampRules, TranscriptionRequest,
};

use crate::language;
use crate::profile::is_without_timestamps;
use crate::settings::Settings;
use crate::vocabulary::Vocabulary;

/// The token " ", in every vocabulary.
const BLANK: u32 = 220;
/// One timestamp after another.
const STEP_MS: u32 = 20;
/// Tokens of a decoder's context, where the card does not say.
const CONTEXT: u32 = 448;
/// Tokens at the end of a window that whisper.cpp leaves free.
const MARGIN: u32 = 4;
/// The ladder of temperatures, in tenths, so that its steps are exact.
const STEP_TENTHS: f32 = 2.0;
const LAST_TENTHS: f32 = 10.0;
/// Temperatures that a plan may have.
const TEMPERATURES: usize = 16;

pub(crate) fn plan(
    card: &ModelCard,
    request: &TranscriptionRequest,
) -> Result<DecodingPlan, Error> {
    let vocabulary = Vocabulary::of(card)?;
    let settings = Settings::of(card, request)?;
    let known = language::wanted(&vocabulary, settings.language.as_deref())?;
    if request.task == Task::Translate && vocabulary.is_english_only() {
        return Err(Error::Unsupported(
            "this model knows English alone and cannot translate; use a multilingual model"
                .to_owned(),
        ));
    }
    let timestamps = settings.timestamps && !is_without_timestamps(card, &vocabulary);
    let languages = language::list(&vocabulary);
    let mut start = vec![StartToken::Token(vocabulary.start)];
    if !vocabulary.is_english_only() {
        let of_language = |code: &str| languages.iter().find(|language| language.code == code);
        start.push(match known.and_then(|known| of_language(known.0)) {
            Some(language) => StartToken::Token(language.token),
            None => StartToken::DetectedLanguage,
        });
        start.push(StartToken::Token(match request.task {
            Task::Transcribe => vocabulary.transcribe,
            Task::Translate => vocabulary.translate,
        }));
    }
    if !timestamps {
        start.push(StartToken::Token(vocabulary.no_timestamps));
    }
    let half = if card.context_length == 0 { CONTEXT } else { card.context_length } / 2;
    let room = half.saturating_sub(1);
    let window = half.saturating_sub(MARGIN).max(1);
    Ok(DecodingPlan {
        start,
        language: known.map(|known| known.0.to_owned()),
        languages,
        task: request.task,
        previous: Some(vocabulary.previous),
        // The space is what a word has in front of it everywhere but here.
        prompt: settings.prompt.as_ref().map(|prompt| format!(" {}", prompt.trim())),
        prompt_tokens: room,
        carry_prompt: settings.carry_prompt,
        context_tokens: if settings.condition {
            settings.context.unwrap_or(room).min(room)
        } else {
            0
        },
        timestamps: timestamps.then_some(TimestampRules {
            first: vocabulary.first_timestamp,
            step_ms: STEP_MS,
            latest_start_ms: settings.latest_start_ms,
        }),
        suppress: suppressed(&vocabulary, &settings, timestamps)?,
        suppress_first: if settings.suppress_blank {
            vec![BLANK, vocabulary.end]
        } else {
            Vec::new()
        },
        end: vocabulary.end,
        no_speech: vocabulary.no_speech,
        temperatures: temperatures(&settings),
        entropy_threshold: settings.entropy,
        logprob_threshold: settings.logprob,
        no_speech_threshold: settings.no_speech,
        beam_size: settings.beam_size,
        best_of: settings.best_of,
        max_tokens: settings.max_tokens.unwrap_or(window).min(window),
        token_times: settings.word_times,
    })
}

/// The tokens that are never decoded, in order and each once.
fn suppressed(
    vocabulary: &Vocabulary,
    settings: &Settings,
    timestamps: bool,
) -> Result<Vec<u32>, Error> {
    let mut ids: Vec<u32> = vocabulary.never_decoded().collect();
    if settings.suppress_non_speech {
        ids.extend(vocabulary.non_speech());
    }
    for &id in &settings.suppress {
        if id >= vocabulary.size || id == vocabulary.end {
            return Err(Error::InvalidRequest(format!(
                "`suppress-tokens` cannot hold {id}; the model's tokens are 0 to {}, and {} ends \
                 a window",
                vocabulary.size - 1,
                vocabulary.end
            )));
        }
        ids.push(id);
    }
    if !timestamps {
        ids.extend(vocabulary.first_timestamp..vocabulary.size);
    }
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

/// The ladder: 0 to 1 in steps of 0.2, or the client's own temperature alone, as OpenAI has it.
fn temperatures(settings: &Settings) -> Vec<f32> {
    let first = settings.temperature * 10.0;
    let step = match settings.temperature_increment {
        Some(step) => step * 10.0,
        None if first > 0.0 => 0.0,
        None => STEP_TENTHS,
    };
    let mut ladder = vec![settings.temperature];
    let mut tenths = first + step;
    // A step of nothing, or nearly so, is no ladder.
    while step > 0.01 && tenths <= LAST_TENTHS + 0.01 && ladder.len() < TEMPERATURES {
        ladder.push(tenths / 10.0);
        tenths += step;
    }
    ladder
}
