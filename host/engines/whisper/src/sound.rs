//! Units: samples, frames and milliseconds.

use engine_protocol::SAMPLE_RATE;

/// Samples in a frame, the step in which speech is looked for; silero's own.
pub(crate) const FRAME: u64 = 512;

/// Samples in a number of milliseconds.
pub(crate) const fn samples(ms: u64) -> u64 {
    ms * (SAMPLE_RATE as u64) / 1000
}

/// The milliseconds at a place, rounded to the nearest.
pub(crate) fn ms(place: u64) -> u32 {
    let rate = u64::from(SAMPLE_RATE);
    u32::try_from((place * 1000 + rate / 2) / rate).unwrap_or(u32::MAX)
}
