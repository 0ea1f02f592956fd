//! Bytes that come in any pieces are the same text, and the plain transcript keeps all of it.
#![expect(clippy::indexing_slicing, reason = "a test may stop")]

use plugin_sdk::testkit::{decoded, show_segments, write_down};
use plugin_sdk::transcript::{Characters, Plain, average_logprob, whole_cue};
use plugin_sdk::{DecodedSegment, DecodedToken};
use proptest::prelude::*;
use serde_json::json;

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop_oneof![
        any::<u8>().prop_map(|byte| vec![byte]),
        "[ aéß你😀]{1,3}".prop_map(String::into_bytes),
    ];
    proptest::collection::vec(pieces, 0..20).prop_map(|pieces| pieces.concat())
}

/// A segment of one token a piece, a second each.
fn segments(bytes: &[u8], borders: &[usize]) -> Vec<DecodedSegment> {
    let mut borders: Vec<_> = borders.iter().map(|at| at % (bytes.len() + 1)).collect();
    borders.extend([0, bytes.len()]);
    borders.sort_unstable();
    let pieces = borders.windows(2).map(|pair| json!(bytes[pair[0]..pair[1]]));
    (0..).zip(pieces).map(|(second, bytes)| segment(second, &json!([{"bytes": bytes}]))).collect()
}

fn segment(second: u32, tokens: &serde_json::Value) -> DecodedSegment {
    decoded(&json!({"start": second * 1000, "end": second * 1000 + 1000, "tokens": tokens}))
}

proptest! {
    #[test]
    fn characters(bytes in bytes(), cut in any::<usize>()) {
        let (head, tail) = bytes.split_at(cut % (bytes.len() + 1));
        let mut characters = Characters::default();
        let mut text = characters.push(head);
        text.push_str(&characters.push(tail));
        text.push_str(characters.finish());
        prop_assert_eq!(text, String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn a_plain_transcript(text: String, borders in proptest::collection::vec(any::<usize>(), 0..6)) {
        let segments = segments(text.as_bytes(), &borders);
        let passages = write_down(Plain::default, &segments);
        let joined: String = passages.iter().map(|passage| passage.text.as_str()).collect();
        prop_assert_eq!(joined, text);
    }

    #[test]
    fn a_plain_transcript_of_anything(bytes in bytes(), borders in proptest::collection::vec(any::<usize>(), 0..6)) {
        let passages = write_down(Plain::default, &segments(&bytes, &borders));
        prop_assert!(passages.iter().zip(passages.iter().skip(1)).all(|(a, b)| a.start_ms <= b.start_ms));
    }
}

#[test]
fn a_character_belongs_to_the_passage_in_which_it_begins() {
    let (head, tail) = (json!({"bytes": [32, 0xe4, 0xbd]}), json!({"bytes": [0xa0, 33]}));
    let passages =
        write_down(Plain::default, &[segment(0, &json!([head])), segment(1, &json!([tail, "?"]))]);
    let shown = show_segments(&passages, |passage| whole_cue(passage).into_iter().collect());
    let lines: Vec<_> = shown.lines().filter(|line| line.contains("cue")).collect();
    assert_eq!(lines, [r#"  cue [0,1000,"你"]"#, r#"  cue [1000,2000,"!?"]"#]);
}

#[test]
fn log_probabilities() {
    let check = |probabilities: &[f32], expect: f32| {
        let token = |&probability: &f32| DecodedToken {
            id: 0,
            bytes: Vec::new(),
            probability,
            start_ms: 0,
            end_ms: 0,
        };
        let tokens: Vec<_> = probabilities.iter().map(token).collect();
        let mean = average_logprob(&tokens);
        assert!((mean - expect).abs() < 1e-4, "{mean} for {probabilities:?}");
    };
    check(&[], 0.0);
    check(&[1.0, 2.0], 0.0);
    check(&[(-1.0_f32).exp(), (-2.0_f32).exp()], -1.0);
    check(&[0.0], f32::MIN_POSITIVE.ln() / 2.0);
    check(&[f32::NAN], f32::MIN_POSITIVE.ln() / 2.0);
}
