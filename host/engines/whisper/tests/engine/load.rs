//! Files, sound and broken.

use std::fs;
use std::path::Path;

use engine_protocol::{ErrorCode, LoadSettings};

use crate::support::{
    Host, SMALLEST, Size, TEXT_CONTEXT, data, english, model, plain, settings, smallest, tone,
};

#[track_caller]
fn check_refused(path: &Path, settings: LoadSettings, part: &str) {
    let Err(error) = Host::start(path, settings) else { panic!("`{part}` is loaded") };
    assert_eq!(error.code, ErrorCode::LoadFailed);
    assert!(error.message.contains(part), "`{error}` lacks `{part}`");
}

#[test]
fn a_model_says_what_it_is() {
    let host =
        Host::start(smallest(), LoadSettings { parallel: 9, threads: 2, ..settings() }).unwrap();
    let loaded = host.loaded.clone();
    assert_eq!(loaded.context_length, TEXT_CONTEXT);
    // More states than threads would only wait for them.
    assert_eq!(loaded.parallel, 2);
    assert!(loaded.parameters > 1_600_000 && loaded.weight_bytes > 3_000_000, "{loaded:?}");
    assert!(loaded.devices.iter().any(|device| device.contains("CPU")), "{loaded:?}");
    host.shut().unwrap();
}

#[test]
fn a_quantized_model_runs() {
    let (_folder, path) = model(Size { quantized: true, layers: 3, ..SMALLEST });
    let mut host = Host::start(&path, settings()).unwrap();
    let outcome = host.transcribe(plain(), &tone(1.0, 300.0));
    assert_eq!(outcome.error, None);
    assert!(outcome.tokens > 0);
    host.shut().unwrap();
}

#[test]
fn what_is_no_model_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let sound = fs::read(smallest()).unwrap();
    let with = |at: usize, value: u32| {
        let mut bytes = sound.clone();
        bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        bytes
    };
    // The first tensor: its dimensions, its type, and what is behind it.
    let name = b"encoder.positional_embedding";
    let name = sound.windows(name.len()).position(|part| part == name).unwrap();
    let tensor = name - 5 * 4;
    let broken = [
        ("none", None, "not a file"),
        ("empty", Some(Vec::new()), "cut off"),
        ("text", Some(b"what is this?".repeat(99)), "no whisper file"),
        ("vocabulary", Some(with(4, 32_000)), "vocabulary is 32000"),
        ("positions", Some(with(8, 3000)), "must be 1500"),
        ("width", Some(with(12, 1 << 30)), "audio width"),
        ("heads", Some(with(16, 5)), "multiple of its number of heads"),
        ("layers", Some(with(20, 0)), "number of audio layers"),
        ("type", Some(with(44, 99)), "file type is 99"),
        ("filters", Some(with(52, 400)), "must be 201"),
        ("cut", Some(sound[..sound.len() - 1].to_vec()), "cut off"),
        ("dimensions", Some(with(tensor, 77)), "type or shape"),
        ("tensor", Some(with(tensor + 8, 31)), "encoder.positional_embedding"),
        ("shape", Some(with(tensor + 12, 64)), ""),
        ("name", Some(with(name, u32::from_le_bytes(*b"what"))), "whatder.positional_embedding"),
    ];
    for (name, bytes, part) in broken {
        let path = folder.path().join(name);
        if let Some(bytes) = bytes {
            fs::write(&path, bytes).unwrap();
        }
        check_refused(&path, settings(), part);
    }
}

#[test]
fn what_is_no_detector_is_refused() {
    let vad = smallest().to_str().unwrap().to_owned();
    let settings = LoadSettings { vad: Some(vad.clone()), ..settings() };
    check_refused(smallest(), settings, &vad);
    let settings =
        LoadSettings { vad: Some("/nowhere/vad.bin".into()), ..crate::support::settings() };
    check_refused(smallest(), settings, "/nowhere/vad.bin");
}

#[test]
fn a_file_without_tensors_gives_no_segments() {
    let (Some(path), Some(wav)) =
        (data("whisper/for-tests-ggml-tiny.en.bin"), data("audio/jfk.wav"))
    else {
        return;
    };
    let mut host = Host::start(&path, settings()).unwrap();
    let samples = crate::support::read_wav(&wav);
    let outcome = host.transcribe(english(), &samples);
    assert_eq!((outcome.error, outcome.segments.len()), (None, 0));
    assert_eq!(outcome.until.last(), Some(&11_000));
    host.shut().unwrap();
}
