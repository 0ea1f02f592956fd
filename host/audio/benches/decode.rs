//! How fast recordings are decoded; the throughput is in bytes of the samples that come out, of
//! which a second has 32,000.

use std::{hint::black_box, path::Path};

use audio::{Hint, Limits, Recording};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

#[path = "../tests/it/signal.rs"]
#[expect(
    dead_code,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the tests use more of it, and its numbers are small"
)]
mod signal;

fn decode(bytes: &[u8]) -> usize {
    let recording = Recording::from_bytes(bytes.to_vec());
    let limits = Limits::default();
    let Ok(mut decoder) = audio::decode(recording, Hint::default(), &limits) else { return 0 };
    let mut all = 0;
    while let Ok(Some(piece)) = decoder.next(1 << 16) {
        all += black_box(piece).len();
    }
    all
}

fn benchmark(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode");
    let sound: Vec<f32> = signal::signal(44_100).repeat(15);
    let mut files = vec![(
        "30 s of 44.1 kHz stereo.wav".to_owned(),
        signal::wav(44_100, 2, signal::Sample::S16, &sound),
    )];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    for name in
        ["mono.flac", "stereo.mp3", "mono.m4a", "mono.ogg", "speech.opus", "music.opus", "wide.amr"]
    {
        if let Ok(bytes) = std::fs::read(folder.join(name)) {
            files.push((name.to_owned(), bytes));
        }
    }
    for (name, bytes) in files {
        group.throughput(Throughput::Bytes(decode(&bytes) as u64));
        group.bench_function(name, |bencher| bencher.iter(|| decode(black_box(&bytes))));
    }
    group.finish();
}

criterion_group!(benches, benchmark);
criterion_main!(benches);
