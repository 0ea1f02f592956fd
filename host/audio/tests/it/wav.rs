//! Wav files, made here: every way to write samples, rates, channels, and lying headers.

use audio::{AudioError, Hint, Limits, Recording, SAMPLE_RATE};

use crate::{
    likeness, open, samples, samples_by,
    signal::{SECONDS, Sample, signal, wav, wav_header},
};

#[track_caller]
fn check(rate: u32, channels: u16, sample: Sample, least: f64) {
    let found = samples(&wav(rate, channels, sample, &signal(rate))).unwrap();
    assert_eq!(found.len(), (SECONDS * f64::from(SAMPLE_RATE)) as usize, "{rate} Hz");
    let (alike, late) = likeness(&found, &signal(SAMPLE_RATE));
    assert!(alike > least, "{rate} Hz, {channels} channels, {sample:?}: {alike}");
    assert_eq!(late, 0, "{rate} Hz, {channels} channels, {sample:?}");
}

#[test]
fn rates() {
    for rate in [8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000] {
        check(rate, 1, Sample::S16, 0.99999);
    }
    for rate in [6_000, 37_800, 44_056, 64_000, 88_200, 96_000, 176_400, 192_000, 384_000] {
        check(rate, 1, Sample::F32, 0.9999);
    }
}

#[test]
fn channels() {
    for channels in [1, 2, 3, 4, 5, 6, 7, 8, 16, 24] {
        check(16_000, channels, Sample::S16, 0.99999);
    }
    check(44_100, 2, Sample::S16, 0.99999);
    check(48_000, 6, Sample::S24, 0.99999);
}

#[test]
fn sample_formats() {
    for (sample, least) in [
        (Sample::U8, 0.999),
        (Sample::S16, 0.999_999),
        (Sample::S24, 0.999_999),
        (Sample::S32, 0.999_999),
        (Sample::F32, 0.999_999),
        (Sample::F64, 0.999_999),
        (Sample::ALaw, 0.999),
        (Sample::MuLaw, 0.999),
    ] {
        check(16_000, 1, sample, least);
        check(8_000, 2, sample, least);
    }
}

/// What is right already is not touched.
#[test]
fn the_right_rate_is_exact() {
    let sound = signal(SAMPLE_RATE);
    let expected: Vec<i16> =
        sound.iter().map(|sample| (f64::from(*sample) * 32_767.0).round() as i16).collect();
    assert!(samples(&wav(SAMPLE_RATE, 1, Sample::S16, &sound)).unwrap() == expected);
}

/// A tone above what the new rate can carry must vanish and not come back lower.
#[test]
fn nothing_is_folded_down() {
    let tone = |hertz: f64, rate: u32| -> Vec<f32> {
        let at = |n: u32| (std::f64::consts::TAU * hertz * f64::from(n) / f64::from(rate)).sin();
        (0..rate).map(|n| 0.5 * at(n) as f32).collect()
    };
    let loudness = |hertz: f64, rate: u32| {
        let found = samples(&wav(rate, 1, Sample::F32, &tone(hertz, rate))).unwrap();
        // The tone begins and ends at once, which sounds at every frequency.
        let middle = &found[2_000..found.len() - 2_000];
        let power = middle.iter().map(|&s| f64::from(s).powi(2)).sum::<f64>();
        10.0 * (power / middle.len() as f64 / (0.125 * 32_768.0 * 32_768.0)).log10()
    };
    for rate in [44_100, 48_000, 96_000] {
        for hertz in [8_500.0, 10_000.0, 15_000.0, 20_000.0] {
            let level = loudness(hertz, rate);
            assert!(level < -80.0, "{hertz} Hz at {rate} Hz is left with {level:.1} dB");
        }
        for hertz in [100.0, 3_000.0, 7_000.0] {
            let level = loudness(hertz, rate);
            assert!(level.abs() < 0.1, "{hertz} Hz at {rate} Hz has {level:.2} dB");
        }
    }
}

