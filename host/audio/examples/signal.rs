//! Writes the sound of the tests: `signal RATE CHANNELS FILE`.
//!
//! The fixtures in `tests/data` are made from it. A file that ends in `.amr` is AMR, of the wide
//! band where the rate is 16000; any other is wav.

#[path = "../tests/it/signal.rs"]
#[expect(
    dead_code,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the tests use more of it, and its numbers are small"
)]
mod signal;

use std::error::Error;

use codec_core::{CodecConfig, VariableRateCodec as _, codecs::amr::AmrCodec};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, rate, channels, file] = arguments.as_slice() else {
        return Err("usage: signal RATE CHANNELS FILE".into());
    };
    let (rate, channels) = (rate.parse()?, channels.parse()?);
    let sound = signal::signal(rate);
    let bytes = match file.rsplit_once('.') {
        Some((_, "amr")) => amr(rate, &sound)?,
        _ => signal::wav(rate, channels, signal::Sample::S16, &sound),
    };
    std::fs::write(file, bytes)?;
    Ok(())
}

fn amr(rate: u32, sound: &[f32]) -> Result<Vec<u8>, Box<dyn Error>> {
    let wide = rate == 16_000;
    let config = if wide { CodecConfig::amr_wb() } else { CodecConfig::amr_nb() };
    let mut codec = AmrCodec::new(&config)?;
    codec.set_mode(if wide { 2 } else { 7 })?;
    let mut out = codec.variant().storage_magic().to_vec();
    for frame in sound.chunks_exact(codec.variant().frame_samples()) {
        #[expect(clippy::cast_possible_truncation, reason = "the sound is within the range")]
        let samples: Vec<i16> = frame.iter().map(|&sample| (sample * 32_767.0) as i16).collect();
        let spoken = codec.encode_frame(&samples)?;
        out.push(spoken.mode << 3 | 0x04);
        out.extend(spoken.data);
    }
    Ok(out)
}
