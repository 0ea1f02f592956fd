//! Hostile files: nothing panics, hangs or blames the host, and the size of pieces never matters.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use crate::{files, samples, samples_by, signal};

/// Files of every format.
fn whole() -> Vec<(String, Vec<u8>)> {
    let mut files = files::all();
    let sound = signal::signal(8_000);
    for (name, sample) in [
        ("s16.wav", signal::Sample::S16),
        ("f32.wav", signal::Sample::F32),
        ("mu-law.wav", signal::Sample::MuLaw),
    ] {
        files.push((name.to_owned(), signal::wav(8_000, 2, sample, &sound[..8_000])));
    }
    files
}

/// Whatever comes out, it comes soon and is no fault of ours.
fn survives(name: &str, bytes: &[u8]) -> Result<(), TestCaseError> {
    let start = Instant::now();
    match samples(bytes) {
        Ok(found) => prop_assert!(found.len() < 16_000 * 3_600, "{name}: {}", found.len()),
        Err(error) => prop_assert!(error.is_clients_fault(), "{name}: {error}"),
    }
    prop_assert!(start.elapsed() < Duration::from_secs(20), "{name}: {:?}", start.elapsed());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn cut_anywhere(file in any::<prop::sample::Index>(), end in any::<prop::sample::Index>()) {
        let files = whole();
        let (name, bytes) = file.get(&files);
        survives(name, &bytes[..end.index(bytes.len())])?;
    }

    #[test]
    fn changed_bytes(
        file in any::<prop::sample::Index>(),
        in_front in any::<bool>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let files = whole();
        let (name, bytes) = file.get(&files);
        let mut bytes = bytes.clone();
        let length = if in_front { bytes.len().min(600) } else { bytes.len() };
        for (place, byte) in changes {
            bytes[place.index(length)] = byte;
        }
        survives(name, &bytes)?;
    }

    #[test]
    fn joined_halves(
        one in any::<prop::sample::Index>(),
        other in any::<prop::sample::Index>(),
        cut in any::<prop::sample::Index>(),
        from in any::<prop::sample::Index>(),
    ) {
        let files = whole();
        let (name, bytes) = one.get(&files);
        let (_, rest) = other.get(&files);
        let mut bytes = bytes[..cut.index(bytes.len())].to_vec();
        bytes.extend_from_slice(&rest[from.index(rest.len())..]);
        survives(name, &bytes)?;
    }

    #[test]
    fn arbitrary_bytes(bytes in prop::collection::vec(any::<u8>(), 0..4_000)) {
        survives("noise", &bytes)?;
    }

    #[test]
    fn pieces(file in any::<prop::sample::Index>(), max in 0_usize..5_000) {
        let files = whole();
        let (name, bytes) = file.get(&files);
        prop_assert!(samples_by(bytes, max).unwrap() == samples(bytes).unwrap(), "{name}");
    }
}
