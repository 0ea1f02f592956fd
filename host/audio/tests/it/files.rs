//! Recordings of every format: `tests/data/README.md` says how they were made.

use std::path::Path;

use audio::SAMPLE_RATE;

use crate::{likeness, open, samples, signal::signal};

/// A fixture.
pub(crate) fn data(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every fixture that can be read.
pub(crate) fn all() -> Vec<(String, Vec<u8>)> {
    EXPECTED.iter().map(|fixture| (fixture.name.to_owned(), data(fixture.name))).collect()
}

/// What a fixture gives.
struct Expected {
    name: &'static str,
    format: &'static str,
    /// Samples that an encoder added in front, and that the file does not tell of.
    late: i64,
    /// Samples more than the sound has, for the same reason.
    longer: usize,
    /// The likeness to the sound, at least.
    alike: f64,
}

const fn exact(name: &'static str, format: &'static str, alike: f64) -> Expected {
    Expected { name, format, late: 0, longer: 0, alike }
}

const EXPECTED: [Expected; 24] = [
    exact("alac.m4a", "mp4/alac", 0.9999),
    exact("mono.aiff", "aiff/pcm_s16be", 0.9999),
    exact("mono.flac", "flac", 0.9999),
    exact("mono.ogg", "ogg/vorbis", 0.98),
    exact("mu-law.caf", "caf/pcm_mulaw", 0.999),
    exact("music.opus", "ogg/opus", 0.95),
    exact("pcm.mov", "mp4/pcm_s16le", 0.9999),
    exact("six.opus", "ogg/opus", 0.95),
    exact("speech.opus", "ogg/opus", 0.95),
    exact("stereo.mp3", "mp3", 0.98),
    exact("stereo.opus", "ogg/opus", 0.95),
    Expected { name: "narrow.amr", format: "amr", late: 80, longer: 0, alike: 0.95 },
    Expected { name: "wide.amr", format: "amr-wb", late: 95, longer: 0, alike: 0.95 },
    Expected { name: "mono.mp3", format: "mp3", late: 802, longer: 1_100, alike: 0.98 },
    Expected { name: "mono.mp2", format: "mp2", late: 481, longer: 300, alike: 0.95 },
    Expected { name: "mono.m4a", format: "mp4/aac", late: 0, longer: 0, alike: 0.95 },
    Expected { name: "fragments.mp4", format: "mp4/aac", late: 1_024, longer: 1_800, alike: 0.95 },
    Expected { name: "video.mp4", format: "mp4/aac", late: 0, longer: 0, alike: 0.95 },
    Expected { name: "stereo.aac", format: "aac", late: 371, longer: 800, alike: 0.95 },
    Expected { name: "opus.mp4", format: "mp4/opus", late: 0, longer: 320, alike: 0.95 },
    Expected { name: "opus.webm", format: "webm/opus", late: 0, longer: 320, alike: 0.95 },
    Expected { name: "vorbis.webm", format: "webm/vorbis", late: 0, longer: 320, alike: 0.95 },
    Expected { name: "ima.wav", format: "wav/adpcm_ima_wav", late: 0, longer: 800, alike: 0.99 },
    Expected { name: "ms.wav", format: "wav/adpcm_ms", late: 0, longer: 800, alike: 0.99 },
];

#[test]
fn a_sound_track_that_begins_after_the_picture_is_late() {
    let sound = signal(SAMPLE_RATE);
    for name in ["late.mp4", "late.webm"] {
        let found = samples(&data(name)).unwrap();
        let (is, lag) = likeness(&found[7_000..], &sound);
        // Opus warms up for 6.5 ms, and webm counts in whole milliseconds.
        assert!(is > 0.95 && (lag - 1_000).abs() <= 160, "{name}: {is:.5} alike, {lag} late");
        assert!(found[..7_000].iter().all(|sample| sample.abs() < 300), "{name} is not silent");
    }
}

#[test]
fn every_format() {
    let sound = signal(SAMPLE_RATE);
    let mut wrong = Vec::new();
    for Expected { name, format, late, longer, alike } in EXPECTED {
        let bytes = data(name);
        let decoder = open(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(decoder.format(), format, "{name}");
        assert_eq!(decoder.damage(), None, "{name}");
        let found = samples(&bytes).unwrap();
        let (is, lag) = likeness(&found, &sound);
        let more = found.len().checked_sub(sound.len());
        eprintln!("{name}: {} samples, {is:.5} alike, {lag} late", found.len());
        let right = is > alike && (lag - late).abs() <= 8;
        if !right || more.is_none_or(|more| more > longer) {
            wrong.push(format!("{name}: {more:?} samples more, {is:.5} alike, {lag} late"));
        }
        // What a file says of its length is near the truth.
        if let Some(claim) = decoder.duration_hint() {
            let seconds = found.len() as f64 / f64::from(SAMPLE_RATE);
            assert!((claim - seconds).abs() < 0.15, "{name}: {claim} and not {seconds}");
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Two recordings in one file, one after the other, of different sample rates and channels.
#[test]
fn chained_recordings() {
    for (one, other) in [("speech.opus", "stereo.opus"), ("mono.ogg", "stereo.opus")] {
        let (one, other) = (data(one), data(other));
        let found = samples(&[one.clone(), other.clone()].concat()).unwrap();
        assert_eq!(found.len(), 64_000);
        // Where they meet, the filter hears both.
        let (one, other) = (samples(&one).unwrap(), samples(&other).unwrap());
        assert!(found[..31_000] == one[..31_000]);
        let later = found[33_000..].iter().zip(&other[1_000..]);
        let apart = later.map(|(&a, &b)| a.abs_diff(b)).max();
        assert!(apart.is_some_and(|apart| apart <= 1), "{apart:?}");
    }
}

/// Files of flac, which the library takes for one with a broken end.
#[test]
fn joined_flac_files() {
    let one = data("mono.flac");
    let whole = samples(&one).unwrap();
    let found = samples(&[one.clone(), one.clone(), one.clone()].concat()).unwrap();
    assert_eq!(found.len(), 3 * whole.len());
    assert!(found[..whole.len() - 1_000] == whole[..whole.len() - 1_000]);
    let sound = signal(SAMPLE_RATE);
    for second in 0..3 {
        let (is, lag) = likeness(&found[second * whole.len()..], &sound);
        assert!(is > 0.999 && lag == 0, "{second}: {is} alike, {lag} late");
    }
    // The first one lacks its end, and the last one all but its name.
    let cut = [&one[..one.len() / 2], &one, &one[..8]].concat();
    let found = samples(&cut).unwrap();
    assert!(found.len() > whole.len() + 2_000, "{}", found.len());
    assert!(open(&cut).unwrap().damage().is_none(), "nothing is decoded yet");
}

/// Files of MP3 with lengths of their own, one behind the other.
#[test]
fn joined_files() {
    let one = data("stereo.mp3");
    let whole = samples(&one).unwrap();
    let found = samples(&[one.clone(), one.clone(), one].concat()).unwrap();
    let more = found.len().abs_diff(3 * whole.len());
    assert!(more < 3 * 1_600, "{} and not three times {}", found.len(), whole.len());
    let sound = signal(SAMPLE_RATE);
    for second in 0..3 {
        let from = second * whole.len();
        let (is, lag) = likeness(&found[from..], &sound);
        assert!(is > 0.9 && lag.unsigned_abs() < 1_200, "{second}: {is} alike, {lag} late");
    }
}

/// Where the pages of an Ogg file begin.
fn pages(ogg: &[u8]) -> Vec<usize> {
    let mark = |at: &usize| ogg[*at..].starts_with(b"OggS");
    (0..ogg.len()).filter(mark).collect()
}

/// A damaged page costs what it holds, wherever it is, and moves nothing.
#[test]
fn damaged_pages() {
    for name in ["speech.opus", "mono.ogg", "six.opus"] {
        let bytes = data(name);
        let whole = samples(&bytes).unwrap();
        let pages = pages(&bytes);
        let title = bytes.iter().position(|&byte| byte == b'=').unwrap();
        // The second page holds titles, the third one sound. What comes behind the next one is too
        // little to hear.
        for place in [title, pages[2] + 90] {
            let mut bytes = bytes.clone();
            bytes[place] ^= 0x20;
            let found = samples(&bytes).unwrap_or_else(|error| panic!("{name}, {place}: {error}"));
            let off = found.len().abs_diff(whole.len());
            assert!(off < 900, "{name}, {place}: {} and not {}", found.len(), whole.len());
            let end = whole.len() - 4_000..whole.len() - 1_000;
            let loud = |part: &[i16]| part.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>();
            let (is, was) = (loud(&found[end.clone()]), loud(&whole[end]));
            assert!((is / was - 1.0).abs() < 0.2, "{name}, {place}: the end is not there");
        }
    }
}

/// What was decoded before a file breaks off is kept, and the damage is told.
#[test]
fn broken_ends() {
    for (name, bytes) in all() {
        let half = &bytes[..bytes.len() / 2];
        // Some keep their index at the end, or are taken whole; so short a file of Ogg or webm is a
        // page or two.
        let fragile = ["aiff", "caf", "m4a", "mp4", "mov", "ogg", "opus", "webm"];
        let extension = name.rsplit('.').next().unwrap();
        let mut decoder = match open(half) {
            Ok(decoder) => decoder,
            Err(error) => {
                assert!(fragile.contains(&extension), "{name}: {error}");
                continue;
            }
        };
        while decoder.next(1 << 16).unwrap().is_some() {}
        let seconds = decoder.seconds();
        assert!((0.2..1.6).contains(&seconds), "{name}: {seconds} s");
    }
}

/// A damaged packet is silent and moves nothing.
#[test]
fn broken_middles() {
    let flac = data("mono.flac");
    let found = samples(&{
        let mut flac = flac.clone();
        let middle = flac.len() / 2;
        flac[middle..middle + 40].fill(0xa5);
        flac
    })
    .unwrap();
    let whole = samples(&flac).unwrap();
    assert_eq!(found.len(), whole.len());
    assert!(found[28_000..] == whole[28_000..], "what comes behind has moved");
    // Noise within a stream of AMR, whose frames have no checksum.
    let mut amr = data("wide.amr");
    let whole = samples(&amr).unwrap();
    amr[1_000..1_030].fill(0x1f);
    assert!(samples(&amr).is_ok_and(|found| found.len() <= whole.len() + 16_000));
}
