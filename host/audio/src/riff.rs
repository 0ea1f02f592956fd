//! Wav files as they are met: headers of streams that were never finished, sizes that are wrong,
//! sizes of 64 bits.
//!
//! The library takes a header at its word and refuses many of these. So a clean header is put in
//! front of the samples, which stay where they are.

use std::io::{self, Read, Seek, SeekFrom};

use crate::spool::Recording;

/// Chunks that are looked at in front of the samples.
const CHUNKS: usize = 256;
/// Bytes of the description of the samples that matter.
const FORMAT_BYTES: u64 = 4_096;

/// A claim as great as this stands for a length that was not known yet.
const ENDLESS: u64 = 0x7fff_0000;

/// What a wav file holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wav {
    /// Samples, possibly none.
    Samples(Samples),
    /// Its beginning alone: it ends before its samples.
    Cut,
    /// Nothing that makes sense here.
    Senseless,
}

/// Where the samples lie, and the header that belongs in front of them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Samples {
    pub(crate) header: Vec<u8>,
    pub(crate) start: u64,
    pub(crate) bytes: u64,
}

/// Finds the samples of a wav file. The recording is left at its beginning.
pub(crate) fn find(recording: &mut Recording) -> io::Result<Wav> {
    let found = match search(recording) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(Wav::Cut),
        other => other,
    };
    recording.rewind()?;
    found
}

fn search(recording: &mut Recording) -> io::Result<Wav> {
    let end = recording.len();
    let mut format = None;
    let mut samples_before = false;
    let mut at = 12;
    for _ in 0..CHUNKS {
        recording.seek(SeekFrom::Start(at))?;
        let [k0, k1, k2, k3, s0, s1, s2, s3] = array(recording)?;
        let claim = u64::from(u32::from_le_bytes([s0, s1, s2, s3]));
        at += 8;
        let left = end.saturating_sub(at);
        match (&[k0, k1, k2, k3], format.take()) {
            (b"fmt ", _) => {
                let mut bytes = Vec::new();
                recording.take(claim.min(FORMAT_BYTES)).read_to_end(&mut bytes)?;
                if claim > left {
                    return Ok(Wav::Cut);
                }
                format = normal(bytes);
                if format.is_none() {
                    return Ok(Wav::Senseless);
                }
            }
            (b"data", Some(_)) if left == 0 && (1..ENDLESS).contains(&claim) => {
                return Ok(Wav::Cut);
            }
            (b"data", Some(format)) => {
                let bytes = if claim == 0 && !is_chunk(recording)? { left } else { claim };
                let bytes = bytes.min(left);
                return Ok(Wav::Samples(Samples {
                    header: header(&format, bytes),
                    start: at,
                    bytes,
                }));
            }
            (name, before) => {
                samples_before |= name == b"data";
                format = before;
            }
        }
        // Chunks begin at even places.
        at = at.saturating_add(claim).saturating_add(claim % 2);
        if at >= end {
            return Ok(if samples_before { Wav::Senseless } else { Wav::Cut });
        }
    }
    Ok(Wav::Senseless)
}

/// Whether a chunk begins here, and no samples.
fn is_chunk(recording: &mut Recording) -> io::Result<bool> {
    const KNOWN: [&[u8; 4]; 7] = [b"LIST", b"id3 ", b"ID3 ", b"bext", b"cue ", b"smpl", b"fact"];
    let mut name = Vec::new();
    recording.take(4).read_to_end(&mut name)?;
    Ok(name.is_empty() || KNOWN.iter().any(|known| known[..] == name[..]))
}

/// The description of the samples, of the length that belongs to their kind.
fn normal(mut format: Vec<u8>) -> Option<Vec<u8>> {
    let &[t0, t1, ..] = format.as_slice() else { return None };
    if format.len() < 16 {
        return None;
    }
    match u16::from_le_bytes([t0, t1]) {
        // Plain numbers need nothing more.
        1 | 3 => format.truncate(16),
        // The laws of telephones have an extension, which is empty.
        6 | 7 => {
            format.truncate(16);
            format.extend([0, 0]);
        }
        _ => {}
    }
    Some(format)
}

