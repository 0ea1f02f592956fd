//! From stretches of speech to pieces that are decoded at once.
//!
//! The encoder costs the same for one second as for thirty, so pieces are filled as far as pauses
//! let them be. They end at the longest pause that keeps them reasonably full.

use std::ops::Range;

use crate::piece::Piece;
use crate::sound::samples;

/// The longest piece; whisper sees thirty seconds at once.
pub(crate) const LONGEST: u64 = samples(29_000);
/// A piece that ends at a pause is at least this full, where a pause is that can be heard,
const FULL: u64 = samples(20_000);
const AUDIBLE: u64 = samples(500);
/// and this full where a choice is at all.
const HALF_FULL: u64 = samples(12_000);
/// A pause that ends a piece once it spans a window of the recording: it costs no more windows than
/// there are without pieces.
const BREAK: u64 = samples(2_000);
const SPAN: u64 = samples(30_000);

/// A pause that always ends a piece where the encoder is light: filling pieces saves little there,
/// and small models lose their way in windows that hold more than they were trained on.
const LIGHT_BREAK: u64 = samples(300);

/// Gathers stretches into pieces.
#[derive(Debug, Default)]
pub(crate) struct Cutter {
    /// Whether a piece costs little besides its length.
    light: bool,
    /// The stretches of the piece that is growing.
    growing: Vec<Range<u64>>,
    /// Where the speech before it ends.
    before: u64,
    pieces: u64,
    out: Vec<Piece>,
}

impl Cutter {
    /// A cutter for a model whose encoder is light, or is not.
    pub(crate) fn new(light: bool) -> Self {
        Self { light, ..Self::default() }
    }

    /// Takes the next stretch, which is no longer than a piece.
    pub(crate) fn push(&mut self, stretch: Range<u64>) {
        self.pause(stretch.start);
        self.growing.push(stretch);
        while self.growing.len() > 1 && self.length(self.growing.len()) > LONGEST {
            let count = self.best_cut();
            self.emit(count);
        }
    }

    /// There is no speech from the last stretch to here.
    pub(crate) fn pause(&mut self, until: u64) {
        let (Some(first), Some(last)) = (self.growing.first(), self.growing.last()) else { return };
        let (pause, span) = (until.saturating_sub(last.end), until.saturating_sub(first.start));
        let ends = if self.light { pause >= LIGHT_BREAK } else { pause >= BREAK && span >= SPAN };
        if ends {
            self.emit_before(self.growing.len(), until);
        }
    }

    /// The recording ends here.
    ///
    /// Where all of it is one piece, exact times matter more than the cost of another piece, so each
    /// long pause ends one.
    pub(crate) fn finish(&mut self, end: u64) {
        let whole = self.pieces == 0;
        while let Some(last) = self.growing.len().checked_sub(1) {
            let long = |pair: &[Range<u64>]| match pair {
                [before, after] => after.start.saturating_sub(before.end) >= BREAK,
                _ => false,
            };
            match self.growing.windows(2).position(long).filter(|_| whole) {
                Some(at) => self.emit(at + 1),
                None => self.emit_before(last + 1, end),
            }
        }
    }

    /// The pieces that are complete.
    pub(crate) fn take(&mut self) -> Vec<Piece> {
        std::mem::take(&mut self.out)
    }

    /// Nothing before this place belongs to a piece that is still to come out, but for the silence
    /// around it.
    pub(crate) fn settled(&self) -> Option<u64> {
        self.growing.first().map(|first| first.start)
    }

    /// How long a piece of the first `count` stretches would be.
    fn length(&self, count: usize) -> u64 {
        let speech = self.growing.get(..count).unwrap_or_default().to_vec();
        let after = self.growing.get(count).map_or(u64::MAX, |next| next.start);
        Piece::new(0, speech, self.before, after).length()
    }

    /// How many stretches the next piece takes: up to the longest pause that leaves it full enough.
    fn best_cut(&self) -> usize {
        let pause = |count: &usize| -> u64 {
            match self.growing.get(count - 1..=*count) {
                Some([before, after]) => after.start.saturating_sub(before.end),
                _ => 0,
            }
        };
        let most = self.growing.len() - 1;
        let fits = || (1..=most).filter(|count| self.length(*count) <= LONGEST);
        let full = fits().filter(|count| self.length(*count) >= FULL && pause(count) >= AUDIBLE);
        let half = || fits().filter(|count| self.length(*count) >= HALF_FULL).max_by_key(pause);
        full.max_by_key(pause).or_else(half).unwrap_or(most).max(1)
    }

