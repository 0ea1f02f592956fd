//! How loud a piece is, in steps of a hundredth of a second, and what of it is sound.

use std::ops::Range;

use crate::loudness::level;
use crate::sound::samples;

/// Samples in a step.
pub(crate) const STEP: u64 = samples(10);
/// What is this much below the loudest is no sound, in decibels.
const DROP: f32 = 30.0;
/// Where a word fades in or out, sound goes on down to this much below the loudest.
const FADE: f32 = 38.0;
/// Sound is this much above the quietest, in decibels, unless it is nearly all there is.
const RISE: f32 = 12.0;
/// The least distance from the loudest to what is no sound, in decibels.
const CONTRAST: f32 = 10.0;
/// Steps around a range among which the quietest are looked for.
const AROUND: usize = 100;
/// Steps on either side that a place is compared with.
const VALLEY: usize = 8;
/// A place this much quieter than those on either side is a boundary, in decibels.
const DEEP: f32 = 12.0;
/// The percentiles that stand for the quietest and the loudest.
const QUIETEST: usize = 3;
const LOUDEST: usize = 95;
/// The most steps that a word fades in or out for.
const LONGEST_FADE: usize = 12;

/// The levels of a piece, in decibels of full scale.
#[derive(Debug)]
pub(crate) struct Envelope(Vec<f32>);

/// The part of an envelope where something is said.
#[derive(Debug)]
pub(crate) struct Sound<'a> {
    levels: &'a [f32],
    range: Range<usize>,
    /// The steps that are sound, in order.
    pub(crate) steps: Vec<usize>,
    fade: f32,
}

impl Envelope {
    /// Measures a piece; each step is heard with half a step on either side.
    pub(crate) fn new(piece: &[i16]) -> Self {
        let step = usize::try_from(STEP).unwrap_or(1);
        let window = |at: usize| {
            let from = (at * step).saturating_sub(step / 2);
            let to = (at * step + step + step / 2).min(piece.len());
            level(piece.get(from..to).unwrap_or_default())
        };
        Self((0..piece.len().div_ceil(step)).map(window).collect())
    }

    /// The steps that are sound between two.
    pub(crate) fn sound(&self, range: Range<usize>) -> Sound<'_> {
        let range = range.start.min(self.0.len())..range.end.min(self.0.len());
        let inside = self.0.get(range.clone()).unwrap_or_default();
        let around = range.start.saturating_sub(AROUND)..(range.end + AROUND).min(self.0.len());
        let loudest = percentile(inside, LOUDEST);
        let quietest = percentile(self.0.get(around).unwrap_or_default(), QUIETEST);
        let noise = (quietest + RISE).min(loudest - CONTRAST);
        let limit = noise.max(loudest - DROP);
        let sound = |at: &usize| self.0.get(*at).is_some_and(|level| *level >= limit);
        let steps = range.clone().filter(sound).collect();
        let fade = noise.max(loudest - FADE);
        Sound { levels: &self.0, range, steps, fade }
    }
}

impl Sound<'_> {
    /// How little a place sounds like a boundary: 0 where it is much quieter than what is around
    /// it, 1 where it is no quieter.
    ///
    /// A place is as quiet as the quietest step beside it.
    pub(crate) fn closeness(&self, at: usize) -> f32 {
        let levels = |range: Range<usize>| {
            let end = range.end.min(self.levels.len());
            self.levels.get(range.start..end).unwrap_or_default().iter().copied()
        };
        let loudest = |range| levels(range).fold(f32::NEG_INFINITY, f32::max);
        let before = loudest(at.saturating_sub(VALLEY)..at + 1);
        let after = loudest(at..at + VALLEY + 1);
        let quietest = levels(at.saturating_sub(1)..at + 2).fold(f32::INFINITY, f32::min);
        (1.0 - (before.min(after) - quietest) / DEEP).clamp(0.0, 1.0)
    }

    /// Where a word that is sound from `begin` really begins, no earlier than `earliest`.
    pub(crate) fn fade_in(&self, begin: usize, earliest: usize) -> usize {
        let earliest = earliest.max(self.range.start).max(begin.saturating_sub(LONGEST_FADE));
        let steps = (earliest..begin).rev();
        begin - steps.take_while(|at| self.fades(*at)).count()
    }

    /// Where a word that is sound until `end` really ends, no later than `latest`.
    ///
    /// The last letter of "stop" is a silence and a faint burst behind it.
    pub(crate) fn fade_out(&self, end: usize, latest: usize) -> usize {
        let latest = latest.min(self.range.end).min(end + LONGEST_FADE);
        (end..latest).rev().find(|at| self.fades(*at)).map_or(end, |last| last + 1)
    }

    fn fades(&self, at: usize) -> bool {
        self.levels.get(at).is_some_and(|level| *level >= self.fade)
    }
}

/// The level that so many of a hundred are below.
fn percentile(levels: &[f32], share: usize) -> f32 {
    let mut sorted = levels.to_vec();
    sorted.sort_unstable_by(f32::total_cmp);
    sorted.get(sorted.len().saturating_sub(1) * share / 100).copied().unwrap_or(-100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many hundredths of a second of sound, or of next to nothing.
    fn piece(parts: &[(bool, usize)]) -> Vec<i16> {
        let part = |(loud, count): &(bool, usize)| {
            let size = if *loud { 8000 } else { 2 };
            (0..count * 160).map(move |at| if at % 20 < 10 { size } else { -size })
        };
        parts.iter().flat_map(part).collect()
    }

    #[test]
    fn sound_is_told_from_silence() {
        let piece = piece(&[(false, 20), (true, 30), (false, 25), (true, 10), (false, 5)]);
        let envelope = Envelope::new(&piece);
        let sound = envelope.sound(0..90);
        let expect: Vec<usize> = (20..50).chain(75..85).collect();
        // A step that sound reaches half way into may count.
        let off = |at: &usize| expect.contains(at) || [19, 50, 74, 85].contains(at);
        assert!(sound.steps.iter().all(off) && sound.steps.len() >= expect.len(), "{sound:?}");
        assert!(sound.closeness(35) > 0.9 && sound.closeness(60) > 0.9, "both are level");
        assert_eq!(envelope.sound(400..500).steps, Vec::<usize>::new());
    }

    #[test]
    fn a_boundary_is_quieter_than_what_is_around_it() {
        let mut piece = piece(&[(true, 60)]);
        for sample in &mut piece[30 * 160..33 * 160] {
            *sample /= 10;
        }
        let envelope = Envelope::new(&piece);
        let sound = envelope.sound(0..60);
        let found = (0..60).min_by(|a, b| sound.closeness(*a).total_cmp(&sound.closeness(*b)));
        assert!(found.is_some_and(|found| found.abs_diff(31) <= 1), "{found:?}");
        assert!(sound.closeness(31) <= 0.0 && sound.closeness(10) > 0.9);
    }

    #[test]
    fn noise_without_words_is_all_sound() {
        assert_eq!(Envelope::new(&piece(&[(true, 50)])).sound(0..50).steps.len(), 50);
        assert_eq!(Envelope::new(&[]).sound(0..9).steps.len(), 0);
    }
}
