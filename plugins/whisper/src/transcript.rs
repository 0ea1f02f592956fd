//! From decoded tokens to passages.

use plugin_sdk::transcript::{Characters, Transcript, average_logprob};
use plugin_sdk::{DecodedSegment, DecodedToken, DecodingPlan, Segment, Task};

use crate::filter::Filter;
use crate::settings::Settings;
use crate::{compression, language, words};

/// Writes down one recording.
#[derive(Debug)]
pub(crate) struct Recording {
    /// Translations are English, whatever is spoken.
    translates: bool,
    word_times: bool,
    filter: Filter,
    /// A segment that ends within a character, whose end the next one may bring.
    open: Option<DecodedSegment>,
    /// When the passage before begins.
    last_ms: u32,
    /// What the transcript ends with.
    last: Option<char>,
}

impl Recording {
    pub(crate) fn new(plan: &DecodingPlan, settings: &Settings) -> Self {
        Self {
            translates: plan.task == Task::Translate,
            word_times: plan.token_times,
            filter: Filter::new(settings),
            open: None,
            last_ms: 0,
            last: None,
        }
    }

    /// Makes a passage of a whole segment, unless it was not said.
    fn write(&mut self, segment: &DecodedSegment, passages: &mut Vec<Segment>) {
        let code = if self.translates { "en" } else { segment.language.as_str() };
        let unspaced = language::is_unspaced(code);
        let start_ms = segment.start_ms.max(self.last_ms);
        let end_ms = segment.end_ms.max(start_ms);
        let mut passage = Segment {
            start_ms,
            end_ms,
            window_ms: segment.window_ms,
            text: self.text(&segment.tokens, unspaced),
            tokens: segment.tokens.iter().map(|token| token.id).collect(),
            temperature: finite(segment.temperature),
            average_logprob: average_logprob(&segment.tokens),
            compression_ratio: 0.0,
            no_speech_probability: finite(segment.no_speech_probability),
            words: Vec::new(),
        };
        passage.compression_ratio = compression::ratio(passage.text.trim());
        if !self.filter.admits(&passage) {
            return;
        }
        if self.word_times {
            passage.words = words::words(&segment.tokens, unspaced, start_ms..=end_ms);
        }
        self.last_ms = start_ms;
        self.last = passage.text.chars().next_back();
        passages.push(passage);
    }

    /// The text, with a space in front where it needs one: the tokens of most words bring their
    /// own.
    fn text(&self, tokens: &[DecodedToken], unspaced: bool) -> String {
        let mut characters = Characters::default();
        let mut text = String::new();
        for token in tokens {
            text.push_str(&characters.push(&token.bytes));
        }
        text.push_str(characters.finish());
        text.truncate(text.trim_end().len());
        let joins = text.starts_with(char::is_alphanumeric);
        if !unspaced && joins && self.last.is_some_and(|last| !last.is_whitespace()) {
            text.insert(0, ' ');
        }
        text
    }
}

impl Transcript for Recording {
    fn push(&mut self, mut segment: DecodedSegment, passages: &mut Vec<Segment>) {
        if let Some(mut open) = self.open.take() {
            move_bytes(&mut segment, &mut open);
            if ends_within_character(&open) && has_no_bytes(&segment) {
                // A segment of nothing but a middle of the character.
                self.open = Some(open);
                return;
            }
            self.write(&open, passages);
        }
        if ends_within_character(&segment) {
            self.open = Some(segment);
        } else {
            self.write(&segment, passages);
        }
    }

    fn finish(&mut self, passages: &mut Vec<Segment>) {
        if let Some(open) = self.open.take() {
            self.write(&open, passages);
        }
    }
}

/// The characters of a segment up to its end.
fn characters(segment: &DecodedSegment) -> Characters {
    let mut characters = Characters::default();
    for token in &segment.tokens {
        characters.push(&token.bytes);
    }
    characters
}

fn ends_within_character(segment: &DecodedSegment) -> bool {
    characters(segment).is_open()
}

fn has_no_bytes(segment: &DecodedSegment) -> bool {
    segment.tokens.iter().all(|token| token.bytes.is_empty())
}

/// Moves the bytes that complete the last character of `to` there.
fn move_bytes(from: &mut DecodedSegment, to: &mut DecodedSegment) {
    let mut open = characters(to);
    for token in &mut from.tokens {
        let own = open.completed_by(&token.bytes);
        let bytes: Vec<u8> = token.bytes.drain(..own).collect();
        open.push(&bytes);
        if let Some(last) = to.tokens.iter_mut().rfind(|token| !token.bytes.is_empty()) {
            last.bytes.extend(bytes);
        }
        if !token.bytes.is_empty() || !open.is_open() {
            break;
        }
    }
}

/// A number that JSON has.
fn finite(value: f32) -> f32 {
    if value.is_finite() { value } else { 0.0 }
}
