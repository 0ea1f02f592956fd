//! From what whisper.cpp decoded in a piece to segments of the recording.

use std::ops::Range;

use engine_protocol::{DecodedSegment, DecodedToken};

use crate::envelope::{Envelope, STEP};
use crate::native::{Decoded, Model, RawToken};
use crate::piece::Piece;
use crate::plan::{Plan, Tongue};
use crate::spread::{spread, weight};

/// Steps around a segment's own times in which its first word may begin, and its last one end.
const AROUND: usize = 25;
/// A segment's time this close to where its words begin or end is that place, in milliseconds.
const NEAR: u32 = 300;
/// Above this temperature, what was decoded is no good context.
const WILD: f32 = 0.5;

/// What came of a piece.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Transcript {
    /// Its segments, in the order of time.
    pub(crate) segments: Vec<DecodedSegment>,
    /// How many tokens they have.
    pub(crate) tokens: u32,
    /// The tokens that are context to what comes next; `None`: nothing before is.
    pub(crate) context: Option<Vec<u32>>,
}

/// What a transcript is made with.
pub(crate) struct Scribe<'a> {
    pub(crate) model: &'a Model,
    pub(crate) plan: &'a Plan,
    pub(crate) tongue: Option<&'a Tongue>,
    pub(crate) piece: &'a Piece,
    /// Its sound.
    pub(crate) samples: &'a [i16],
}

impl Scribe<'_> {
    /// Writes the segments of a piece.
    pub(crate) fn write(&self, decoded: &[Decoded]) -> Transcript {
        let mut transcript = Transcript { context: Some(Vec::new()), ..Transcript::default() };
        let (mut seek, mut before) = (0, 0);
        let mut window = None;
        let envelope = Envelope::new(self.samples);
        let mut said = 0;
        for (index, segment) in decoded.iter().enumerate() {
            if window != Some(segment.window) {
                window = Some(segment.window);
                seek = self.window_start(segment, before);
            }
            before = before.max(segment.end);
            if self.is_silence(decoded, segment.window) {
                continue;
            }
            let context = transcript.context.get_or_insert_default();
            context.extend(segment.tokens.iter().map(|t| t.id).filter(|id| *id != self.end()));
            // A segment of silence leaves its room to those beside it.
            let later = decoded.get(index + 1..).unwrap_or_default();
            let next = later.iter().find(|next| self.is_text(next));
            let after = next.map_or(i64::MAX, |next| next.start.max(segment.end));
            let room = said..step(after);
            if self.is_text(segment) {
                said = step(segment.end);
            }
            let segment = self.segment(segment, seek, &envelope, room);
            if !segment.tokens.is_empty() {
                transcript.tokens += u32::try_from(segment.tokens.len()).unwrap_or(u32::MAX);
                transcript.segments.push(segment);
            }
        }
        // whisper.cpp's times may overlap a little; those of a transcript do not go back.
        let mut latest = 0;
        for segment in &mut transcript.segments {
            segment.start_ms = segment.start_ms.max(latest);
            segment.end_ms = segment.end_ms.max(segment.start_ms);
            latest = segment.start_ms;
        }
        if decoded.last().is_some_and(|last| last.temperature > WILD) {
            transcript.context = None;
        }
        transcript
    }

    fn end(&self) -> u32 {
        self.model.tokens.end
    }

    /// Where a window begins within the piece, in hundredths of a second.
    fn window_start(&self, first: &Decoded, before: i64) -> i64 {
        let time = self.model.tokens.time;
        match first.tokens.first() {
            _ if first.window == 0 || self.plan.asked.timestamps.is_none() => 0,
            // A time of 0 is kept with its segment, and counts from the window's beginning.
            Some(token) if token.id == time => first.start.max(before),
            // Windows follow one another.
            _ => before,
        }
    }

    /// Whether a window is doubtful and likely has no speech in it.
    fn is_silence(&self, decoded: &[Decoded], window: usize) -> bool {
        let of_window = || decoded.iter().filter(|segment| segment.window == window);
        let tokens = || of_window().flat_map(|segment| &segment.tokens);
        let sum: f32 = tokens().map(|token| token.logprob).sum();
        let mean = sum / tokens().count().max(1) as f32;
        let plan = &self.plan.asked;
        of_window().any(|segment| segment.no_speech > plan.no_speech_threshold)
            && mean < plan.logprob_threshold
    }

    /// Whether something is said in a segment.
    fn is_text(&self, segment: &Decoded) -> bool {
        let texts = segment.tokens.iter().filter(|token| token.id < self.end());
        texts.map(|token| self.model.bytes(token.id)).any(|bytes| !bytes.trim_ascii().is_empty())
    }

    fn segment(
        &self,
        segment: &Decoded,
        seek: i64,
        envelope: &Envelope,
        room: Range<usize>,
    ) -> DecodedSegment {
        let length = i64::try_from(self.piece.length() / STEP).unwrap_or(i64::MAX);
        // Without timestamps whisper.cpp's times mean nothing.
        let (start, end) = match self.plan.asked.timestamps {
            Some(_) => {
                let start = segment.start.max(seek).clamp(0, length);
                (start, segment.end.clamp(start, length))
            }
            None => (0, length),
        };
        let mut start_ms = self.piece.start_time(place(step(start)));
        let mut end_ms = self.piece.end_time(place(step(end))).max(start_ms);
        let tokens: Vec<&RawToken> =
            segment.tokens.iter().filter(|token| token.id < self.end()).collect();
        let bytes: Vec<Vec<u8>> = tokens.iter().map(|token| self.model.bytes(token.id)).collect();
        let mut times = vec![(start_ms, end_ms); bytes.len()];
        if self.plan.asked.token_times {
            let from = step(start).saturating_sub(AROUND).max(room.start);
            let to = (step(end) + AROUND).min(room.end).max(from);
            let sound = envelope.sound(from..to);
            let words = words(&bytes);
            let weights: Vec<f32> = words.iter().map(|word| word.weight).collect();
            let spans = spread(&sound, &weights);
            let spans = spans.unwrap_or_else(|| share(step(start)..step(end), &weights));
            times = self.token_times(&words, &spans);
        }
        // When something is heard is known best of all.
        if let Some(first) = times.first().filter(|time| time.0.abs_diff(start_ms) < NEAR) {
            start_ms = first.0;
        }
        if let Some(last) = times.last().filter(|time| time.1.abs_diff(end_ms) < NEAR) {
            end_ms = last.1.max(start_ms);
        }
        let tokens = tokens.iter().zip(bytes).zip(times).map(|((token, bytes), times)| {
            let start_ms = times.0.clamp(start_ms, end_ms);
            DecodedToken {
                id: token.id,
                bytes,
                probability: token.probability,
                start_ms,
                end_ms: times.1.clamp(start_ms, end_ms),
            }
        });
        DecodedSegment {
            start_ms,
            end_ms,
            window_ms: self.piece.time(place(step(seek.min(length)))).min(start_ms),
            language: Plan::code(self.tongue).to_owned(),
            tokens: tokens.collect(),
            temperature: segment.temperature,
            no_speech_probability: segment.no_speech.clamp(0.0, 1.0),
        }
    }

    /// When each token begins and ends, given when its word does.
    fn token_times(&self, words: &[Word], spans: &[Range<usize>]) -> Vec<(u32, u32)> {
        let mut times = Vec::new();
        for (word, span) in words.iter().zip(spans) {
            for part in share(span.clone(), &word.tokens) {
                let start = self.piece.begins(place(part.start));
                times.push((start, self.piece.ends(place(part.end)).max(start)));
            }
        }
        times
    }
}