#[test]
fn the_size_of_pieces_changes_nothing() {
    let bytes = wav(44_100, 2, Sample::S16, &signal(44_100));
    let whole = samples(&bytes).unwrap();
    for max in [0, 1, 2, 3, 100, 4_097, 65_536] {
        assert!(samples_by(&bytes, max).unwrap() == whole, "{max}");
    }
}

#[test]
fn numbers_that_are_none_are_silent() {
    let mut sound = signal(44_100);
    for place in (0..sound.len()).step_by(1_000) {
        sound[place] = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e38, -1e38][place / 1_000 % 5];
    }
    let found = samples(&wav(44_100, 1, Sample::F32, &sound)).unwrap();
    assert_eq!(found.len(), 32_000);
    // Only the neighbourhood of each is disturbed.
    assert!(likeness(&found, &signal(SAMPLE_RATE)).0 > 0.3);
}

#[test]
fn silence_and_nothing() {
    let silent = samples(&wav(44_100, 2, Sample::S16, &vec![0.0; 44_100])).unwrap();
    assert!(silent == vec![0; 16_000], "{}", silent.len());
    assert!(samples(&wav(44_100, 2, Sample::S16, &[])).unwrap().is_empty());
    // A single frame is a third of a sample, which rounds to none.
    assert_eq!(samples(&wav(48_000, 1, Sample::S16, &[0.5])).unwrap().len(), 0);
    assert_eq!(samples(&wav(48_000, 1, Sample::S16, &[0.5; 3])).unwrap().len(), 1);
}

/// A file whose sizes have 64 bits, in a chunk of their own.
#[test]
fn sizes_of_64_bits() {
    let sound = signal(16_000);
    let plain = wav(16_000, 1, Sample::S16, &sound);
    let mut bytes = b"RF64\xff\xff\xff\xffWAVEds64\x1c\0\0\0".to_vec();
    bytes.resize(bytes.len() + 28, 0);
    bytes.extend(&plain[12..36]);
    bytes.extend(b"data\xff\xff\xff\xff");
    bytes.extend(&plain[44..]);
    assert!(samples(&bytes).unwrap() == samples(&plain).unwrap());
}

/// Headers that claim more than there is, as streams do that were never finished, or nothing.
#[test]
fn lying_sizes() {
    let sound = signal(16_000);
    let honest = wav(16_000, 1, Sample::S16, &sound);
    let whole = samples(&honest).unwrap();
    for claim in [0, u32::MAX, 0x7fff_ffff, 0x8000_0000, 70_000, u32::MAX - 36] {
        let mut bytes = wav_header(16_000, 1, Sample::S16, claim);
        bytes.extend_from_slice(&honest[44..]);
        let decoder = open(&bytes).unwrap();
        let hint = decoder.duration_hint();
        assert!(hint.is_none_or(|seconds| seconds < 2.1), "{claim:#x}: {hint:?}");
        assert!(samples(&bytes).unwrap() == whole, "{claim:#x}");
        bytes[4..8].copy_from_slice(&[0; 4]);
        assert!(samples(&bytes).unwrap() == whole, "{claim:#x}");
    }
}

#[test]
fn lengths() {
    let limits = Limits { seconds: 1, ..Limits::default() };
    let decode = |bytes: Vec<u8>| {
        let mut decoder = audio::decode(Recording::from_bytes(bytes), Hint::default(), &limits)?;
        while decoder.next(1_000)?.is_some() {}
        Ok::<_, AudioError>(decoder.seconds())
    };
    let exact = wav(8_000, 1, Sample::S16, &signal(8_000)[..8_000]);
    assert!((decode(exact).unwrap() - 1.0).abs() < 1e-9);
    let error = decode(wav(8_000, 1, Sample::S16, &signal(8_000)[..8_010])).unwrap_err();
    assert!(matches!(error, AudioError::TooLong { limit: 1 }), "{error}");
    // The header may hide the length.
    let mut bytes = wav_header(8_000, 1, Sample::S16, 0xffff_ffff);
    bytes.resize(40_000, 0);
    let error = decode(bytes).unwrap_err();
    assert!(matches!(error, AudioError::TooLong { limit: 1 }), "{error}");
}
