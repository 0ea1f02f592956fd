//! Models to test on, sound to transcribe, and a host that asks for it.

mod host;
mod sound;
mod weights;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use engine_protocol::{DecodingPlan, Language, LoadSettings, StartToken, Task, TimestampRules};

pub(crate) use host::{Host, Outcome};
pub(crate) use sound::{join, pcm, read_wav, silence, tone};
pub(crate) use weights::{SMALLEST, Size, TEXT_CONTEXT, write};

/// A file of the shared test data; says so where it is not there.
pub(crate) fn data(path: &str) -> Option<PathBuf> {
    present(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/data").join(path))
}

/// The project's own demo model, where it is there.
pub(crate) fn digits() -> Option<PathBuf> {
    present(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo/digits.bin"))
}

/// The recordings that come with it, and the samples of one.
pub(crate) fn spoken(file: &str) -> Vec<i16> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo/digits/samples");
    let bytes = std::fs::read(folder.join(file)).unwrap();
    let recording = audio::Recording::from_bytes(bytes);
    let limits = audio::Limits::default();
    let mut decoder = audio::decode(recording, audio::Hint::default(), &limits).unwrap();
    let mut samples = Vec::new();
    while let Some(bytes) = decoder.next(1 << 20).unwrap() {
        samples.extend(bytes.as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair)));
    }
    samples
}

fn present(file: PathBuf) -> Option<PathBuf> {
    if file.exists() {
        return Some(file);
    }
    println!("skipped: {} is not here", file.display());
    None
}

/// A folder with the smallest model, which all tests of a process share.
pub(crate) fn smallest() -> &'static Path {
    static FOLDER: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("smallest.bin");
        write(&path, SMALLEST);
        (folder, path)
    });
    path
}

/// A model of another size, in a folder of its own.
pub(crate) fn model(size: Size) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.bin");
    write(&path, size);
    (folder, path)
}

/// Settings that are gentle on a machine that runs other tests too: two threads of one decode wait
/// for each other all the time.
pub(crate) fn settings() -> LoadSettings {
    LoadSettings { threads: 1, ..LoadSettings::default() }
}

/// The plan of a family for English-only models: greedy, with timestamps.
pub(crate) fn english() -> DecodingPlan {
    DecodingPlan {
        start: vec![StartToken::Token(50_257)],
        language: Some("en".into()),
        languages: Vec::new(),
        task: Task::Transcribe,
        previous: Some(50_360),
        prompt: None,
        prompt_tokens: 223,
        carry_prompt: false,
        context_tokens: 0,
        timestamps: Some(TimestampRules { first: 50_363, step_ms: 20, latest_start_ms: 1000 }),
        suppress: Vec::new(),
        suppress_first: vec![220, 50_256],
        end: 50_256,
        no_speech: 50_361,
        temperatures: vec![0.0],
        entropy_threshold: 2.4,
        logprob_threshold: f32::NEG_INFINITY,
        no_speech_threshold: 1.0,
        beam_size: 1,
        best_of: 1,
        max_tokens: 12,
        token_times: false,
    }
}

/// The same without timestamps.
pub(crate) fn plain() -> DecodingPlan {
    DecodingPlan {
        start: vec![StartToken::Token(50_257), StartToken::Token(50_362)],
        timestamps: None,
        ..english()
    }
}

/// A plan for multilingual models, with the language to be detected among a few.
pub(crate) fn multilingual() -> DecodingPlan {
    let language = |code: &str, name: &str, token| Language {
        code: code.to_owned(),
        name: name.to_owned(),
        token,
    };
    DecodingPlan {
        start: vec![
            StartToken::Token(50_258),
            StartToken::DetectedLanguage,
            StartToken::Token(50_359),
        ],
        language: None,
        languages: vec![
            language("de", "german", 50_261),
            language("fr", "french", 50_265),
            language("ja", "japanese", 50_266),
        ],
        previous: Some(50_361),
        timestamps: Some(TimestampRules { first: 50_364, step_ms: 20, latest_start_ms: 1000 }),
        suppress_first: vec![220, 50_257],
        end: 50_257,
        no_speech: 50_362,
        ..english()
    }
}
