//! Sound to transcribe.

use std::fs;
use std::path::Path;

/// Samples in a second.
const RATE: f64 = 16_000.0;

/// Silence.
pub(crate) fn silence(seconds: f64) -> Vec<i16> {
    vec![0; (seconds * RATE) as usize]
}

/// A sound that rises and falls like speech does.
pub(crate) fn tone(seconds: f64, pitch: f64) -> Vec<i16> {
    let sample = |at: usize| {
        let time = at as f64 / RATE;
        let turn = std::f64::consts::TAU * time;
        let loudness = 0.55 + 0.45 * (turn * 5.0).sin();
        ((turn * pitch).sin() * loudness * 9000.0) as i16
    };
    (0..(seconds * RATE) as usize).map(sample).collect()
}

/// One after the other.
pub(crate) fn join(parts: &[Vec<i16>]) -> Vec<i16> {
    parts.concat()
}

/// The bytes that the protocol carries.
pub(crate) fn pcm(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

/// The samples of a file of 16 kHz and one channel.
pub(crate) fn read_wav(path: &Path) -> Vec<i16> {
    let bytes = fs::read(path).unwrap();
    let at = bytes.windows(4).position(|four| four == b"data").unwrap() + 8;
    bytes[at..].chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
}
