//! Every form of an answer to a conversation, as golden text.

use model::{FinishReason, TopLogprob};

use super::{
    super::golden::{content, head, timeless, transcript, usage},
    *,
};

fn started(sequence: u32) -> ReplyItem {
    ReplyItem::Started { sequence }
}

fn finished(sequence: u32, reason: FinishReason) -> ReplyItem {
    ReplyItem::Finished { sequence, reason }
}

fn call() -> Vec<ReplyItem> {
    let arguments = |text: &str| ReplyItem::ToolCallArguments { sequence: 0, text: text.into() };
    vec![
        started(0),
        content(0, "Let me look."),
        ReplyItem::ToolCallStart { sequence: 0, id: "call_1".into(), name: "weather".into() },
        arguments("{\"city\""),
        arguments(": \"Rome\"}"),
        ReplyItem::ToolCallStart { sequence: 0, id: "call_2".into(), name: "time".into() },
        finished(0, FinishReason::ToolCalls),
    ]
}

fn probable() -> Vec<ReplyItem> {
    let one = |token, bytes: &[u8], logprob| TopLogprob { token, bytes: bytes.to_vec(), logprob };
    let tokens = vec![TokenLogprob {
        chosen: one(7, b"Hi", -0.5),
        top: vec![one(7, b"Hi", -0.5), one(8, b"\xe4\xbd", -1.25)],
    }];
    vec![
        started(0),
        ReplyItem::Logprobs { sequence: 0, tokens },
        content(0, "Hi"),
        finished(0, FinishReason::Length),
    ]
}

fn plain() -> Vec<ReplyItem> {
    vec![started(0), content(0, "Hel"), content(0, "lo \"you\""), finished(0, FinishReason::Stop)]
}

fn two() -> Vec<ReplyItem> {
    vec![
        started(0),
        started(1),
        content(1, "b"),
        content(0, "a"),
        finished(1, FinishReason::Stop),
        finished(0, FinishReason::Length),
    ]
}

fn reasoned() -> Vec<ReplyItem> {
    vec![
        started(0),
        ReplyItem::Reasoning { sequence: 0, text: "Hm.".into() },
        content(0, "Yes."),
        finished(0, FinishReason::Stop),
    ]
}

fn whole(items: Vec<ReplyItem>, sequences: usize, old_form: bool) -> String {
    let mut answer = Answer::new(sequences);
    items.into_iter().try_for_each(|item| answer.take(item)).unwrap();
    timeless(&serde_json::to_string_pretty(&answer.finish(head(), usage(), old_form)).unwrap())
}

fn streamed(items: Vec<ReplyItem>, sequences: usize, usage: bool, old_form: bool) -> String {
    transcript(ChatWriter::new(head(), sequences, usage, old_form), items)
}

#[test]
fn streams() {
    insta::assert_snapshot!("stream_plain", streamed(plain(), 1, false, false));
    insta::assert_snapshot!("stream_usage", streamed(plain(), 1, true, false));
    insta::assert_snapshot!("stream_two", streamed(two(), 2, true, false));
    insta::assert_snapshot!("stream_tools", streamed(call(), 1, false, false));
    insta::assert_snapshot!("stream_tools_old", streamed(call(), 1, false, true));
    insta::assert_snapshot!("stream_logprobs", streamed(probable(), 1, false, false));
    insta::assert_snapshot!("stream_reasoning", streamed(reasoned(), 1, false, false));
    let died = InferenceError::WorkerDied { uid: "tiny".into(), cause: "killed".into() };
    let broken = vec![started(0), content(0, "Hel"), ReplyItem::Failed(died)];
    insta::assert_snapshot!("stream_error", streamed(broken, 1, true, false));
}

#[test]
fn answers() {
    insta::assert_snapshot!("whole_plain", whole(plain(), 1, false));
    insta::assert_snapshot!("whole_two", whole(two(), 2, false));
    insta::assert_snapshot!("whole_tools", whole(call(), 1, false));
    insta::assert_snapshot!("whole_tools_old", whole(call(), 1, true));
    insta::assert_snapshot!("whole_logprobs", whole(probable(), 1, false));
    insta::assert_snapshot!("whole_reasoning", whole(reasoned(), 1, false));
}

#[test]
fn every_delta_has_a_content() {
    for items in [plain(), two(), call(), probable(), reasoned()] {
        let text = streamed(items, 2, true, false);
        for line in text.lines().filter_map(|line| line.strip_prefix("data: ")) {
            let line = line.trim_end_matches('⏎');
            let Ok(chunk) = serde_json::from_str::<serde_json::Value>(line) else {
                assert_eq!(line, "[DONE]");
                continue;
            };
            for choice in chunk["choices"].as_array().unwrap() {
                assert!(choice["delta"].as_object().unwrap().contains_key("content"), "{line}");
            }
        }
    }
}
