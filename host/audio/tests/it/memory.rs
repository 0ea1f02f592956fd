//! A recording of hours takes a few megabytes.

use std::io::Write as _;

use audio::{Hint, Limits, Recording, Spool};

use crate::{
    files, open,
    signal::{Sample, wav_header},
};

/// The most memory that this process has held so far, in bytes; `None` where the system does not
/// say.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes << 10)
}

/// Two hours, written as a file with a hole: 115 MB of zeros, which are the lowest sample.
#[test]
fn two_hours() {
    let Some(before) = peak() else {
        eprintln!("skipped: this system does not say how much memory a process holds");
        return;
    };
    let seconds = 2 * 60 * 60_u32;
    let size = seconds * 16_000;
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&wav_header(16_000, 1, Sample::U8, size)).unwrap();
    file.set_len(44 + u64::from(size)).unwrap();
    let limits = Limits { bytes: 4 << 30, ..Limits::default() };
    let recording = Recording::from_file(file).unwrap();
    let mut decoder = audio::decode(recording, Hint::default(), &limits).unwrap();
    assert_eq!(decoder.duration_hint(), Some(f64::from(seconds)));
    let mut bytes = 0;
    while let Some(piece) = decoder.next(1 << 20).unwrap() {
        assert!(piece.chunks_exact(2).all(|pair| pair == [0, 0x80]));
        bytes += piece.len() as u64;
    }
    assert_eq!(bytes, u64::from(seconds) * 32_000);
    let grown = peak().unwrap().saturating_sub(before);
    assert!(grown < 16 << 20, "{grown} bytes more");
}

/// Four bytes that claim two or four thousand million of something, at every place of a file's
/// beginning and end, where headers and indexes are.
#[test]
fn claims() {
    const PLACES: usize = 160;
    let Some(before) = peak() else { return };
    for (name, bytes) in files::all() {
        let last = bytes.len() - 4;
        let front = 0..PLACES.min(last);
        let places = front.chain(last.saturating_sub(PLACES).max(PLACES.min(last))..last);
        for place in places.step_by(5) {
            for claim in [[0xff; 4], [0x7f, 0xff, 0xff, 0xff], [0xff, 0xff, 0xff, 0x7f]] {
                let mut bytes = bytes.clone();
                bytes[place..place + 4].copy_from_slice(&claim);
                if let Err(error) = open(&bytes) {
                    assert!(error.is_clients_fault(), "{name}, {place}: {error}");
                }
                let grown = peak().unwrap().saturating_sub(before);
                assert!(grown < 64 << 20, "{name}, {place}: {grown} bytes more");
            }
        }
    }
}

/// An upload beyond its share of memory goes to the disk.
#[test]
fn a_large_upload() {
    let Some(before) = peak() else { return };
    let mut spool = Spool::new(1 << 20, 1 << 30);
    let piece = vec![7; 1 << 18];
    for _ in 0..256 {
        spool.write(&piece).unwrap();
    }
    assert!(spool.is_on_disk());
    assert_eq!(spool.finish().unwrap().len(), 64 << 20);
    let grown = peak().unwrap().saturating_sub(before);
    assert!(grown < 8 << 20, "{grown} bytes more");
}