/// Tokens that are a word.
#[derive(Debug, PartialEq)]
struct Word {
    /// How long it takes to say, to scale.
    weight: f32,
    /// The same of its tokens.
    tokens: Vec<f32>,
}

/// Gathers tokens into words: one begins at a space, and with each character of a script that may
/// have none.
fn words(tokens: &[Vec<u8>]) -> Vec<Word> {
    let mut words: Vec<(Vec<u8>, Vec<f32>)> = Vec::new();
    for token in tokens {
        let begins = token.first().is_none_or(|byte| *byte == b' ' || *byte >= 0xe0);
        let size = token.len().max(1) as f32;
        match words.last_mut() {
            Some((bytes, tokens)) if !begins => {
                bytes.extend_from_slice(token);
                tokens.push(size);
            }
            _ => words.push((token.clone(), vec![size])),
        }
    }
    let word = |(bytes, tokens): (Vec<u8>, Vec<f32>)| Word {
        weight: weight(&String::from_utf8_lossy(&bytes)),
        tokens,
    };
    words.into_iter().map(word).collect()
}

/// Parts of a range, one after the other, as long as the weights say.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a part of a range is not negative, and fits"
)]
fn share(range: Range<usize>, weights: &[f32]) -> Vec<Range<usize>> {
    let total: f32 = weights.iter().sum();
    let length = range.end.saturating_sub(range.start) as f32;
    let mut sum = 0.0;
    let mut from = range.start;
    let mut parts = Vec::with_capacity(weights.len());
    for weight in weights {
        sum += weight;
        let share = if total > 0.0 { sum / total } else { 1.0 };
        let to = (range.start + (length * share).round() as usize).clamp(from, range.end.max(from));
        parts.push(from..to);
        from = to;
    }
    parts
}

/// A time of whisper.cpp's in steps, which are as long.
fn step(centiseconds: i64) -> usize {
    usize::try_from(centiseconds.max(0)).unwrap_or(usize::MAX)
}

/// A place in the piece.
fn place(step: usize) -> u64 {
    u64::try_from(step).unwrap_or(u64::MAX).saturating_mul(STEP)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(tokens: &[&str], expect: &[usize]) {
        let tokens: Vec<Vec<u8>> = tokens.iter().map(|token| token.as_bytes().to_vec()).collect();
        let counts: Vec<usize> = words(&tokens).iter().map(|word| word.tokens.len()).collect();
        assert_eq!(counts, expect);
    }

    #[test]
    fn tokens_are_gathered_into_words() {
        check(&[" seven", " win", "dow", ","], &[1, 3]);
        check(&["Hello", ",", " wor", "ld"], &[2, 2]);
        check(&["今", "日", "は"], &[1, 1, 1]);
        check(&[], &[]);
    }

    #[test]
    fn a_range_is_shared_by_weight() {
        assert_eq!(share(10..20, &[1.0, 3.0, 1.0]), [10..12, 12..18, 18..20]);
        assert_eq!(share(10..10, &[1.0, 1.0]), [10..10, 10..10]);
        assert_eq!(share(0..4, &[0.0]), vec![0..4; 1]);
        assert!(share(0..4, &[]).is_empty());
    }
}
