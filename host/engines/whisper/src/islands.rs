//! From the probability of speech, frame by frame, to stretches of speech.
//!
//! The rules are silero's: a stretch begins where the probability reaches a threshold, and ends
//! where it stays below a lower one for a while; short gaps are closed, short stretches are dropped.
//! Frames come in as the recording does, and a stretch goes out once nothing can change it.

use std::collections::VecDeque;
use std::ops::Range;

use crate::sound::{FRAME, samples};

/// A frame as likely as this begins a stretch.
const BEGIN: f32 = 0.5;
/// Frames less likely than this end one.
const END: f32 = 0.35;
/// The silence that ends a stretch.
const SILENCE: u64 = samples(100);
/// Gaps shorter than this are closed.
const GAP: u64 = samples(200);
/// The longest stretch; a longer one is cut where it is quietest.
pub(crate) const LONGEST: u64 = samples(27_500);
/// No stretch is cut before this.
const EARLIEST_CUT: u64 = samples(15_000);
/// Frames that are looked at together to find where it is quietest.
const VALLEY: usize = 4;

/// A frame: how likely it is speech, and how loud.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Frame {
    /// The probability of speech.
    pub(crate) speech: f32,
    /// Decibels of full scale.
    pub(crate) level: f32,
}

/// Finds stretches of speech.
#[derive(Debug)]
pub(crate) struct Islands {
    /// Stretches shorter than this are dropped.
    shortest: u64,
    /// The place of the next frame.
    place: u64,
    /// Where the stretch that is going on began.
    begun: Option<u64>,
    /// Where its silence began.
    silence: Option<u64>,
    /// The frames of the stretch that is going on.
    frames: VecDeque<Frame>,
    /// A stretch that the next one may be joined to.
    held: Option<Range<u64>>,
    out: Vec<Range<u64>>,
}

impl Islands {
    /// Starts at the beginning of a recording; stretches shorter than `shortest` are dropped.
    pub(crate) fn new(shortest: u64) -> Self {
        Self {
            shortest,
            place: 0,
            begun: None,
            silence: None,
            frames: VecDeque::new(),
            held: None,
            out: Vec::new(),
        }
    }

    /// Nothing before this place belongs to a stretch that is still to come out.
    pub(crate) fn settled(&self) -> u64 {
        let begun = self.begun.unwrap_or(self.place);
        self.held.as_ref().map_or(begun, |held| held.start)
    }

    /// Takes the next frames.
    pub(crate) fn push(&mut self, frames: &[Frame]) {
        for frame in frames {
            self.frame(*frame);
            self.place += FRAME;
        }
        // A held stretch stays until what follows it is known to be further away.
        if let Some(held) = &self.held
            && self.begun.is_none()
            && self.place.saturating_sub(held.end) >= GAP
        {
            self.release();
        }
    }

    /// The recording ends here.
    pub(crate) fn finish(&mut self, end: u64) {
        if let Some(begun) = self.begun.take() {
            let last = self.silence.take().unwrap_or(self.place);
            self.close(begun..last.min(end));
        }
        self.release();
    }

    /// The stretches that nothing can change any more.
    pub(crate) fn take(&mut self) -> Vec<Range<u64>> {
        std::mem::take(&mut self.out)
    }

    fn frame(&mut self, frame: Frame) {
        let Some(begun) = self.begun else {
            if frame.speech >= BEGIN {
                self.begun = Some(self.place);
                self.frames.clear();
                self.frames.push_back(frame);
            }
            return;
        };
        self.frames.push_back(frame);
        if frame.speech >= BEGIN {
            self.silence = None;
        } else if frame.speech < END {
            let silence = *self.silence.get_or_insert(self.place);
            if self.place - silence >= SILENCE {
                self.begun = None;
                self.silence = None;
                self.close(begun..silence);
                return;
            }
        }
        if self.place + FRAME - begun >= LONGEST {
            self.cut(begun);
        }
    }

