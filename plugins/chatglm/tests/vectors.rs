//! Prompts that the models' own templates, FastChat and Xinference render, and the token ids of
//! the reference tokenizers as far as the prompt itself gives them.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]

use chatglm::ChatGlm;
use plugin_sdk::{Chat, Completion, CompletionRequest, Prompt, PromptPart, testkit};
use serde_json::{Value, json};

fn render(style: &str, request: &Value) -> Prompt {
    let card = json!({"name": "m", "options": {"style": style}, "control-tokens": {
        "[gMASK]": 1, "<sop>": 2, "<|system|>": 3, "<|user|>": 4, "<|assistant|>": 5,
        "<|observation|>": 6,
    }});
    let request = testkit::request(request).unwrap();
    <ChatGlm as Chat>::render(&testkit::card(&card), &request).unwrap()
}

#[track_caller]
fn check(style: &str, request: &Value, expect: &Value) {
    let text = testkit::flatten(&render(style, request), |_| String::new());
    assert_eq!(Value::from(text), *expect, "{style} {request}");
}

/// The conversation of a vector as a client sends it.
fn conversation(vectors: &Value, name: &str) -> Value {
    let mut request = vectors["conversations"][name].clone();
    if let Some(thinking) = request.get("enable_thinking").cloned() {
        request["reasoning"] = thinking;
    }
    request
}

#[test]
fn templates() {
    let Some(vectors) = testkit::shared("vectors/jinja_vectors.json") else { return };
    let styles = [
        ("GLM-4.6", &["glm-4.5", "glm-4.6"][..]),
        ("GLM-4.7(-Flash)", &["glm-4.7"]),
        ("GLM-5", &["glm-5"]),
        ("GLM-4-0414", &["glm-4-0414"]),
        ("glm-4-9b-chat", &["glm-4"]),
    ];
    for (vector, styles) in styles {
        for (name, expect) in vectors["rendered"][vector].as_object().unwrap() {
            // GLM-4's templates know nothing of tool calls in OpenAI's form; what they make of
            // them is no prompt. The calls are tested below.
            if name == "tool_roundtrip" && vector.to_lowercase().starts_with("glm-4-") {
                continue;
            }
            for style in styles {
                check(style, &conversation(&vectors, name), expect);
            }
        }
    }
}

#[test]
fn glm4_calls() {
    let Some(vectors) = testkit::shared("vectors/jinja_vectors.json") else { return };
    let mut request = conversation(&vectors, "tool_roundtrip");
    request["messages"][1]["tool_calls"][0]["function"]["arguments"] = json!({"city": "Beijing"});
    check("glm-4", &request, &vectors["rendered"]["glm-4-9b-chat"]["tool_roundtrip"]);
}

#[test]
fn rounds() {
    let single = json!({"messages": [{"role": "user", "content": "Hello!"}]});
    let multi = json!({"messages": [
        {"role": "user", "content": "Hello!"},
        {"role": "assistant", "content": "Hi!"},
        {"role": "user", "content": "How are you?"},
    ]});
    let v1 = |request: &Value, expect: &Value| {
        let expect = format!("{}[gMASK]<sop>", expect.as_str().unwrap());
        check("chatglm", request, &Value::from(expect));
    };
    let v2 = |request: &Value, expect: &Value| {
        let expect = format!("[gMASK]{}", expect.as_str().unwrap());
        check("chatglm2", request, &Value::from(expect));
    };
    for file in ["vectors/fastchat_vectors.json", "vectors/xinference_v0.3_vectors.json"] {
        let Some(vectors) = testkit::shared(file) else { return };
        v1(&single, &vectors["chatglm"]["single"]);
        v1(&multi, &vectors["chatglm"]["multi"]);
        v2(&single, &vectors["chatglm2"]["single"]);
        v2(&multi, &vectors["chatglm2"]["multi"]);
    }
}

/// The ids of the special tokens in a prompt for a vocabulary that lists none of them.
fn special_ids(style: &str, size: u32, messages: &Value) -> Vec<u32> {
    let card = json!({"name": "m", "options": {"style": style}, "vocabulary-size": size});
    let request = testkit::request(&json!({"messages": messages})).unwrap();
    let prompt = <ChatGlm as Chat>::render(&testkit::card(&card), &request).unwrap();
    tokens(&prompt)
}

fn tokens(prompt: &Prompt) -> Vec<u32> {
    let token = |part: &PromptPart| match part {
        PromptPart::Token(id) => Some(*id),
        _ => None,
    };
    prompt.parts.iter().filter_map(token).collect()
}

#[test]
fn ids() {
    let Some(vectors) = testkit::shared("vectors/chatglm_baichuan_token_vectors.json") else {
        return;
    };
    for (model, style, size) in [("ChatGLM3", "chatglm3", 65_024), ("ChatGLM4", "glm-4", 151_552)] {
        // The ids from the first special one on; what is below is text.
        let first = if size == 65_024 { 64_789 } else { 151_329 };
        for chat in vectors[model]["chat"].as_array().unwrap() {
            let mut messages = chat["messages"].clone();
            for message in messages.as_array_mut().unwrap() {
                if message["content"].is_object() {
                    message["content"] = json!("the text of a file");
                }
            }
            let ids = chat["ids"].as_array().unwrap().iter().map(|id| id.as_u64().unwrap());
            let expect: Vec<_> = ids.filter(|id| *id >= first).collect();
            let actual = special_ids(style, size, &messages);
            assert_eq!(actual.into_iter().map(u64::from).collect::<Vec<_>>(), expect, "{model}");
        }
    }
}

#[test]
fn completion_ids() {
    let render = |style: &str| {
        let card = json!({"name": "m", "options": {"style": style}});
        let request = CompletionRequest { prefix: "# bubble sort\n".to_owned(), suffix: None };
        <ChatGlm as Completion>::render(&testkit::card(&card), &request).unwrap()
    };
    assert_eq!(tokens(&render("chatglm2")), [64_790, 64_792]);
    assert_eq!(tokens(&render("chatglm")), [130_001, 130_004]);
    let parts = render("chatglm").parts;
    assert_eq!(parts.first(), Some(&PromptPart::Text("# bubble sort\n".to_owned())));
}
