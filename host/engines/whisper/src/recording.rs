//! A recording on its way through the engine.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use engine_protocol::DecodedSegment;

use crate::cutter::Cutter;
use crate::islands::{Frame, Islands};
use crate::loudness::{self, Floor};
use crate::piece::{PAD, Piece};
use crate::plan::{Plan, Tongue};
use crate::sound::{FRAME, ms, samples};
use crate::tape::Tape;
use crate::transcript::Transcript;
use crate::worker::{Decode, Job};

/// Sound that has come in is listened to in stretches of this length, and what is left at the end:
/// how fast it came in must not change what is heard.
const STRETCH: u64 = FRAME * 320;
/// What a detector hears before a stretch, to find its way into it.
const LEAD: u64 = FRAME * 63;
/// Shorter sounds are no speech. Silero is less easily deceived than loudness is, but both must
/// hear a short word.
const SHORTEST: u64 = samples(96);
/// What a piece costs besides its length, in samples: the encoder sees thirty seconds in any case.
const FIXED_COST: u64 = samples(15_000);

/// What is done with a recording, in order: its sound comes in, is listened to, cut into pieces,
/// decoded, and put together again.
pub(crate) struct Recording {
    plan: Arc<Plan>,
    cancel: Arc<AtomicBool>,
    tape: Tape,
    /// Whether all of it is here.
    complete: bool,
    /// Up to where it has been listened to.
    heard: u64,
    listening: bool,
    floor: Floor,
    islands: Islands,
    cutter: Cutter,
    /// Whether all pieces are known.
    closed: bool,
    waiting: VecDeque<Piece>,
    /// Where the pieces begin that are being decoded, or wait for those before them.
    begun: BTreeMap<u64, u64>,
    decoding: u32,
    done: BTreeMap<u64, Transcript>,
    /// The piece that is reported next.
    next: u64,
    tongue: Option<Tongue>,
    /// What was decoded last, for plans with context.
    context: Vec<u32>,
    /// What has been spent on it, for fairness.
    pub(crate) spent: u64,
    /// Tokens decoded.
    pub(crate) tokens: u32,
    reported: u32,
}

impl Recording {
    pub(crate) fn new(plan: Plan, cutter: Cutter, spent: u64) -> Self {
        let tongue = plan.tongue.clone();
        Self {
            plan: Arc::new(plan),
            cancel: Arc::default(),
            tape: Tape::default(),
            complete: false,
            heard: 0,
            listening: false,
            floor: Floor::default(),
            islands: Islands::new(SHORTEST),
            cutter,
            closed: false,
            waiting: VecDeque::new(),
            begun: BTreeMap::new(),
            decoding: 0,
            done: BTreeMap::new(),
            next: 0,
            tongue,
            context: Vec::new(),
            spent,
            tokens: 0,
            reported: 0,
        }
    }

    /// Samples that have come in.
    pub(crate) fn length(&self) -> u64 {
        self.tape.end()
    }

    /// Bytes of sound that it holds.
    pub(crate) fn bytes(&self) -> u64 {
        self.tape.bytes()
    }

    /// Whether all of its sound has come in.
    pub(crate) fn is_complete(&self) -> bool {
        self.complete
    }

    /// Takes more sound.
    pub(crate) fn push(&mut self, bytes: &[u8], last: bool) {
        self.tape.push(bytes);
        self.complete |= last;
        self.close();
    }

    /// What it waits for to be listened to; it does not run far ahead of the decoder.
    pub(crate) fn listen(&mut self, ahead: usize) -> Option<Job> {
        if !self.wants_listening() || self.waiting.len() >= ahead {
            return None;
        }
        let start = self.heard.saturating_sub(LEAD);
        let mut end = (self.heard + STRETCH).min(self.tape.end());
        if !(self.complete && end == self.tape.end()) {
            end -= end % FRAME;
        }
        let mut samples = Vec::new();
        self.tape.copy(start..end, &mut samples);
        self.listening = true;
        let lead = usize::try_from((self.heard - start) / FRAME).unwrap_or(0);
        Some(Job::Listen { samples, lead, cancel: Arc::clone(&self.cancel) })
    }

    fn wants_listening(&self) -> bool {
        let left = self.tape.end() - self.heard;
        !self.listening && (left >= STRETCH || (self.complete && left > 0))
    }

    /// Whether more pieces are soon to come.
    pub(crate) fn has_unheard(&self) -> bool {
        self.listening || self.wants_listening()
    }

    /// Enters what was heard.
    pub(crate) fn heard(&mut self, levels: &[f32], speech: Option<Vec<f32>>) {
        let speech = speech.unwrap_or_else(|| loudness::probabilities(levels, &mut self.floor));
        let frames: Vec<Frame> = levels
            .iter()
            .zip(speech)
            .map(|(level, speech)| Frame { level: *level, speech })
            .collect();
        self.listening = false;
        self.heard = (self.heard + frames.len() as u64 * FRAME).min(self.tape.end());
        self.islands.push(&frames);
        self.cut();
        self.close();
        self.forget();
    }

