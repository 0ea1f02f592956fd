//! Real recordings, where they are there.

use std::path::Path;

use crate::{likeness, open, samples};

/// A recording of the shared test data; `None`, said aloud, where there is none.
fn data(name: &str) -> Option<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/audio");
    let bytes = std::fs::read(folder.join(name)).ok();
    if bytes.is_none() {
        eprintln!("skipped: {name} is not here");
    }
    bytes
}

#[test]
fn one_speech_in_three_formats() {
    let Some(wav) = data("jfk.wav") else { return };
    let plain = samples(&wav).unwrap();
    assert_eq!(plain.len(), 176_000);
    let expected: Vec<f32> = plain.iter().map(|&sample| f32::from(sample)).collect();
    for (name, least) in [("jfk.flac", 0.99), ("jfk.mp3", 0.98)] {
        let Some(bytes) = data(name) else { return };
        let decoder = open(&bytes).unwrap();
        assert!(decoder.duration_hint().is_some_and(|seconds| (seconds - 11.0).abs() < 0.1));
        let found = samples(&bytes).unwrap();
        let (alike, late) = likeness(&found, &expected);
        eprintln!("{name}: {} samples, {alike:.5} alike, {late} late", found.len());
        assert!(alike > least, "{name}: {alike}");
        assert!(late.abs() <= 16, "{name}: {late} samples late");
        assert!(found.len().abs_diff(plain.len()) <= 1_200, "{name}: {}", found.len());
    }
}
