//! Recordings of every format, whole and broken, and what they cost.

#![cfg(test)]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "the numbers of the tests are small"
)]

mod files;
mod memory;
mod properties;
mod real;
mod refusals;
mod signal;
mod wav;

use audio::{AudioError, Decoder, Hint, Limits, Recording, SAMPLE_RATE};

/// Opens bytes as they would be uploaded.
fn open(bytes: &[u8]) -> Result<Decoder, AudioError> {
    audio::decode(Recording::from_bytes(bytes.to_vec()), Hint::default(), &Limits::default())
}

/// All samples of a recording, fetched in pieces of at most `max` bytes.
fn samples_by(bytes: &[u8], max: usize) -> Result<Vec<i16>, AudioError> {
    let mut decoder = open(bytes)?;
    let mut all = Vec::new();
    while let Some(piece) = decoder.next(max)? {
        assert!(!piece.is_empty() && piece.len() <= max.max(2) && piece.len() % 2 == 0);
        all.extend(piece.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])));
    }
    assert!((decoder.seconds() - all.len() as f64 / f64::from(SAMPLE_RATE)).abs() < 1e-9);
    assert_eq!(decoder.next(max)?, None, "the end is the end");
    Ok(all)
}

fn samples(bytes: &[u8]) -> Result<Vec<i16>, AudioError> {
    samples_by(bytes, 1 << 20)
}

/// How alike two sounds are, from -1 to 1, and by how many samples the first one is late.
fn likeness(found: &[i16], expected: &[f32]) -> (f64, i64) {
    const FARTHEST: i64 = 1_200;
    let mut best = (-1.0, 0);
    // Coarsely first: the sound below is smooth enough that no peak is missed.
    let mut try_all = |lags: &mut dyn Iterator<Item = i64>| {
        for lag in lags {
            let found = &found[lag.max(0) as usize..];
            let expected = &expected[(-lag).max(0) as usize..];
            let (mut both, mut one, mut other) = (0.0, 1e-9, 1e-9);
            for (&a, &b) in found.iter().zip(expected) {
                let (a, b) = (f64::from(a), f64::from(b));
                both += a * b;
                one += a * a;
                other += b * b;
            }
            let likeness = both / (one * other).sqrt();
            if likeness > best.0 {
                best = (likeness, lag);
            }
        }
        best.1
    };
    let farthest = FARTHEST.min(found.len() as i64 - 1);
    let near = try_all(&mut (-farthest..=farthest).step_by(3));
    try_all(&mut (near - 3..=near + 3));
    best
}
