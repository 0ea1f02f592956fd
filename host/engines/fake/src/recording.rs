//! One recording that is written down.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use engine_protocol::{
    Audio, DecodedSegment, DecodedToken, DecodingPlan, EngineError, ErrorCode, Event, EventKind,
    Finish, RequestId, SAMPLE_RATE, Transcribe,
};

use crate::{
    request::{Mischief, failure},
    script::Script,
    tokens::{id, words},
};

/// Bytes of a second of audio.
const SECOND: usize = SAMPLE_RATE as usize * 2;
/// Ids of text tokens stay below this in every vocabulary of this kind.
const TEXT_TOKENS: u32 = 50_000;

/// One recording: every second that is not silent becomes a segment.
#[derive(Debug)]
pub(crate) struct Recording {
    pub(crate) id: RequestId,
    script: Script,
    plan: DecodingPlan,
    words: Vec<String>,
    /// Samples of a second that has not come whole.
    partial: Vec<u8>,
    /// Seconds that have come and are not written down.
    seconds: VecDeque<Second>,
    /// Whether all of it has come.
    whole: bool,
    /// Everything before this time is written down.
    until_ms: u32,
    /// Segments said so far.
    said: u32,
    tokens: u32,
    interval: Duration,
    /// When its next segment is due.
    pub(crate) due: Instant,
}

/// A second of audio, or the rest of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Second {
    ms: u32,
    silent: bool,
}

impl Recording {
    /// Checks a request like a real engine would.
    pub(crate) fn new(asked: Transcribe, interval: Duration) -> Result<Self, EngineError> {
        let Transcribe { request, plan } = asked;
        let invalid = |message: String| EngineError::new(ErrorCode::Invalid, message);
        let script = Script::of(plan.prompt.as_deref().unwrap_or_default()).map_err(invalid)?;
        if script.fail.is_some() && script.fail_after == 0 {
            return Err(failure(&script));
        }
        Ok(Self {
            id: request,
            words: script.text.as_deref().map(words).unwrap_or_default(),
            partial: Vec::new(),
            seconds: VecDeque::new(),
            whole: false,
            until_ms: 0,
            said: 0,
            tokens: 0,
            interval: script.delay_us.map_or(interval, Duration::from_micros),
            due: Instant::now(),
            script,
            plan,
        })
    }

    /// Takes more of the audio.
    pub(crate) fn take(&mut self, audio: &Audio) {
        self.partial.extend_from_slice(&audio.samples);
        let whole = self.partial.len() / SECOND * SECOND;
        let rest = self.partial.split_off(whole);
        self.seconds.extend(self.partial.chunks(SECOND).map(Second::of));
        self.partial = rest;
        if audio.last {
            self.seconds.extend(self.partial.chunks(SECOND).map(Second::of));
            self.partial.clear();
            self.whole = true;
        }
    }

    /// Whether there is something to write down, or to end.
    pub(crate) fn has_work(&self) -> bool {
        self.whole || !self.seconds.is_empty()
    }

    /// What it makes the engine do before its next segment.
    pub(crate) fn mischief(&self) -> Option<Mischief> {
        if self.seconds.is_empty() { None } else { Mischief::after(&self.script, self.said) }
    }

    /// Writes down the next second; true: the recording has ended.
    pub(crate) fn step(&mut self, now: Instant, events: &mut Vec<Event>) -> bool {
        if self.script.fail.is_some() && self.said >= self.script.fail_after {
            events.push(self.event(EventKind::Failed(failure(&self.script))));
            return true;
        }
        if let Some(second) = self.seconds.pop_front() {
            let segment = (!second.silent).then(|| self.segment(second.ms));
            self.until_ms += second.ms;
            let segments = segment.into_iter().collect();
            events.push(self.event(EventKind::Segments { segments, until_ms: self.until_ms }));
        }
        let ended = self.whole && self.seconds.is_empty();
        if ended {
            self.finish(Finish::Stop, events);
        }
        self.due = now + self.interval;
        ended
    }

    /// Ends it.
    pub(crate) fn finish(&self, reason: Finish, events: &mut Vec<Event>) {
        let completion_tokens = self.tokens;
        events.push(self.event(EventKind::Finished { reason, completion_tokens }));
    }

