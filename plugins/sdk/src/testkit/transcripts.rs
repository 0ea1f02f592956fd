//! Golden cases of speech, and recordings that come in any pieces.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::chunks::Random;
use super::{Goldens, list, read, speech};
use crate::transcript::Transcript;
use crate::{DecodedSegment, ModelCard, Segment, Transcription, TranscriptionRequest};

/// How many random ways of handing over a recording are tried.
const RANDOM: u64 = 20;

/// Checks the plan of every case in `folder`, relative to the crate.
#[track_caller]
pub fn check_plan<F: Transcription>(folder: &str) {
    let mut goldens = Goldens::default();
    for (path, card, request) in cases(folder) {
        let shown = match F::plan(&card, &request) {
            Ok(plan) => speech::show_plan(&plan),
            Err(error) => format!("error {error:?}\n"),
        };
        goldens.compare(&path.with_extension("plan"), &shown);
    }
    goldens.end();
}

/// Checks what the family writes down for every recording in `folder`, whole and in pieces.
#[track_caller]
pub fn check_segments<F: Transcription>(folder: &str) {
    let mut goldens = Goldens::default();
    for (path, card, request) in cases(folder) {
        for recording in recordings(&path) {
            let segments: Vec<_> = read(&recording).lines().map(line).collect();
            let plan = F::plan(&card, &request)
                .unwrap_or_else(|error| panic!("{}: {error:?}", path.display()));
            let passages = write_down(|| F::transcript(&card, &request, &plan), &segments);
            let cues = |segment: &Segment| F::cues(&card, &request, segment);
            let shown = speech::show_segments(&passages, cues);
            goldens.compare(&recording.with_extension("segments"), &shown);
        }
    }
    goldens.end();
}

/// What a transcript gives for a recording, which must not depend on how it is handed over.
#[track_caller]
pub fn write_down<T: Transcript>(
    make: impl Fn() -> T,
    segments: &[DecodedSegment],
) -> Vec<Segment> {
    let whole = hand_over(make(), segments, |_| false);
    assert!(hand_over(make(), segments, |_| true) == whole, "one by one, the passages differ");
    for seed in 0..RANDOM {
        let mut random = Random(seed);
        let pieces = hand_over(make(), segments, |_| random.next().is_multiple_of(seed % 4 + 2));
        assert!(pieces == whole, "in pieces, the passages differ:\n{whole:#?}\n{pieces:#?}");
    }
    whole
}

/// Hands a recording over and collects the passages wherever `cut` says so.
fn hand_over<T: Transcript>(
    mut transcript: T,
    segments: &[DecodedSegment],
    mut cut: impl FnMut(usize) -> bool,
) -> Vec<Segment> {
    let (mut joined, mut passages) = (Vec::new(), Vec::new());
    for (index, segment) in segments.iter().enumerate() {
        transcript.push(segment.clone(), &mut passages);
        if cut(index) {
            joined.append(&mut passages);
        }
    }
    transcript.finish(&mut passages);
    joined.append(&mut passages);
    joined
}

/// The cases of a folder, in the order of their names.
#[track_caller]
fn cases(folder: &str) -> Vec<(PathBuf, ModelCard, TranscriptionRequest)> {
    let root = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it in tests");
    let folder = Path::new(&root).join(folder);
    let mut paths: Vec<_> = list(&folder)
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "no cases in {}", folder.display());
    let load = |path: PathBuf| {
        let value = serde_json::from_str(&read(&path)).map_err(|error| error.to_string());
        match value.and_then(|value| speech::speech(&value)) {
            Ok((card, request)) => (path, card, request),
            Err(error) => panic!("{}: {error}", path.display()),
        }
    };
    paths.into_iter().map(load).collect()
}

/// The recordings of a case: `NAME.decoded` and `NAME.WORD.decoded`.
fn recordings(case: &Path) -> Vec<PathBuf> {
    let folder = case.parent().map(Path::to_path_buf).unwrap_or_default();
    let name = case.file_stem().map(|name| name.to_string_lossy().into_owned());
    let name = format!("{}.", name.unwrap_or_default());
    let mut paths: Vec<_> = list(&folder)
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "decoded"))
        .filter(|path| {
            path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(&name))
        })
        .collect();
    paths.sort();
    paths
}

#[track_caller]
fn line(text: &str) -> DecodedSegment {
    let value: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    speech::decoded(&value)
}