    /// Cuts the stretch that is going on where it is quietest.
    fn cut(&mut self, begun: u64) {
        let first = usize::try_from(EARLIEST_CUT / FRAME).unwrap_or(0);
        let last = self.frames.len().saturating_sub(VALLEY);
        let depth = |at: usize| -> f32 {
            let valley = self.frames.range(at..(at + VALLEY).min(self.frames.len()));
            // Twenty decibels weigh as much as the difference between speech and none.
            valley.map(|frame| frame.speech + frame.level / 20.0).sum()
        };
        let quietest = (first..last).min_by(|a, b| depth(*a).total_cmp(&depth(*b)));
        let at = quietest.unwrap_or(last) + VALLEY / 2;
        let cut = begun + at as u64 * FRAME;
        let rest = self.frames.split_off(at.min(self.frames.len()));
        self.close(begun..cut);
        self.release();
        self.frames = rest;
        self.begun = Some(cut);
        if self.silence.is_some_and(|silence| silence < cut) {
            self.silence = Some(cut);
        }
    }

    fn close(&mut self, stretch: Range<u64>) {
        self.frames.clear();
        match &mut self.held {
            Some(held)
                if stretch.start.saturating_sub(held.end) < GAP
                    && stretch.end - held.start <= LONGEST =>
            {
                held.end = stretch.end;
            }
            _ => {
                self.release();
                self.held = Some(stretch);
            }
        }
    }

    fn release(&mut self) {
        if let Some(held) = self.held.take()
            && held.end.saturating_sub(held.start) >= self.shortest
        {
            self.out.push(held);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frames(pattern: &[(f32, usize)]) -> Vec<Frame> {
        let frame = |speech: f32| Frame { speech, level: -20.0 };
        pattern.iter().flat_map(|(speech, count)| vec![frame(*speech); *count]).collect()
    }

    fn run(frames: &[Frame], step: usize) -> Vec<Range<u64>> {
        let mut islands = Islands::new(samples(60));
        let mut found = Vec::new();
        for part in frames.chunks(step.max(1)) {
            islands.push(part);
            found.extend(islands.take());
        }
        islands.finish(frames.len() as u64 * FRAME);
        found.extend(islands.take());
        found
    }

    #[track_caller]
    fn check(pattern: &[(f32, usize)], expect: &[(u64, u64)]) {
        let found: Vec<(u64, u64)> = run(&frames(pattern), 7)
            .into_iter()
            .map(|r| (r.start / FRAME, r.end / FRAME))
            .collect();
        assert_eq!(found, expect);
    }

    #[test]
    fn stretches() {
        check(&[(0.0, 50)], &[]);
        check(&[(1.0, 50)], &[(0, 50)]);
        check(&[(0.0, 10), (0.9, 20), (0.1, 30), (0.6, 10), (0.0, 30)], &[(10, 30), (60, 70)]);
        // Between the thresholds nothing changes.
        check(&[(0.0, 10), (0.9, 20), (0.4, 20), (0.0, 30)], &[(10, 50)]);
        // Short gaps are closed, short stretches dropped.
        check(&[(0.9, 20), (0.1, 5), (0.9, 20), (0.0, 30)], &[(0, 45)]);
        check(&[(0.0, 20), (0.9, 1), (0.0, 30)], &[]);
    }

    #[test]
    fn a_long_stretch_is_cut_where_it_is_quietest() {
        let mut all = frames(&[(0.9, 1500)]);
        for frame in &mut all[700..706] {
            *frame = Frame { speech: 0.6, level: -40.0 };
        }
        let found = run(&all, 100);
        assert!((700..706).contains(&(found[0].end / FRAME)), "{found:?}");
        assert_eq!(found[0].end, found[1].start);
        assert!(found.iter().all(|stretch| stretch.end - stretch.start <= LONGEST));
    }

    proptest! {
        #[test]
        fn stretches_are_ordered_bounded_and_independent_of_how_frames_come(
            pattern in prop::collection::vec((0.0_f32..1.0, 1_usize..300), 1..20),
            step in 1_usize..500,
        ) {
            let all = frames(&pattern);
            let found = run(&all, step);
            prop_assert_eq!(&found, &run(&all, 1));
            let mut end = 0;
            for stretch in &found {
                prop_assert!(stretch.start >= end && stretch.end > stretch.start);
                prop_assert!(stretch.end - stretch.start <= LONGEST);
                end = stretch.end;
            }
            prop_assert!(end <= all.len() as u64 * FRAME);
            // Everything that is surely speech, for long enough, is in a stretch.
            let mut place = 0;
            for (speech, count) in &pattern {
                let end = place + *count as u64 * FRAME;
                if *speech >= BEGIN && *count >= 4 {
                    let covered: u64 = found.iter()
                        .map(|s| s.end.min(end).saturating_sub(s.start.max(place))).sum();
                    prop_assert_eq!(covered, end - place);
                }
                place = end;
            }
        }
    }
}