fn header(format: &[u8], bytes: u64) -> Vec<u8> {
    let size = |bytes: u64| u32::try_from(bytes).unwrap_or(u32::MAX).to_le_bytes();
    let described = format.len() as u64;
    let mut out = b"RIFF".to_vec();
    // The name of the form, two heads of chunks, and what is in them.
    out.extend(size(bytes.saturating_add(described + described % 2 + 20)));
    out.extend(b"WAVEfmt ");
    out.extend(size(described));
    out.extend(format);
    if format.len() % 2 == 1 {
        out.push(0);
    }
    out.extend(b"data");
    out.extend(size(bytes));
    out
}

fn array<const N: usize>(recording: &mut Recording) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    recording.read_exact(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(name: &str, claim: u32, inside: &[u8]) -> Vec<u8> {
        [name.as_bytes(), &claim.to_le_bytes(), inside].concat()
    }

    fn format(tag: u8, length: u32) -> Vec<u8> {
        let mut inside = vec![tag, 0, 1, 0];
        inside.resize(length as usize, 0);
        chunk("fmt ", length, &inside)
    }

    fn found(chunks: &[Vec<u8>]) -> Wav {
        let bytes = [b"RIFF\0\0\0\0WAVE".to_vec(), chunks.concat()].concat();
        find(&mut Recording::from_bytes(bytes)).unwrap()
    }

    #[track_caller]
    fn check(chunks: &[Vec<u8>], expect: (u64, u64, usize)) {
        let Wav::Samples(found) = found(chunks) else { panic!("{chunks:?} holds no samples") };
        assert_eq!((found.start, found.bytes, found.header.len()), expect);
    }

    #[test]
    fn samples_are_found() {
        let plain = format(1, 16);
        check(&[plain.clone(), chunk("data", 6, b"sample")], (44, 6, 44));
        check(&[plain.clone(), chunk("data", 4, b"sample")], (44, 4, 44));
        check(&[plain.clone(), chunk("data", 0, b"sample")], (44, 6, 44));
        check(&[plain.clone(), chunk("data", 0, b"LIST....")], (44, 0, 44));
        check(&[plain.clone(), chunk("data", 0, b"")], (44, 0, 44));
        check(&[plain.clone(), chunk("data", u32::MAX, b"")], (44, 0, 44));
        check(&[plain.clone(), chunk("data", u32::MAX, b"sample")], (44, 6, 44));
        check(&[format(7, 16), chunk("data", 6, b"sample")], (44, 6, 46));
        check(&[format(1, 40), chunk("data", 6, b"sample")], (68, 6, 44));
        check(&[format(17, 20), chunk("data", 6, b"sample")], (48, 6, 48));
        let list = chunk("LIST", 3, b"abc\0");
        check(&[list, plain, chunk("data", 6, b"sample")], (56, 6, 44));
    }

    #[test]
    fn beginnings_alone_are_told_from_nonsense() {
        let plain = format(1, 16);
        assert_eq!(found(&[]), Wav::Cut);
        assert_eq!(found(std::slice::from_ref(&plain)), Wav::Cut);
        assert_eq!(found(&[plain[..12].to_vec()]), Wav::Cut);
        assert_eq!(found(&[plain.clone(), b"dat".to_vec()]), Wav::Cut);
        assert_eq!(found(&[plain.clone(), chunk("data", 6, b"")]), Wav::Cut);
        assert_eq!(found(&[plain.clone(), chunk("LIST", u32::MAX, b"abc")]), Wav::Cut);
        assert_eq!(found(&[chunk("data", 6, b"sample"), plain]), Wav::Senseless);
        assert_eq!(found(&[format(1, 15), chunk("data", 6, b"sample")]), Wav::Senseless);
    }
}
