//! From what whisper.cpp decoded in a piece to segments of the recording.

use engine_protocol::{DecodedSegment, DecodedToken};

use crate::native::{Decoded, Model, RawToken};
use crate::piece::Piece;
use crate::plan::{Plan, Tongue};
use crate::sound::samples;

/// Samples in a hundredth of a second.
const CENTISECOND: u64 = samples(10);
/// A token's time this close to its segment's is the same, in milliseconds.
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
}

impl Scribe<'_> {
    /// Writes the segments of a piece.
    pub(crate) fn write(&self, decoded: &[Decoded]) -> Transcript {
        let mut transcript = Transcript { context: Some(Vec::new()), ..Transcript::default() };
        let (mut seek, mut before) = (0, 0);
        let mut window = None;
        for segment in decoded {
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
            let segment = self.segment(segment, seek);
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

    fn segment(&self, segment: &Decoded, seek: i64) -> DecodedSegment {
        let length = i64::try_from(self.piece.length() / CENTISECOND).unwrap_or(i64::MAX);
        // Without timestamps whisper.cpp's times mean nothing.
        let (start, end) = match self.plan.asked.timestamps {
            Some(_) => {
                let start = segment.start.max(seek).clamp(0, length);
                (start, segment.end.clamp(start, length))
            }
            None => (0, length),
        };
        let start_ms = self.piece.start_time(place(start));
        let end_ms = self.piece.end_time(place(end)).max(start_ms);
        let text: Vec<&RawToken> =
            segment.tokens.iter().filter(|token| token.id < self.end()).collect();
        let bytes: Vec<Vec<u8>> = text.iter().map(|token| self.model.bytes(token.id)).collect();
        let mut times = if self.plan.asked.token_times {
            self.token_times(&text, &bytes, (start, end))
        } else {
            vec![(start_ms, end_ms); text.len()]
        };
        // What a segment begins and ends with is known best of all.
        if let Some(first) = times.first_mut().filter(|t| t.0.abs_diff(start_ms) < NEAR) {
            first.0 = start_ms;
        }
        if let Some(last) = times.last_mut().filter(|t| t.1.abs_diff(end_ms) < NEAR) {
            last.1 = end_ms;
        }
        let tokens =
            text.iter().zip(bytes).zip(times).map(|((token, bytes), times)| DecodedToken {
                id: token.id,
                bytes,
                probability: token.probability,
                start_ms: times.0.clamp(start_ms, end_ms),
                end_ms: times.1.clamp(start_ms, end_ms).max(times.0.clamp(start_ms, end_ms)),
            });
        DecodedSegment {
            start_ms,
            end_ms,
            window_ms: self.piece.time(place(seek.min(length))).min(start_ms),
            language: Plan::code(self.tongue).to_owned(),
            tokens: tokens.collect(),
            temperature: segment.temperature,
            no_speech_probability: segment.no_speech.clamp(0.0, 1.0),
        }
    }

    /// When each token begins and ends.
    fn token_times(
        &self,
        tokens: &[&RawToken],
        bytes: &[Vec<u8>],
        (start, end): (i64, i64),
    ) -> Vec<(u32, u32)> {
        let known = self.plan.asked.timestamps.is_some()
            && tokens.iter().all(|token| token.start >= 0 && token.end >= token.start);
        let time = |from: i64, to: i64| {
            (self.piece.token_start(place(from)), self.piece.token_end(place(to)))
        };
        if known {
            return tokens.iter().map(|token| time(token.start, token.end)).collect();
        }
        // Longer texts take longer to say.
        let weight = |text: &Vec<u8>| i64::try_from(text.len().max(1)).unwrap_or(i64::MAX);
        let total = bytes.iter().map(weight).sum::<i64>().max(1);
        let mut said = 0;
        let mut times = Vec::with_capacity(bytes.len());
        for text in bytes {
            let at = |said: i64| start + (end - start).max(0) * said / total;
            let from = at(said);
            said += weight(text);
            times.push(time(from, at(said)));
        }
        times
    }
}

/// A place in the piece.
fn place(centiseconds: i64) -> u64 {
    u64::try_from(centiseconds).unwrap_or(0) * CENTISECOND
}
