//! Files from outside the repository, where they are there.

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use catalog::{inspect, inspect_vad, inspect_vocabulary};

/// A file of the shared test data; `None`, said aloud, where there is none.
fn data(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {name} is not here");
    None
}

#[test]
fn a_real_model() {
    let Some(path) = data("stories260K/stories260K-f32.gguf") else { return };
    let file = inspect(&path).unwrap();
    let card = file.card("stories", None, &[]);
    assert_eq!(card.architecture, "llama");
    assert_eq!((card.context_length, card.vocabulary_size), (512, 512));
    assert_eq!((card.bos, card.eos), (Some(1), Some(2)));
    assert_eq!((file.layers(), file.embedding_length()), (5, 64));
    assert_eq!(file.quantization(), "F32");
    assert_eq!(file.parameters(), 260_032);
    assert_eq!(file.size_in_billions(), "0_00026");
    assert_eq!(file.kv_bytes_per_token(2.0), 5 * 4 * (8 + 8) * 2);
}

#[test]
fn real_vocabularies() {
    for (name, size, control) in
        [("baichuan", 64_000, 2), ("gpt-2", 50_257, 1), ("llama-spm", 32_000, 2)]
    {
        let Some(path) = data(&format!("vocab/ggml-vocab-{name}.gguf")) else { return };
        let start = Instant::now();
        let file = inspect_vocabulary(&path).unwrap();
        eprintln!("{name}: {:?}", start.elapsed());
        assert_eq!(file.vocabulary_size(), size, "{name}");
        assert_eq!(file.control_tokens().len(), control, "{name}");
        let message = inspect(&path).unwrap_err().to_string();
        assert!(message.contains("holds a vocabulary alone"), "{message}");
    }
}

#[test]
fn real_files_of_other_formats() {
    #[track_caller]
    fn check(name: &str, expect: &str) {
        let Some(path) = data(name) else { return };
        let message = inspect(&path).unwrap_err().to_string();
        assert!(message.contains(expect), "`{message}` lacks `{expect}`");
    }
    check("legacy/stories260K.ggjtv1-f16.bin", "ggjt");
    check("legacy/stories260K.ggmfv1-f16.bin", "ggmf");
    check("legacy/stories260K.ggml-f16.bin", "March 2023");
    check("whisper/for-tests-silero-v6.2.0-ggml.bin", "voice detection");
}

/// The engine takes these too, and gives no text for them: they hold no weights.
#[test]
fn real_whisper_files() {
    for (name, vocabulary, state, layers) in
        [("tiny", 51_865, 384, 4), ("base", 51_865, 512, 6), ("tiny.en", 51_864, 384, 4)]
    {
        let Some(path) = data(&format!("whisper/for-tests-ggml-{name}.bin")) else { return };
        assert_eq!(catalog::engine_for(&path), "whisper");
        let file = inspect(&path).unwrap();
        assert_eq!((file.format(), file.engine()), ("ggml", "whisper"));
        assert_eq!(file.quantization(), "f16");
        assert_eq!((file.vocabulary_size(), file.context_length()), (vocabulary, 448));
        assert_eq!((file.embedding_length(), file.layers()), (state, layers));
        assert_eq!((file.tensors(), file.weight_bytes()), (0, 0));
        let card = file.card("x", None, &[]);
        assert_eq!(card.architecture, "whisper");
        assert_eq!(card.control_tokens, []);
        let message = inspect_vad(&path).unwrap_err().to_string();
        assert!(message.contains("give the path of a silero model"), "{message}");
    }
}

#[test]
fn a_real_voice_activity_detector() {
    let Some(path) = data("whisper/for-tests-silero-v6.2.0-ggml.bin") else { return };
    let vad = inspect_vad(&path).unwrap();
    assert_eq!((vad.name(), vad.version()), ("silero-16k", "6.2.0"));
    assert!(vad.weight_bytes() < vad.file_bytes());
    assert_eq!(vad.file_bytes(), 885_098);
    let message = inspect(&path).unwrap_err().to_string();
    assert!(message.contains("name it under `vad`"), "{message}");
}

/// Half a file is refused wherever it is cut.
#[test]
fn parts_of_a_real_voice_activity_detector() {
    let Some(path) = data("whisper/for-tests-silero-v6.2.0-ggml.bin") else { return };
    let bytes = std::fs::read(path).unwrap();
    for end in (0..bytes.len()).step_by(997) {
        let part = std::io::Cursor::new(&bytes[..end]);
        assert!(catalog::VadFile::read(part, end as u64, Path::new("case")).is_err(), "{end}");
    }
}

#[test]
fn paths_that_lead_to_no_file() {
    let message = inspect(Path::new("/nowhere/at-all.gguf")).unwrap_err().to_string();
    assert!(message.contains("`/nowhere/at-all.gguf`: cannot be read"), "{message}");
    let message = inspect(&std::env::temp_dir()).unwrap_err().to_string();
    assert!(message.contains("is a folder: give the path"), "{message}");
}
