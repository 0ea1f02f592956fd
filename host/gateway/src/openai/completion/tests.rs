//! Every form of a completion, as golden text.

use model::TopLogprob;

use super::{
    super::golden::{content, head, transcript, usage},
    *,
};

fn plain() -> Vec<ReplyItem> {
    vec![
        ReplyItem::Started { sequence: 0 },
        content(0, "there"),
        content(0, " was"),
        ReplyItem::Finished { sequence: 0, reason: FinishReason::Length },
    ]
}

fn two() -> Vec<ReplyItem> {
    vec![
        ReplyItem::Started { sequence: 0 },
        ReplyItem::Started { sequence: 1 },
        content(1, "b"),
        ReplyItem::Finished { sequence: 1, reason: FinishReason::Stop },
        content(0, "a"),
        ReplyItem::Finished { sequence: 0, reason: FinishReason::Stop },
    ]
}

fn probable() -> Vec<ReplyItem> {
    let one = |token, bytes: &[u8], logprob| TopLogprob { token, bytes: bytes.to_vec(), logprob };
    let token = |token, bytes: &[u8]| TokenLogprob {
        chosen: one(token, bytes, -0.5),
        top: vec![one(token, bytes, -0.5), one(9, b"x", -2.0)],
    };
    vec![
        ReplyItem::Logprobs { sequence: 0, tokens: vec![token(1, b"ab")] },
        content(0, "ab"),
        ReplyItem::Logprobs { sequence: 0, tokens: vec![token(2, b"c")] },
        content(0, "c"),
        ReplyItem::Finished { sequence: 0, reason: FinishReason::Stop },
    ]
}

fn whole(items: Vec<ReplyItem>, sequences: usize, echoed: &str) -> String {
    let mut answer = Answer::new(sequences, echoed);
    items.into_iter().try_for_each(|item| answer.take(item)).unwrap();
    serde_json::to_string_pretty(&answer.finish(head(), usage())).unwrap()
}

fn streamed(items: Vec<ReplyItem>, sequences: usize, usage: bool, echoed: &str) -> String {
    transcript(TextWriter::new(head(), sequences, usage, echoed.to_owned()), items)
}

#[test]
fn streams() {
    insta::assert_snapshot!("stream_plain", streamed(plain(), 1, false, ""));
    insta::assert_snapshot!("stream_usage", streamed(plain(), 1, true, ""));
    insta::assert_snapshot!("stream_two_echoed", streamed(two(), 2, false, "Once "));
    insta::assert_snapshot!("stream_logprobs", streamed(probable(), 1, false, ""));
}

#[test]
fn answers() {
    insta::assert_snapshot!("whole_plain", whole(plain(), 1, ""));
    insta::assert_snapshot!("whole_two_echoed", whole(two(), 2, "Once "));
    insta::assert_snapshot!("whole_logprobs", whole(probable(), 1, ""));
}

#[test]
fn prompts_are_one_string() {
    let of = |body: &str| draft(serde_json::from_str(body).unwrap(), "");
    assert_eq!(of(r#"{"model":"m","prompt":"a"}"#).unwrap().prefix, "a");
    assert_eq!(of(r#"{"model":"m","prompt":["a"]}"#).unwrap().prefix, "a");
    assert_eq!(
        of(r#"{"model":"m","prompt":"a","suffix":"b"}"#).unwrap().suffix.as_deref(),
        Some("b")
    );
    assert_eq!(
        of(r#"{"model":"m","prompt":"a","logprobs":3}"#).unwrap().generation.logprobs,
        Some(3)
    );
    for body in
        [r#"{"model":"m"}"#, r#"{"model":"m","prompt":["a","b"]}"#, r#"{"model":"m","prompt":[]}"#]
    {
        assert_eq!(of(body).unwrap_err().field.as_deref(), Some("prompt"), "{body}");
    }
}
