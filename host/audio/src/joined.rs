//! Flac files that were put one behind the other, as `cat` does: one recording.
//!
//! The library reads what follows the first file as more of it, which gives noise or nothing.

use std::{
    collections::VecDeque,
    io::{self, Read as _, Seek as _},
};

use crate::{
    Limits,
    container::Container,
    decoder::{Block, Hint, Step, Track},
    error::{AudioError, Result},
    sniff::Kind,
    spool::Recording,
};

/// How a file begins: its name, and the head of the description of the sound, which is 34 bytes
/// long and may be the last block of its kind. The rest is never found in sound by chance.
const NAME: &[u8; 4] = b"fLaC";
const HEAD: usize = 8;
/// Bytes that are looked through at once.
const STEP: usize = 256 << 10;
/// More files than this are no recording; what is behind them is left out.
const MOST: usize = 10_000;

/// Files that are heard one after the other.
pub(crate) struct Joined {
    current: Container,
    rest: VecDeque<Recording>,
    kind: Kind,
    hint: Hint,
    limits: Limits,
}

impl Joined {
    pub(crate) fn open(
        mut recording: Recording,
        kind: Kind,
        hint: Hint,
        limits: &Limits,
    ) -> Result<Self> {
        let begins = begins(&mut recording).map_err(AudioError::Io)?;
        let ends = begins.iter().skip(1).copied().chain([recording.len()]);
        let part = |(begin, end): (u64, u64)| {
            recording.clone().reframed(Vec::new(), begin, end.saturating_sub(begin))
        };
        let mut rest: VecDeque<Recording> = begins.iter().copied().zip(ends).map(part).collect();
        let first = rest.pop_front().unwrap_or(recording);
        let current = Container::open(first, kind, hint.clone(), limits)?;
        Ok(Self { current, rest, kind, hint, limits: limits.clone() })
    }
}

impl Track for Joined {
    fn format(&self) -> String {
        self.current.format()
    }

    fn duration(&self) -> Option<f64> {
        // The first file knows nothing of the others.
        self.current.duration().filter(|_| self.rest.is_empty())
    }

    fn next(&mut self, block: &mut Block) -> Result<Step> {
        let step = self.current.next(block)?;
        if !matches!(step, Step::End | Step::Cut(_)) {
            return Ok(step);
        }
        let Some(next) = self.rest.pop_front() else { return Ok(step) };
        match Container::open(next, self.kind, self.hint.clone(), &self.limits) {
            Ok(next) => self.current = next,
            Err(error) if error.is_clients_fault() => return Ok(Step::Cut(error.to_string())),
            Err(error) => return Err(error),
        }
        Ok(if matches!(step, Step::Cut(_)) { Step::Damaged } else { Step::Nothing })
    }
}

/// The places where files begin; the recording is left at its beginning.
fn begins(recording: &mut Recording) -> io::Result<Vec<u64>> {
    let mut found = vec![0];
    let mut window = Vec::with_capacity(STEP + HEAD);
    let mut place = 0;
    loop {
        let read = recording.by_ref().take(STEP as u64).read_to_end(&mut window)?;
        for (at, head) in window.windows(HEAD).enumerate() {
            let begins = head.starts_with(NAME) && matches!(head, [.., 0 | 0x80, 0, 0, 34]);
            let at = place + at as u64;
            if begins && at > 0 && found.len() < MOST {
                found.push(at);
            }
        }
        if read < STEP {
            break;
        }
        let done = window.len().saturating_sub(HEAD - 1);
        window.drain(..done);
        place += done as u64;
    }
    recording.rewind()?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginnings_are_found_wherever_they_lie() {
        for place in [8, 9, STEP - 8, STEP - 7, STEP - 1, STEP, STEP + 1, 2 * STEP - 3] {
            let mut bytes = vec![0; 3 * STEP];
            bytes[..8].copy_from_slice(b"fLaC\0\0\0\x22");
            bytes[place..place + 8].copy_from_slice(b"fLaC\x80\0\0\x22");
            bytes.extend(b"fLaC\0\0\0\x23");
            let found = begins(&mut Recording::from_bytes(bytes)).unwrap();
            assert_eq!(found, [0, place as u64]);
        }
    }
}
