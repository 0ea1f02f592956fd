//! Prompts that FastChat, Xinference and the model cards give, character by character.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

use orca::Orca;
use plugin_sdk::{Chat, ChatRequest, testkit};
use serde_json::{Value, json};

#[track_caller]
fn check(style: &str, request: &ChatRequest, expect: &Value) {
    let card = testkit::card(&json!({
        "name": "m", "architecture": "llama", "bos": 1, "eos": 2, "options": {"style": style},
        "control-tokens": {"<|end_of_turn|>": 32_000, "<|im_start|>": 32_001, "<|im_end|>": 32_002},
    }));
    let prompt = Orca::render(&card, request).unwrap();
    assert_eq!(prompt.add_bos, Some(true));
    let text = testkit::flatten(&prompt, |id| id.to_string());
    assert_eq!(Value::from(text), *expect, "{style}");
}

fn chat(turns: &[&str]) -> ChatRequest {
    let roles = ["user", "assistant"].into_iter().cycle();
    let messages: Vec<_> =
        roles.zip(turns).map(|(role, text)| json!({"role": role, "content": text})).collect();
    testkit::request(&json!({"messages": messages})).unwrap()
}

fn single_and_multi(style: &str, vector: &Value) {
    check(style, &chat(&["Hello!"]), &vector["single"]);
    check(style, &chat(&["Hello!", "Hi!", "How are you?"]), &vector["multi"]);
}

#[test]
fn fastchat() {
    let Some(vectors) = testkit::shared("vectors/fastchat_vectors.json") else { return };
    single_and_multi("fastchat", &vectors["open-orca"]);
    single_and_multi("orca-2", &vectors["orca-2"]);
}

#[test]
fn xinference() {
    let Some(vectors) = testkit::shared("vectors/xinference_v0.3_vectors.json") else { return };
    single_and_multi("xinference", &vectors["orca"]);
}

#[test]
fn cards() {
    let Some(vectors) = testkit::shared("vectors/llama_spm_vectors.json") else { return };
    let prompt = |name: &str| &vectors[name]["prompt"];
    check("orca-mini", &chat(&["Hello!"]), prompt("orca_mini v1v2/single"));
    check("xinference", &chat(&["Hello!"]), prompt("xinference orca/single"));
    check("orca-2", &chat(&["Hello!"]), prompt("orca-2/single"));
    check("openchat", &chat(&["Hello"]), prompt("openorca/single"));
    let turns = ["Hello", "Hi", "How are you today?"];
    check("openchat", &chat(&turns), prompt("openorca/multi"));
}
