//! How fast recordings are transcribed, beside whisper.cpp on the same weights and sound.
//!
//! `cargo bench -p engine-whisper` writes random weights in the shapes of the "tiny" and "base"
//! models and prints, for short files, eight files at once and one long file with pauses, how many
//! seconds of work a second of sound costs, and how much faster the engine is than
//! - whisper.cpp as it is built into the engine, one file after the other on the same threads,
//! - the same whisper.cpp at its limit: a run on each thread that knows nothing of the others, over
//!   the same work cut as evenly as pauses let it be, with no engine around it, and
//! - the Python package `pywhispercpp`, where the interpreter in `PYTHON` (or `python3`) has it.
//!
//! One run on two threads uses most of two cores already, and two runs on a thread each share their
//! caches and their way to the memory, so the limit is well below twice the speed of one run; what
//! the engine gains beyond it is work that it spares: silence that nobody looks at, positions that
//! no kernel is fast at, a spectrogram made in a quarter of the time.
//!
//! `-- MODEL.bin` measures a model of your own; `THREADS` sets the number of threads (2), `REPEATS`
//! the number of runs of which the best counts (3), and `AUDIO_CONTEXT=fit` has the engine alone fit
//! its windows to the sound, for a model that is trained for it. Let nothing else run meanwhile.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a benchmark may stop and prints what it finds"
)]

#[path = "../tests/engine/support/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the tests use more of it")]
mod support;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use engine_protocol::{DecodingPlan, Language, LoadSettings, StartToken};
use support::{Host, SMALLEST, Size, model, multilingual, pcm, plain, silence, tone};
use whisper_rs::{
    FullParams, SamplingStrategy, WhisperContext, WhisperContextParameters, WhisperState,
};

/// Tokens in a window, as in half a minute of lively speech.
const TOKENS: u32 = 100;

/// What is measured.
struct Case {
    name: &'static str,
    files: Vec<Vec<i16>>,
}

/// Eleven seconds with three short pauses.
fn clip(pitch: f64) -> Vec<i16> {
    let parts = [2.0, 1.2, 2.2, 2.4].map(|seconds| [tone(seconds, pitch), silence(0.8)].concat());
    parts.concat()
}

/// Three minutes, a third of it pauses.
fn long() -> Vec<i16> {
    let mut samples = Vec::new();
    let mut at = 0.0_f64;
    while samples.len() < 180 * 16_000 {
        samples.extend(tone(4.0 + 3.0 * at.sin().abs(), 200.0 + 15.0 * at));
        samples.extend(silence(1.5 + 2.5 * at.cos().abs()));
        at += 1.0;
    }
    samples
}

fn seconds(files: &[Vec<i16>]) -> f64 {
    files.iter().map(Vec::len).sum::<usize>() as f64 / 16_000.0
}

/// A number from the environment.
fn setting(name: &str, default: u32) -> u32 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// The best of some runs, which is what others disturb least.
fn best(mut run: impl FnMut() -> f64) -> f64 {
    (0..setting("REPEATS", 3)).map(|_| run()).fold(f64::INFINITY, f64::min)
}

fn engine(host: &mut Host, files: &[Vec<i16>], plan: &DecodingPlan) -> f64 {
    best(|| {
        let begun = Instant::now();
        for (request, samples) in (0..).zip(files) {
            host.open(request, plan.clone());
            host.send(request, samples, true);
        }
        for (_, outcome) in host.ends() {
            assert_eq!(outcome.error, None);
        }
        begun.elapsed().as_secs_f64()
    })
}

fn load(path: &Path) -> WhisperContext {
    let mut params = WhisperContextParameters::default();
    params.use_gpu(false);
    WhisperContext::new_with_params(path, params).unwrap()
}

fn sounds(files: &[Vec<i16>]) -> Vec<Vec<f32>> {
    let sound = |samples: &Vec<i16>| -> Vec<f32> {
        samples.iter().map(|sample| f32::from(*sample) / 32_768.0).collect()
    };
    files.iter().map(sound).collect()
}

fn transcribe(state: &mut WhisperState, samples: &[f32], threads: u32) {
    let mut params = FullParams::new(SamplingStrategy::Greedy { best_of: 1 });
    params.set_n_threads(threads.try_into().unwrap());
    params.set_language(Some("en"));
    params.set_no_timestamps(true);
    params.set_no_context(true);
    params.set_max_tokens((TOKENS - 1).try_into().unwrap());
    params.set_temperature_inc(0.0);
    params.set_print_progress(false);
    params.set_print_timestamps(false);
    state.full(params, samples).unwrap();
}

/// whisper.cpp, one file after the other.
fn control(path: &Path, files: &[Vec<i16>], threads: u32) -> f64 {
    let context = load(path);
    let mut state = context.create_state().unwrap();
    let files = sounds(files);
    transcribe(&mut state, &files[0], threads);
    best(|| {
        let begun = Instant::now();
        for samples in &files {
            transcribe(&mut state, samples, threads);
        }
        begun.elapsed().as_secs_f64()
    })
}

/// whisper.cpp where no thread ever waits for another: each has a run of its own.
fn limit(path: &Path, files: &[Vec<i16>], threads: u32) -> f64 {
    let pieces: Vec<Vec<f32>> = files.iter().flat_map(|file| sounds(&pieces(file))).collect();
    let runs = threads.min(u32::try_from(pieces.len()).unwrap());
    let context = load(path);
    let mut states: Vec<_> = (0..runs).map(|_| context.create_state().unwrap()).collect();
    for state in &mut states {
        transcribe(state, &pieces[0], threads);
    }
    best(|| {
        let next = AtomicUsize::new(0);
        let begun = Instant::now();
        std::thread::scope(|scope| {
            for state in &mut states {
                scope.spawn(|| {
                    while let Some(piece) = pieces.get(next.fetch_add(1, Ordering::Relaxed)) {
                        transcribe(state, piece, threads / runs);
                    }
                });
            }
        });
        begun.elapsed().as_secs_f64()
    })
}

