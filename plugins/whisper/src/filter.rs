//! What is no speech: silence, and loops that a model falls into.

use plugin_sdk::Segment;

use crate::settings::Settings;

/// Milliseconds that a spoken character takes at the very least.
const CHARACTER_MS: usize = 20;
/// So many times what asks for another try at a higher temperature is a loop.
///
/// Above that limit itself lies much that was said: digits and commands compress well.
const LOOP: f32 = 2.0;
/// How often in a row a doubtful text may come.
const DOUBTFUL: u32 = 2;

/// What models write where there is nothing to hear, as the whole of a passage.
const SILENCE: [&str; 5] = ["blank audio", "silence", "no audio", "no speech", "inaudible"];

/// Leaves out what was not said.
#[derive(Debug)]
pub(crate) struct Filter {
    logprob: f32,
    no_speech: f32,
    compression: f32,
    /// The text before, without what does not matter, and how often it came in a row.
    last: String,
    times: u32,
}

impl Filter {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            logprob: settings.logprob,
            no_speech: settings.no_speech,
            compression: settings.compression,
            last: String::new(),
            times: 0,
        }
    }

    /// Whether a passage was said; passages come in the order of time.
    pub(crate) fn admits(&mut self, segment: &Segment) -> bool {
        let plain = plain(&segment.text);
        if segment.text.trim().is_empty() || is_note_of_silence(&segment.text, &plain) {
            return false;
        }
        let doubtful = segment.average_logprob < self.logprob;
        let silent = segment.no_speech_probability > self.no_speech;
        let looping = segment.compression_ratio > LOOP * self.compression;
        if doubtful && (silent || looping) {
            return false;
        }
        self.times = if plain == self.last { self.times.saturating_add(1) } else { 1 };
        let again = self.times > 1;
        let hasty = is_hasty(segment, &plain);
        self.last = plain;
        !(again && hasty || self.times > DOUBTFUL && (doubtful || silent))
    }
}

/// Letters and digits in lower case, words one space apart.
fn plain(text: &str) -> String {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join(" ")
}

/// A note of silence stands in brackets or stars, such as `[BLANK_AUDIO]`.
fn is_note_of_silence(text: &str, plain: &str) -> bool {
    text.trim().starts_with(['[', '(', '*', '<']) && SILENCE.contains(&plain)
}

/// Whether nobody could have said the text in the time.
fn is_hasty(segment: &Segment, plain: &str) -> bool {
    let duration = segment.end_ms.saturating_sub(segment.start_ms);
    (duration as usize) < plain.chars().count() * CHARACTER_MS
}
