//! Prompts that FastChat, Xinference, chatglm.cpp and the models' own template render.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

use baichuan::Baichuan;
use plugin_sdk::{
    Chat, ChatRequest, Completion, CompletionRequest, Prompt, PromptPart, Role, testkit,
};
use serde_json::{Value, json};

const V1: u32 = 64_000;
const V2: u32 = 125_696;

fn render(style: &str, size: u32, request: &ChatRequest) -> Prompt {
    let card = testkit::card(&json!({
        "name": "m", "architecture": "baichuan", "vocabulary-size": size, "bos": 1, "eos": 2,
        "options": {"style": style},
    }));
    <Baichuan as Chat>::render(&card, request).unwrap()
}

fn chat(turns: &[&str]) -> ChatRequest {
    let roles = ["user", "assistant"].into_iter().cycle();
    let messages: Vec<_> =
        roles.zip(turns).map(|(role, text)| json!({"role": role, "content": text})).collect();
    testkit::request(&json!({"messages": messages})).unwrap()
}

#[track_caller]
fn single_and_multi(style: &str, size: u32, vector: &Value) {
    let first = if size == V1 { 102 } else { 106 };
    let name = |id| match id {
        2 => "</s>".to_owned(),
        195 => format!("<reserved_{first}>"),
        196 => format!("<reserved_{}>", first + 1),
        other => other.to_string(),
    };
    for (turns, expect) in [
        (&["Hello!"][..], &vector["single"]),
        (&["Hello!", "Hi!", "How are you?"], &vector["multi"]),
    ] {
        let prompt = render(style, size, &chat(turns));
        assert_eq!(Value::from(testkit::flatten(&prompt, name)), *expect, "{style}");
    }
}

#[test]
fn fastchat() {
    let Some(vectors) = testkit::shared("vectors/fastchat_vectors.json") else { return };
    single_and_multi("fastchat", V1, &vectors["baichuan-chat"]);
    single_and_multi("baichuan2-chat", V2, &vectors["baichuan2-chat"]);
}

#[test]
fn xinference() {
    let Some(vectors) = testkit::shared("vectors/xinference_v0.3_vectors.json") else { return };
    single_and_multi("xinference", V1, &vectors["baichuan-chat"]);
}

#[test]
fn template() {
    let Some(vectors) = testkit::shared("vectors/jinja_vectors.json") else { return };
    for (name, expect) in vectors["rendered"]["Baichuan-M2"].as_object().unwrap() {
        // The template knows nothing of `enable_thinking`, which one of the vectors carries.
        let request = testkit::request(&vectors["conversations"][name]).unwrap();
        let prompt = render("baichuan-m2", 152_064, &request);
        let text = testkit::flatten(&prompt, |id| {
            if id == 151_644 { "<|im_start|>" } else { "<|im_end|>" }.to_owned()
        });
        assert_eq!(Value::from(text), *expect, "{name}");
    }
}

/// The reference's ids, with the ids of each message between those of the roles.
#[test]
fn role_ids() {
    let Some(vectors) = testkit::shared("vectors/chatglm_baichuan_token_vectors.json") else {
        return;
    };
    for (model, style, size) in [
        ("Baichuan13B", "chatglm.cpp", V1),
        ("Baichuan2_7B", "baichuan2-chat", V2),
        ("Baichuan2_13B", "baichuan2-chat", V2),
    ] {
        for chat in vectors[model]["chat"].as_array().unwrap() {
            let request = testkit::request(&json!({"messages": chat["messages"]})).unwrap();
            let prompt = render(style, size, &request);
            assert_eq!((prompt.add_bos, prompt.space_prefix), (Some(false), Some(true)));
            let roles = |id: &u32| (195..=196).contains(id);
            let ids = chat["ids"].as_array().unwrap().iter();
            let ids = ids.map(|id| u32::try_from(id.as_u64().unwrap()).unwrap());
            let expect: Vec<_> = ids.filter(roles).collect();
            let actual: Vec<_> = prompt
                .parts
                .iter()
                .filter_map(|part| match part {
                    PromptPart::Token(id) => Some(*id),
                    _ => None,
                })
                .collect();
            assert_eq!(actual, expect, "{model}");
            let texts = prompt.parts.iter().filter(|part| matches!(part, PromptPart::Text(_)));
            assert_eq!(texts.count(), request.messages.len(), "{model}");
        }
    }
}

/// 13B-Chat's own code ends an assistant's turn with the end token.
#[test]
fn end_tokens() {
    let request = chat(&["a", "b", "c"]);
    let tokens = |style| {
        let prompt = render(style, V1, &request);
        testkit::flatten(&prompt, |id| format!("[{id}]"))
    };
    assert_eq!(tokens("baichuan-chat"), "[195]a[196]b[2][195]c[196]");
    assert_eq!(tokens("chatglm.cpp"), "[195]a[196]b[195]c[196]");
    assert_eq!(request.messages[1].role, Role::Assistant);
}

#[test]
fn completion() {
    let card = |style: &str| testkit::card(&json!({"name": "m", "options": {"style": style}}));
    let request = |suffix| CompletionRequest {
        prefix: "登鹳雀楼->王之涣\n夜雨寄北->".to_owned(),
        suffix,
    };
    let prompt = <Baichuan as Completion>::render(&card("base"), &request(None)).unwrap();
    assert_eq!(prompt.parts, [PromptPart::Text(request(None).prefix)]);
    assert_eq!((prompt.add_bos, prompt.space_prefix), (Some(false), Some(true)));
    assert_eq!(prompt.stop_tokens, [2]);
    let suffix = request(Some("x".to_owned()));
    assert!(<Baichuan as Completion>::render(&card("base"), &suffix).is_err());
}
