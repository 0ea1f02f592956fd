//! What is refused, and what the refusal says.

use audio::{AudioError, Hint, Limits, Recording};

use crate::{
    files::data,
    open, samples,
    signal::{Sample, wav, wav_header},
};

#[track_caller]
fn check(bytes: &[u8], expect: &str) {
    let error = samples(bytes).expect_err("the file must be refused");
    assert!(error.is_clients_fault(), "{error}");
    let message = error.to_string();
    assert!(message.contains(expect), "`{message}` lacks `{expect}`");
}

#[test]
fn files_without_sound() {
    check(b"", "the file is empty: send a recording");
    check(b"hello, this is no sound", "of an unknown format");
    check(b"{\"file\": 1}", "a JSON document, which is no recording");
    check(b"<!DOCTYPE html><html></html>", "a web page");
    check(b"\x89PNG\r\n\x1a\n and so on", "a PNG image");
    check(b"%PDF-1.7", "a PDF document");
    check(&vec![0; 100_000], "of an unknown format");
    check(&data("no-audio.mp4"), "holds no audio track");
}

/// A recording that is empty is one; the beginning of a file is none.
#[test]
fn beginnings_of_files() {
    let file = wav(16_000, 1, Sample::S16, &[0.1; 1_000]);
    for length in [13, 20, 30, 36, 40, 43, 44] {
        check(&file[..length], "the wav file is broken: it ends before its samples");
    }
    assert_eq!(samples(&file[..46]).unwrap().len(), 1);
    assert_eq!(samples(&wav(16_000, 1, Sample::S16, &[])).unwrap().len(), 0);
    check(&data("mono.flac")[..100], "the flac file is broken");
}

#[test]
fn codecs_that_are_not_read() {
    check(&data("ac3.mp4"), "convert it, for example with `ffmpeg");
    check(&data("speex.ogg"), "convert it, for example with `ffmpeg");
    check(&data("six.m4a"), "is AAC with 6 channels, of which 2 at most are read: convert it");
    check(b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9", "Windows Media");
    check(b"#!AMR_MC1.0\n\0\0\0\x01", "AMR with several channels");
}

#[test]
fn absurd_numbers() {
    for rate in [1, 999, 384_001, 4_000_000_000] {
        let expect = format!("the sample rate in Hz is {rate}; it must be 1000 to 384000");
        check(&wav(rate, 1, Sample::S16, &[0.1; 1_000]), &expect);
    }
    assert!(samples(&wav(0, 1, Sample::S16, &[0.1; 1_000])).is_err());
    assert!(samples(&wav_header(16_000, 0, Sample::S16, 1_000)).is_err());
    assert!(samples(&wav(16_000, 33, Sample::S16, &[0.1; 1_000])).is_err());
    assert!(samples(&wav(16_000, 4_000, Sample::S16, &[0.1; 100])).is_err());
}

#[test]
fn sizes() {
    let limits = Limits { bytes: 1_000, ..Limits::default() };
    let bytes = wav(16_000, 1, Sample::S16, &[0.1; 1_000]);
    let error = audio::decode(Recording::from_bytes(bytes), Hint::default(), &limits).unwrap_err();
    assert!(matches!(error, AudioError::TooLarge { given: 2_044, limit: 1_000 }), "{error}");
    assert!(error.to_string().contains("2044 bytes or more, the limit is 1000"), "{error}");
}

/// A name that is wrong does no harm.
#[test]
fn wrong_names() {
    let hint = Hint {
        file_name: Some("speech.wav".to_owned()),
        content_type: Some("audio/flac".to_owned()),
    };
    let recording = Recording::from_bytes(data("mono.mp3"));
    let decoder = audio::decode(recording, hint, &Limits::default()).unwrap();
    assert_eq!(decoder.format(), "mp3");
}

/// A picture or a tag of any size in front is passed over.
#[test]
fn huge_covers() {
    let mp3 = data("mono.mp3");
    let whole = samples(&mp3).unwrap();
    let picture = 5 << 20;
    let mut frame = b"APIC".to_vec();
    frame.extend(synchsafe(picture + 13));
    frame.extend(b"\0\0\0image/png\0\x03\0");
    frame.resize(frame.len() + picture as usize, 0x55);
    let mut bytes = b"ID3\x04\0\0".to_vec();
    bytes.extend(synchsafe(frame.len() as u32));
    bytes.extend(frame);
    bytes.extend(&mp3);
    assert!(samples(&bytes).unwrap() == whole);
    // A tag that claims more than the file has.
    let mut bytes = b"ID3\x04\0\0".to_vec();
    bytes.extend(synchsafe(0x0fff_ffff));
    bytes.extend(&mp3);
    let _ = samples(&bytes).map_err(|error| assert!(error.is_clients_fault(), "{error}"));
}

fn synchsafe(size: u32) -> [u8; 4] {
    [21, 14, 7, 0].map(|shift| (size >> shift) as u8 & 0x7f)
}

/// A block of metadata that claims sixteen megabytes, many times over.
#[test]
fn metadata_without_end() {
    let mut bytes = b"fLaC".to_vec();
    for kind in [4_u8, 6, 1, 2, 5] {
        bytes.extend([kind, 0xff, 0xff, 0xff]);
        bytes.resize(bytes.len() + 100, 0xff);
    }
    assert!(open(&bytes).is_err());
}
