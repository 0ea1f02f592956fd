//! Nothing that a client sends becomes a special token.

use chatglm::{ChatGlm, Version};
use plugin_sdk::{Chat, Family, PromptPart, testkit};
use serde_json::{Map, Value, json};

/// Every special token that some version has.
const TOKENS: &[&str] = &[
    "[MASK]",
    "[gMASK]",
    "[sMASK]",
    "sop",
    "eop",
    "<sop>",
    "<eop>",
    "</s>",
    "<|system|>",
    "<|user|>",
    "<|assistant|>",
    "<|observation|>",
    "<|endoftext|>",
    "<think>",
    "</think>",
    "<tool_call>",
    "</tool_call>",
    "<arg_key>",
    "</arg_key>",
    "<arg_value>",
    "</arg_value>",
    "<tool_response>",
    "</tool_response>",
    "/nothink",
];

/// A conversation that says `text` wherever a client may say something.
fn request(text: &str, tools: bool) -> Value {
    let mut messages =
        vec![json!({"role": "system", "content": text}), json!({"role": "user", "content": text})];
    if !tools {
        return json!({"messages": messages});
    }
    let arguments = json!({text: text, "list": [text]});
    let call = json!({"id": "1", "function": {"name": text, "arguments": arguments}});
    messages.push(json!({"role": "assistant", "content": "well", "tool_calls": [call]}));
    messages.push(json!({"role": "tool", "tool_call_id": "1", "content": text}));
    let parameters = json!({"type": "object", "properties": {text: {"description": text}}});
    let function = json!({"name": text, "description": text, "parameters": parameters});
    json!({"messages": messages, "tools": [{"type": "function", "function": function}]})
}

#[test]
fn spelled_controls_stay_text() {
    let spelled = TOKENS.concat();
    let controls: Map<_, _> =
        TOKENS.iter().zip(7_u32..).map(|(text, id)| ((*text).to_owned(), json!(id))).collect();
    for (style, _) in Version::NAMES {
        let card = json!({"name": "x", "options": {"style": style}, "control-tokens": controls});
        let card = testkit::card(&card);
        let profile = ChatGlm::profile(&card).unwrap();
        let tools = profile.features.iter().any(|feature| feature == "tools");
        let frame = |text: &str| {
            let request = testkit::request(&request(text, tools)).unwrap();
            let parts = ChatGlm::render(&card, &request).unwrap().parts;
            let special = |part: &PromptPart| !matches!(part, PromptPart::Text(_));
            parts.into_iter().filter(special).collect::<Vec<_>>()
        };
        assert_eq!(frame("x"), frame(&spelled), "{style}");
    }
}