/// The work in a file: windows as full as pauses let them be, without the long ones.
fn pieces(file: &[i16]) -> Vec<Vec<i16>> {
    let second = 16_000;
    let mut pieces: Vec<Vec<i16>> = vec![Vec::new()];
    let mut passage = Vec::new();
    let mut quiet = 0;
    for sample in file.iter().copied().chain(vec![0; 2 * second]) {
        passage.push(sample);
        quiet = if sample == 0 { quiet + 1 } else { 0 };
        if quiet < second {
            continue;
        }
        passage.truncate(passage.len() - quiet * 6 / 10);
        if passage.iter().any(|sample| *sample != 0) {
            let full = pieces.last().is_some_and(|last| last.len() + passage.len() > 29 * second);
            if full {
                pieces.push(Vec::new());
            }
            pieces.last_mut().unwrap().append(&mut passage);
        }
        passage.clear();
        quiet = 0;
    }
    pieces
}

const PEER: &str = "
import sys, time, numpy, pywhispercpp.model as peer
path, threads, tokens, repeats, *files = sys.argv[1:]
model = peer.Model(path, n_threads=int(threads), print_progress=False, print_realtime=False,
                   print_timestamps=False, temperature_inc=0.0, language='en', no_context=True,
                   no_timestamps=True, max_tokens=int(tokens) - 1, redirect_whispercpp_logs_to=None)
sounds = [numpy.fromfile(file, numpy.int16).astype(numpy.float32) / 32768 for file in files]
model.transcribe(sounds[0])
best = 1e9
for _ in range(int(repeats)):
    begun = time.perf_counter()
    for sound in sounds:
        model.transcribe(sound)
    best = min(best, time.perf_counter() - begun)
print(best)
";

/// The Python package, where it is there.
fn peer(path: &Path, files: &[Vec<i16>], threads: u32) -> Option<f64> {
    let folder = tempfile::tempdir().unwrap();
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".into());
    let mut command = Command::new(python);
    command.args(["-c", PEER]).arg(path);
    command.args([threads.to_string(), TOKENS.to_string(), setting("REPEATS", 3).to_string()]);
    for (at, samples) in files.iter().enumerate() {
        let file = folder.path().join(at.to_string());
        fs::write(&file, pcm(samples)).unwrap();
        command.arg(file);
    }
    let output = command.output().ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok()?.lines().last()?.trim().parse().ok()
}

/// Greedy, as the peers decode.
fn plan(path: &Path) -> DecodingPlan {
    let head = fs::read(path).unwrap();
    let vocabulary = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
    if vocabulary == 51_864 {
        return DecodingPlan { max_tokens: TOKENS, ..plain() };
    }
    let shift = vocabulary - 51_865;
    DecodingPlan {
        start: [50_258, 50_259, 50_359 + shift, 50_363 + shift].map(StartToken::Token).to_vec(),
        language: Some("en".into()),
        languages: Vec::<Language>::new(),
        timestamps: None,
        previous: Some(50_361 + shift),
        no_speech: 50_362 + shift,
        max_tokens: TOKENS,
        ..multilingual()
    }
}

fn measure(name: &str, path: &Path, threads: u32, cases: &[Case]) {
    println!("\n{name}, {threads} threads");
    let fit_audio_context = std::env::var("AUDIO_CONTEXT").is_ok_and(|context| context == "fit");
    let settings = LoadSettings { threads, fit_audio_context, ..LoadSettings::default() };
    let mut host = Host::start(path, settings).unwrap();
    // Whoever is measured has run before, as a server has.
    let first = vec![clip(200.0); threads as usize];
    for (request, samples) in (0..).zip(&first) {
        host.open(request, plan(path));
        host.send(request, samples, true);
    }
    host.ends();
    for case in cases {
        let sound = seconds(&case.files);
        let ours = engine(&mut host, &case.files, &plan(path));
        let theirs = control(path, &case.files, threads);
        let limit = limit(path, &case.files, threads);
        print!(
            "  {:<28} {:6.3} s, {:.4} of real time; {:.2} times whisper.cpp, whose limit is {:.2}: \
             {:.2} of that",
            case.name,
            ours,
            ours / sound,
            theirs / ours,
            theirs / limit,
            limit / ours
        );
        match peer(path, &case.files, threads) {
            Some(peer) => println!(", {:.2} times pywhispercpp", peer / ours),
            None => println!(" (pywhispercpp is not installed)"),
        }
    }
    host.shut().unwrap();
}

fn main() {
    let threads = setting("THREADS", 2);
    let clips: Vec<Vec<i16>> = (0..8).map(|at| clip(220.0 + 30.0 * f64::from(at))).collect();
    let cases = [
        Case { name: "one file of 3 s, no pause", files: vec![tone(3.0, 250.0)] },
        Case { name: "one file of 11 s", files: clips[..1].to_vec() },
        Case { name: "eight files of 11 s at once", files: clips },
        Case { name: "one file of 3 min, pauses", files: vec![long()] },
    ];
    if let Some(path) = std::env::args().skip(1).find(|argument| !argument.starts_with('-')) {
        measure(&path, Path::new(&path), threads, &cases);
        return;
    }
    let size = |width, heads, layers| Size { vocabulary: 51_865, width, heads, layers, ..SMALLEST };
    for (name, size) in [("tiny", size(384, 6, 4)), ("base", size(512, 8, 6))] {
        let (_folder, path) = model(size);
        measure(name, &path, threads, &cases);
    }
}
