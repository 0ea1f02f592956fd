//! A part of a recording that is decoded at once, and where its times lie.

use std::ops::Range;

use crate::sound::{ms, samples};

/// The silence that is left around speech, where there is as much.
pub(crate) const PAD: u64 = samples(200);
/// Silence in the middle of a pause is left out where it is longer than this.
const KEPT: u64 = samples(600);
/// A segment's time this close to where speech begins or ends is that very place.
const SNAP: u64 = samples(250);

/// What is decoded at once: stretches of speech with some silence around them.
///
/// Long pauses are left out, so a place in the piece is not a place in the recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Its number within the recording, from 0.
    pub(crate) index: u64,
    /// The parts of the recording that it is made of, in order.
    parts: Vec<Range<u64>>,
    /// Where there is speech.
    speech: Vec<Range<u64>>,
}

impl Piece {
    /// A piece of stretches in order, between the speech that ends at `before` and what begins at
    /// `after`.
    pub(crate) fn new(index: u64, speech: Vec<Range<u64>>, before: u64, after: u64) -> Self {
        let mut parts: Vec<Range<u64>> = Vec::with_capacity(speech.len());
        let mut end = before;
        for (at, stretch) in speech.iter().enumerate() {
            let next = speech.get(at + 1).map_or(after, |next| next.start);
            // A pause is shared by what is before and after it.
            let lead = stretch.start.saturating_sub(end);
            let lead = if end == 0 { lead.min(PAD) } else { (lead / 2).min(PAD) };
            let tail = (next.saturating_sub(stretch.end) / 2).min(PAD);
            let part = stretch.start - lead..stretch.end + tail;
            match parts.last_mut() {
                Some(last) if part.start.saturating_sub(last.end) <= KEPT => last.end = part.end,
                _ => parts.push(part),
            }
            end = stretch.end;
        }
        Self { index, parts, speech }
    }

    /// The samples that it has.
    pub(crate) fn length(&self) -> u64 {
        self.parts.iter().map(|part| part.end - part.start).sum()
    }

    /// The parts of the recording that it is made of, in order.
    pub(crate) fn parts(&self) -> &[Range<u64>] {
        &self.parts
    }

    /// Where it begins in the recording.
    pub(crate) fn start(&self) -> u64 {
        self.parts.first().map_or(0, |part| part.start)
    }

    /// Where it ends in the recording.
    pub(crate) fn end(&self) -> u64 {
        self.parts.last().map_or(0, |part| part.end)
    }

    /// The time in the recording of a place in the piece, in milliseconds.
    pub(crate) fn time(&self, place: u64) -> u32 {
        ms(self.find(place, false))
    }

    /// The time at which something begins that begins at a place in the piece.
    ///
    /// The silence before a pause that was left out is not where anything begins.
    pub(crate) fn start_time(&self, place: u64) -> u32 {
        let mut found = self.find(place, false);
        let next = self.parts.windows(2).find_map(|pair| match pair {
            [part, next] if found <= part.end && found + PAD >= part.end => Some(next.start),
            _ => None,
        });
        if let Some(next) = next {
            found = next;
        }
        ms(nearest(found, SNAP, self.speech.iter().map(|stretch| stretch.start)))
    }

    /// The time at which something ends that ends at a place in the piece.
    pub(crate) fn end_time(&self, place: u64) -> u32 {
        let mut found = self.find(place, true);
        let before = self.parts.windows(2).find_map(|pair| match pair {
            [before, part] if found >= part.start && found <= part.start + PAD => Some(before.end),
            _ => None,
        });
        if let Some(before) = before {
            found = before;
        }
        ms(nearest(found, SNAP, self.speech.iter().map(|stretch| stretch.end)))
    }

    /// The time of a place where something is heard to begin.
    pub(crate) fn begins(&self, place: u64) -> u32 {
        ms(self.find(place, false))
    }

    /// The time of a place where something is heard to end.
    pub(crate) fn ends(&self, place: u64) -> u32 {
        ms(self.find(place, true))
    }

    /// The place in the recording of one in the piece; at a seam, the part before or after it.
    fn find(&self, place: u64, before: bool) -> u64 {
        let mut left = place;
        for part in &self.parts {
            let length = part.end - part.start;
            if left < length || (before && left == length) {
                return part.start + left;
            }
            left -= length;
        }
        self.end()
    }
}

/// The place itself, or one of `marks` that is close to it.
fn nearest(place: u64, snap: u64, marks: impl Iterator<Item = u64>) -> u64 {
    let nearest = marks.min_by_key(|mark| mark.abs_diff(place));
    nearest.filter(|mark| mark.abs_diff(place) <= snap).unwrap_or(place)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: u64 = samples(1000);

    /// Speech from 1 to 3 s, 3.5 to 5 s and 15 to 16 s of a recording of 20 s.
    fn piece() -> Piece {
        let second = |from: u64, to: u64| from * SECOND / 10..to * SECOND / 10;
        Piece::new(0, vec![second(10, 30), second(35, 50), second(150, 160)], 0, 20 * SECOND)
    }

    #[track_caller]
    fn check(tenths: u64, start: u32, end: u32) {
        let place = tenths * SECOND / 10;
        let piece = piece();
        assert_eq!((piece.start_time(place), piece.end_time(place)), (start, end), "{tenths}");
    }

    #[test]
    fn only_the_long_pause_is_left_out() {
        let piece = piece();
        let tenths: Vec<_> =
            piece.parts().iter().map(|p| (p.start * 10 / SECOND, p.end * 10 / SECOND)).collect();
        assert_eq!(tenths, [(8, 52), (148, 162)]);
        assert_eq!(piece.length() * 10 / SECOND, 58);
        assert_eq!((piece.time(0), piece.time(SECOND)), (800, 1800));
    }

    #[test]
    fn times_lie_in_the_recording() {
        check(15, 2300, 2300);
        check(51, 15_500, 15_500);
        // Near where speech begins or ends.
        check(1, 1000, 900);
        check(23, 3100, 3000);
        // In the silence around the pause that was left out.
        check(43, 15_000, 5000);
        check(45, 15_000, 5000);
        // Past the end.
        check(990, 16_200, 16_000);
    }

    proptest! {
        #[test]
        fn times_never_go_back_and_stay_inside(
            pauses in prop::collection::vec((1_u64..80_000, 1_u64..60_000), 1..8),
            a in 0_u64..600_000,
            b in 0_u64..600_000,
        ) {
            let mut speech = Vec::new();
            let mut place = 0;
            for (pause, length) in pauses {
                place += pause;
                speech.push(place..place + length);
                place += length;
            }
            let piece = Piece::new(0, speech.clone(), 0, place + 9);
            for stretch in &speech {
                prop_assert!(piece.parts().iter().any(|p| p.start <= stretch.start && stretch.end <= p.end));
            }
            let (a, b) = (a.min(b), a.max(b));
            prop_assert!(piece.time(a) <= piece.time(b));
            for time in [piece.start_time(a), piece.end_time(b)] {
                prop_assert!(time >= ms(piece.start()) && time <= ms(piece.end()));
            }
        }
    }
}
