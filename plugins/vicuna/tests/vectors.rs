//! Prompts that FastChat, Xinference and llama.cpp render, character by character.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

use plugin_sdk::{Chat, ChatRequest, testkit};
use serde_json::{Value, json};
use vicuna::Vicuna;

#[track_caller]
fn check(style: &str, request: &ChatRequest, expect: &Value) {
    let card = testkit::card(&json!({
        "name": "m", "architecture": "llama", "bos": 1, "eos": 2, "options": {"style": style},
    }));
    let prompt = Vicuna::render(&card, request).unwrap();
    let text = testkit::flatten(&prompt, |id| if id == 2 { "</s>".into() } else { id.to_string() });
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
    single_and_multi("zero-shot", &vectors["zero_shot"]);
    single_and_multi("v1.1", &vectors["vicuna_v1.1"]);
}

#[test]
fn xinference() {
    let Some(vectors) = testkit::shared("vectors/xinference_v0.3_vectors.json") else { return };
    single_and_multi("xinference", &vectors["vicuna-v1.3"]);
}

#[test]
fn llama_cpp() {
    let Some(vectors) = testkit::shared("vectors/llama_spm_vectors.json") else { return };
    let request = testkit::request(&json!({"messages": [
        {"role": "system", "content": "You are a helpful assistant"},
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hi there"},
        {"role": "user", "content": "Who are you"},
        {"role": "assistant", "content": "   I am an assistant   "},
        {"role": "user", "content": "Another question"},
    ]}));
    let expect = &vectors["llama.cpp vicuna/test-chat-template"]["prompt"];
    check("llama.cpp", &request.unwrap(), expect);
}