    fn cut(&mut self) {
        for stretch in self.islands.take() {
            self.cutter.push(stretch);
        }
        self.cutter.pause(self.islands.settled());
        self.waiting.extend(self.cutter.take());
    }

    fn close(&mut self) {
        if self.closed || self.listening || !self.complete || self.heard < self.tape.end() {
            return;
        }
        self.closed = true;
        self.islands.finish(self.tape.end());
        self.cut();
        self.cutter.finish(self.tape.end());
        self.waiting.extend(self.cutter.take());
        self.forget();
    }

    /// Lets go of sound that nobody needs any more.
    fn forget(&mut self) {
        let wanted = [
            self.waiting.front().map(Piece::start),
            Some(self.unsettled()),
            Some(self.heard.saturating_sub(LEAD)),
        ];
        self.tape.forget(wanted.into_iter().flatten().min().unwrap_or(0));
    }

    /// Where a piece may begin that is not cut yet.
    fn unsettled(&self) -> u64 {
        let settled = self.islands.settled();
        self.cutter.settled().map_or(settled, |cutter| cutter.min(settled)).saturating_sub(PAD)
    }

    /// How many pieces could be decoded now.
    pub(crate) fn ready(&self) -> usize {
        let one_by_one = self.plan.is_sequential() || self.tongue.is_none();
        match self.waiting.len() {
            waiting if one_by_one => waiting.min(usize::from(self.decoding == 0)),
            waiting => waiting,
        }
    }

    /// The next piece, to be decoded on so many threads.
    pub(crate) fn decode(&mut self, threads: u32) -> Option<Job> {
        if self.ready() == 0 {
            return None;
        }
        let piece = self.waiting.pop_front()?;
        let mut samples = Vec::with_capacity(usize::try_from(piece.length()).unwrap_or_default());
        for part in piece.parts() {
            self.tape.copy(part.clone(), &mut samples);
        }
        self.begun.insert(piece.index, piece.start());
        self.decoding += 1;
        self.spent += piece.length() + FIXED_COST;
        let prompted = piece.index == 0 || self.plan.asked.carry_prompt;
        let mut prompt = if prompted { self.plan.prompt.clone() } else { Vec::new() };
        // The plan has seen to it that prompt and context each fit; together they may not.
        let room = (self.plan.room as usize).saturating_sub(prompt.len());
        let kept = room.min(self.plan.context as usize);
        let first = self.context.len().saturating_sub(kept);
        prompt.extend(self.context.get(first..).unwrap_or_default());
        let left = u32::try_from(room).unwrap_or(u32::MAX);
        let rolling = self.plan.context.min(left);
        self.forget();
        Some(Job::Decode(Box::new(Decode {
            piece,
            samples,
            plan: Arc::clone(&self.plan),
            tongue: self.tongue.clone(),
            prompt,
            rolling,
            threads,
            cancel: Arc::clone(&self.cancel),
        })))
    }

    /// Enters the language.
    pub(crate) fn speaks(&mut self, tongue: Tongue) {
        self.tongue = Some(tongue);
    }

    /// Enters what was decoded.
    pub(crate) fn decoded(&mut self, piece: &Piece, transcript: Transcript) {
        self.decoding = self.decoding.saturating_sub(1);
        self.tokens = self.tokens.saturating_add(transcript.tokens);
        if self.plan.is_sequential() {
            match &transcript.context {
                Some(tokens) => self.context.extend(tokens),
                None => self.context.clear(),
            }
            let first = self.context.len().saturating_sub(self.plan.context as usize);
            self.context.drain(..first);
        }
        self.done.insert(piece.index, transcript);
    }

    /// What can be reported, and the time up to which everything is decoded, where that has grown.
    pub(crate) fn report(&mut self) -> Option<(Vec<DecodedSegment>, u32)> {
        let mut segments = Vec::new();
        while let Some(transcript) = self.done.remove(&self.next) {
            segments.extend(transcript.segments);
            self.begun.remove(&self.next);
            self.next += 1;
        }
        let until = match self.begun.first_key_value() {
            Some((_, start)) => *start,
            None => match self.waiting.front() {
                Some(piece) => piece.start(),
                None if self.closed => self.tape.end(),
                None => self.unsettled(),
            },
        };
        let until = ms(until).max(self.reported);
        if segments.is_empty() && until == self.reported {
            return None;
        }
        self.reported = until;
        Some((segments, until))
    }

    /// Whether all of it is decoded.
    pub(crate) fn is_over(&self) -> bool {
        self.closed && self.waiting.is_empty() && self.decoding == 0
    }

    /// Whether something is being done for it.
    pub(crate) fn is_running(&self) -> bool {
        self.decoding > 0 || self.listening
    }

    /// Pieces that wait.
    pub(crate) fn backlog(&self) -> usize {
        self.waiting.len()
    }
}

impl Drop for Recording {
    /// Whatever is still being done for it is for nobody.
    fn drop(&mut self) {
        self.cancel.store(true, Ordering::Relaxed);
    }
}