    fn segment(&mut self, ms: u32) -> DecodedSegment {
        let text = self.text();
        self.said += 1;
        let pieces: Vec<String> = text.split_inclusive(' ').fold(Vec::new(), with_space_in_front);
        let count = u32::try_from(pieces.len()).unwrap_or(1).max(1);
        self.tokens += count;
        let (start_ms, end_ms) = (self.until_ms, self.until_ms + ms);
        let at = |index: u32| start_ms + ms * index / count;
        let tokens = (0..).zip(pieces).map(|(index, piece)| DecodedToken {
            id: id(&piece) % TEXT_TOKENS,
            bytes: piece.into_bytes(),
            probability: 0.9,
            start_ms: if self.plan.token_times { at(index) } else { start_ms },
            end_ms: if self.plan.token_times { at(index + 1) } else { end_ms },
        });
        DecodedSegment {
            start_ms,
            end_ms,
            window_ms: start_ms / 30_000 * 30_000,
            language: self.plan.language.clone().unwrap_or_else(|| "en".to_owned()),
            tokens: tokens.collect(),
            temperature: self.plan.temperatures.first().copied().unwrap_or_default(),
            no_speech_probability: 0.01,
        }
    }

    /// What is heard in the next second: the script's words in turn, else the second's number.
    fn text(&self) -> String {
        if self.script.show_request {
            return format!(" {}", serde_json::to_string(&self.plan).unwrap_or_default());
        }
        let turn = usize::try_from(self.said).unwrap_or_default() % self.words.len().max(1);
        match self.words.get(turn) {
            Some(word) => format!(" {}", word.trim()),
            None => format!(" second {}", self.until_ms / 1000 + 1),
        }
    }

    fn event(&self, kind: EventKind) -> Event {
        Event { request: self.id, sequence: 0, kind }
    }
}

impl Second {
    fn of(samples: &[u8]) -> Self {
        let ms = u32::try_from(samples.len() * 1000 / SECOND).unwrap_or(1000);
        Self { ms, silent: samples.iter().all(|&byte| byte == 0) }
    }
}

/// Moves the space behind a word to the front of the next one, as in real vocabularies.
fn with_space_in_front(mut pieces: Vec<String>, word: &str) -> Vec<String> {
    if word == " " {
        return pieces;
    }
    pieces.push(format!(" {}", word.trim_end_matches(' ')));
    pieces
}

#[cfg(test)]
mod tests {
    use engine_protocol::{Task, TimestampRules};

    use super::*;

    fn plan(prompt: Option<&str>) -> DecodingPlan {
        DecodingPlan {
            start: Vec::new(),
            language: None,
            languages: Vec::new(),
            task: Task::Transcribe,
            previous: None,
            prompt: prompt.map(str::to_owned),
            prompt_tokens: 0,
            carry_prompt: false,
            context_tokens: 0,
            timestamps: Some(TimestampRules { first: 0, step_ms: 20, latest_start_ms: 1000 }),
            suppress: Vec::new(),
            suppress_first: Vec::new(),
            end: 0,
            no_speech: 0,
            temperatures: vec![0.0],
            entropy_threshold: 2.4,
            logprob_threshold: -1.0,
            no_speech_threshold: 0.6,
            beam_size: 1,
            best_of: 1,
            max_tokens: 224,
            token_times: true,
        }
    }

    /// Speech for the first second, silence for the next, and a little more speech.
    #[track_caller]
    fn check(prompt: Option<&str>, piece: usize, expect: &[(u32, u32, &str)]) {
        let samples = [vec![1; SECOND], vec![0; SECOND], vec![1; SECOND / 4]].concat();
        let asked = Transcribe { request: 7, plan: plan(prompt) };
        let mut recording = Recording::new(asked, Duration::ZERO).unwrap();
        for samples in samples.chunks(piece) {
            recording.take(&Audio { request: 7, samples: samples.to_vec(), last: false });
        }
        recording.take(&Audio { request: 7, samples: Vec::new(), last: true });
        let mut events = Vec::new();
        while !recording.step(Instant::now(), &mut events) {}
        let said: Vec<_> = events
            .iter()
            .filter_map(|event| match &event.kind {
                EventKind::Segments { segments, .. } => Some(segments),
                _ => None,
            })
            .flatten()
            .map(|segment| {
                let bytes: Vec<u8> =
                    segment.tokens.iter().flat_map(|token| token.bytes.clone()).collect();
                (segment.start_ms, segment.end_ms, String::from_utf8(bytes).unwrap())
            })
            .collect();
        let said: Vec<_> = said.iter().map(|(a, b, text)| (*a, *b, text.as_str())).collect();
        assert_eq!(said, expect);
        let last = events.last().map(|event| &event.kind);
        assert!(matches!(last, Some(EventKind::Finished { reason: Finish::Stop, .. })));
    }

    #[test]
    fn a_second_that_is_not_silent_is_a_segment() {
        let own = [(0, 1000, " second 1"), (2000, 2250, " second 3")];
        check(None, SECOND, &own);
        check(None, 1000, &own);
        check(None, 100 * SECOND, &own);
        let script = r#"{"fake":{"text":"one two"}}"#;
        check(Some(script), SECOND, &[(0, 1000, " one"), (2000, 2250, " two")]);
    }
}
