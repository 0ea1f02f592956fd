//! The samples of a recording that are still needed.

use std::collections::VecDeque;

/// Samples in a block, one second of sound; blocks are given back one by one.
const BLOCK: usize = 16_000;

/// A window onto a recording: samples come in at its end and go at its beginning.
///
/// Samples are kept as they came, two bytes each, and places are counted from the beginning of the
/// recording, whatever has been let go.
#[derive(Debug, Default)]
pub(crate) struct Tape {
    blocks: VecDeque<Vec<i16>>,
    /// The place of the first block's first sample.
    base: u64,
    /// The place after the last sample.
    end: u64,
}

impl Tape {
    /// The place after the last sample.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// Bytes of memory in use.
    pub(crate) fn bytes(&self) -> u64 {
        self.end.saturating_sub(self.base) * 2
    }

    /// Appends samples, each two bytes, the low one first; an odd byte at the end is left out.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let (samples, _) = bytes.as_chunks::<2>();
        for sample in samples {
            if self.blocks.back().is_none_or(|block| block.len() == BLOCK) {
                self.blocks.push_back(Vec::with_capacity(BLOCK));
            }
            if let Some(block) = self.blocks.back_mut() {
                block.push(i16::from_le_bytes(*sample));
            }
            self.end += 1;
        }
    }

    /// Lets go of everything before a place, in whole blocks.
    pub(crate) fn forget(&mut self, before: u64) {
        let size = BLOCK as u64;
        while self.base + size <= before.min(self.end) && self.blocks.pop_front().is_some() {
            self.base += size;
        }
    }

    /// Appends the samples of a range to `into`; those that are gone are silence.
    pub(crate) fn copy(&self, range: std::ops::Range<u64>, into: &mut Vec<i16>) {
        let missing = self.base.min(range.end).saturating_sub(range.start);
        into.resize(into.len() + index(missing), 0);
        let mut place = range.start.max(self.base);
        let end = range.end.min(self.end);
        while place < end {
            let offset = index(place - self.base);
            let Some(block) = self.blocks.get(offset / BLOCK) else { return };
            let from = offset % BLOCK;
            let count = (block.len().saturating_sub(from)).min(index(end - place));
            let Some(part) = block.get(from..from + count) else { return };
            if part.is_empty() {
                return;
            }
            into.extend_from_slice(part);
            place += count as u64;
        }
    }
}

/// A distance between places as an index; recordings are far shorter than memory.
fn index(samples: u64) -> usize {
    usize::try_from(samples).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes(range: std::ops::Range<i16>) -> Vec<u8> {
        range.flat_map(i16::to_le_bytes).collect()
    }

    #[test]
    fn an_odd_byte_is_left_out() {
        let mut tape = Tape::default();
        tape.push(&[1, 0, 2]);
        assert_eq!(tape.end(), 1);
    }

    #[test]
    fn what_is_let_go_is_given_back() {
        let mut tape = Tape::default();
        for _ in 0..10 {
            tape.push(&bytes(0..16_000));
        }
        assert_eq!(tape.bytes(), 320_000);
        tape.forget(40_000);
        assert_eq!(tape.bytes(), 256_000);
        tape.forget(u64::MAX);
        assert_eq!((tape.bytes(), tape.end()), (0, 160_000));
    }

    fn value(place: usize) -> i16 {
        i16::try_from(place % 30_011 + 1).unwrap()
    }

    proptest! {
        #[test]
        fn a_range_is_what_was_pushed(
            pieces in prop::collection::vec(0_usize..40_000, 1..5),
            forget in 0_u64..60_000,
            from in 0_u64..100_000,
            length in 0_u64..50_000,
        ) {
            let mut tape = Tape::default();
            let mut all: Vec<i16> = Vec::new();
            for size in pieces {
                let samples: Vec<i16> =
                    (all.len()..all.len() + size).map(value).collect();
                tape.push(&samples.iter().flat_map(|s| s.to_le_bytes()).collect::<Vec<u8>>());
                all.extend(samples);
            }
            tape.forget(forget);
            prop_assert_eq!(tape.end(), all.len() as u64);
            let from = from.min(tape.end());
            let to = (from + length).min(tape.end());
            let mut found = Vec::new();
            tape.copy(from..to, &mut found);
            let expect = &all[index(from)..index(to)];
            prop_assert_eq!(found.len(), expect.len());
            for (place, (found, expect)) in (from..).zip(found.iter().zip(expect)) {
                prop_assert!(found == expect || *found == 0 && place < forget);
            }
        }
    }
}