    fn emit(&mut self, count: usize) {
        let after = self.growing.get(count).map_or(u64::MAX, |next| next.start);
        self.emit_before(count, after);
    }

    fn emit_before(&mut self, count: usize, after: u64) {
        let rest = self.growing.split_off(count.min(self.growing.len()));
        let speech = std::mem::replace(&mut self.growing, rest);
        let end = speech.last().map_or(self.before, |last| last.end);
        self.out.push(Piece::new(self.pieces, speech, self.before, after));
        self.pieces += 1;
        self.before = end;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: u64 = samples(1000);

    fn run(speech: &[Range<u64>], end: u64) -> Vec<Piece> {
        let mut cutter = Cutter::default();
        for stretch in speech {
            cutter.push(stretch.clone());
        }
        cutter.finish(end);
        cutter.take()
    }

    /// Pieces of stretches given in tenths of a second, as the tenths that they begin and end at.
    #[track_caller]
    fn check(tenths: &[(u64, u64)], expect: &[(u64, u64)]) {
        let tenth = SECOND / 10;
        let speech: Vec<_> = tenths.iter().map(|(from, to)| from * tenth..to * tenth).collect();
        let end = tenths.last().map_or(0, |last| last.1 + 50) * tenth;
        let found: Vec<_> =
            run(&speech, end).iter().map(|p| (p.start() / tenth, p.end() / tenth)).collect();
        assert_eq!(found, expect);
    }

    #[test]
    fn pieces() {
        check(&[], &[]);
        check(&[(10, 30)], &[(8, 32)]);
        // In a short recording, a pause of a second does not end a piece, one of two seconds does.
        check(&[(10, 30), (40, 60)], &[(8, 62)]);
        check(&[(10, 30), (50, 60)], &[(8, 32), (48, 62)]);
        check(&[(10, 30), (50, 60), (62, 70), (90, 99)], &[(8, 32), (48, 72), (88, 101)]);
        // The longest pause that leaves a piece full enough ends it.
        check(&[(0, 90), (95, 170), (185, 250), (255, 320)], &[(0, 252), (253, 322)]);
        check(&[(0, 90), (95, 170), (185, 250), (252, 320)], &[(0, 172), (183, 322)]);
        // In a long one, pauses are left out until a piece spans half a minute.
        check(&[(0, 100), (140, 190), (240, 290), (340, 390)], &[(0, 292), (338, 392)]);
        check(&[(0, 30), (150, 180), (320, 350), (470, 500)], &[(0, 182), (318, 502)]);
    }

    #[test]
    fn a_light_encoder_gets_a_piece_for_each_passage() {
        let mut cutter = Cutter::new(true);
        for stretch in [0..SECOND, SECOND * 12 / 10..2 * SECOND, 3 * SECOND..4 * SECOND] {
            cutter.push(stretch);
        }
        cutter.finish(5 * SECOND);
        let starts: Vec<_> = cutter.take().iter().map(|piece| piece.start() / SECOND).collect();
        assert_eq!(starts, [0, 2], "a fifth of a second is no pause, a whole one is");
    }

    #[test]
    fn a_pause_ends_a_piece_before_the_next_one_begins() {
        let mut cutter = Cutter::default();
        cutter.push(0..SECOND);
        cutter.pause(29 * SECOND);
        assert_eq!(cutter.take(), []);
        assert_eq!(cutter.settled(), Some(0));
        cutter.pause(30 * SECOND);
        assert_eq!(cutter.take().len(), 1);
        assert_eq!(cutter.settled(), None);
    }

    proptest! {
        #[test]
        fn pieces_cover_all_speech_in_order_and_are_never_too_long(
            pauses in prop::collection::vec((0_u64..200_000, 1_u64..440_000), 0..40),
        ) {
            let mut speech = Vec::new();
            let mut place = 0;
            for (pause, length) in pauses {
                place += pause;
                speech.push(place..place + length);
                place += length;
            }
            let pieces = run(&speech, place);
            let mut end = 0;
            for (index, piece) in (0..).zip(&pieces) {
                prop_assert_eq!(piece.index, index);
                prop_assert!(piece.length() <= LONGEST, "{}", piece.length());
                prop_assert!(piece.start() >= end);
                for part in piece.parts() {
                    prop_assert!(part.start >= end && part.end > part.start);
                    end = part.end;
                }
            }
            for stretch in &speech {
                let covering = pieces.iter().flat_map(Piece::parts)
                    .filter(|part| part.start <= stretch.start && stretch.end <= part.end);
                prop_assert_eq!(covering.count(), 1, "{:?}", stretch);
            }
        }
    }
}
