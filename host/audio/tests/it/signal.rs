//! The sound that all tests use, at any rate, and wav files made of it.

use std::f64::consts::TAU;

/// The length of [`signal`] in seconds.
pub(crate) const SECONDS: f64 = 2.0;

/// A tone that rises from 200 to 2200 Hz within 1.2 s, a pause, and a steady tone of 1000 Hz from
/// 1.5 s on; so a shift in time shows.
pub(crate) fn signal(rate: u32) -> Vec<f32> {
    let rate = f64::from(rate);
    let frames = (SECONDS * rate).round() as usize;
    let value = |at: usize| {
        let time = at as f64 / rate;
        let fade = |from: f64, to: f64| ((time - from).min(to - time) / 0.02).clamp(0.0, 1.0);
        let rising = (TAU * (200.0 * time + 1000.0 * time * time / 1.2)).sin() * fade(0.0, 1.2);
        let steady = (TAU * 1000.0 * time).sin() * fade(1.5, SECONDS);
        (0.5 * (rising + steady)) as f32
    };
    (0..frames).map(value).collect()
}

/// How samples are written in a wav file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sample {
    U8,
    S16,
    S24,
    S32,
    F32,
    F64,
    ALaw,
    MuLaw,
}

impl Sample {
    fn tag(self) -> (u16, u16) {
        match self {
            Self::U8 => (1, 8),
            Self::S16 => (1, 16),
            Self::S24 => (1, 24),
            Self::S32 => (1, 32),
            Self::F32 => (3, 32),
            Self::F64 => (3, 64),
            Self::ALaw => (6, 8),
            Self::MuLaw => (7, 8),
        }
    }

    fn write(self, sample: f32, out: &mut Vec<u8>) {
        let wide = f64::from(sample);
        match self {
            Self::U8 => out.push((wide * 127.0 + 128.0).round() as u8),
            Self::S16 => out.extend(((wide * 32_767.0).round() as i16).to_le_bytes()),
            Self::S24 => out.extend(&((wide * 8_388_607.0).round() as i32).to_le_bytes()[..3]),
            Self::S32 => out.extend(((wide * 2_147_483_647.0).round() as i32).to_le_bytes()),
            Self::F32 => out.extend(sample.to_le_bytes()),
            Self::F64 => out.extend(wide.to_le_bytes()),
            Self::ALaw => out.push(a_law((wide * 32_767.0).round() as i16)),
            Self::MuLaw => out.push(mu_law((wide * 32_767.0).round() as i16)),
        }
    }
}

/// ITU-T G.711.
fn a_law(sample: i16) -> u8 {
    let negative = sample < 0;
    let size = if negative { !sample } else { sample } >> 4;
    let code = if size < 32 {
        size >> 1
    } else {
        let exponent = 11 - size.leading_zeros() as i16;
        (exponent << 4) | ((size >> exponent) & 0x0f)
    };
    (code as u8 | if negative { 0 } else { 0x80 }) ^ 0x55
}

/// ITU-T G.711.
fn mu_law(sample: i16) -> u8 {
    let negative = sample < 0;
    let size = (i32::from(sample).abs().min(32_635) + 132) >> 3;
    let exponent = 27 - size.leading_zeros().cast_signed();
    let code = (exponent << 4) | ((size >> exponent) & 0x0f);
    !(code as u8 | if negative { 0x80 } else { 0 })
}

/// The header of a wav file; `data` is the size of the samples in bytes, which may be a lie.
pub(crate) fn wav_header(rate: u32, channels: u16, sample: Sample, data: u32) -> Vec<u8> {
    let (tag, bits) = sample.tag();
    let frame = u32::from(channels) * u32::from(bits) / 8;
    let mut out = Vec::new();
    out.extend(b"RIFF");
    out.extend(data.saturating_add(36).to_le_bytes());
    out.extend(b"WAVEfmt ");
    out.extend(16_u32.to_le_bytes());
    out.extend(tag.to_le_bytes());
    out.extend(channels.to_le_bytes());
    out.extend(rate.to_le_bytes());
    out.extend(rate.saturating_mul(frame).to_le_bytes());
    out.extend((frame as u16).to_le_bytes());
    out.extend(bits.to_le_bytes());
    out.extend(b"data");
    out.extend(data.to_le_bytes());
    out
}

/// A wav file with the same sound on all channels.
pub(crate) fn wav(rate: u32, channels: u16, sample: Sample, sound: &[f32]) -> Vec<u8> {
    let mut data = Vec::new();
    for &value in sound {
        for _ in 0..channels {
            sample.write(value, &mut data);
        }
    }
    let mut out = wav_header(rate, channels, sample, data.len() as u32);
    out.extend(data);
    out
}
