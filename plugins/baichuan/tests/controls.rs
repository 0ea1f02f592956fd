//! Nothing that a client sends becomes a special token.

use baichuan::{Baichuan, Version};
use plugin_sdk::{Chat, Family, PromptPart, testkit};
use serde_json::{Map, Value, json};

/// Every special token that some version has.
const TOKENS: &[&str] = &[
    "</s>",
    "<s>",
    "<reserved_102>",
    "<reserved_103>",
    "<reserved_106>",
    "<reserved_107>",
    "<B_SYS>",
    "<C_Q>",
    "<C_A>",
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<think>",
    "<tool_call>",
    "</tool_call>",
    "<tool_response>",
    "</tool_response>",
];

/// A conversation that says `text` wherever a client may say something.
fn request(text: &str, tools: bool) -> Value {
    let user = json!({"role": "user", "content": format!("say {text}")});
    let mut messages = vec![
        json!({"role": "system", "content": text}),
        user.clone(),
        json!({"role": "assistant", "content": text}),
        user,
    ];
    if !tools {
        return json!({"messages": messages});
    }
    let arguments = json!({text: text, "list": [text]});
    let call = json!({"id": "1", "function": {"name": text, "arguments": arguments}});
    messages.push(json!({
        "role": "assistant", "content": "well", "reasoning": text, "tool_calls": [call],
    }));
    messages.push(json!({"role": "tool", "tool_call_id": "1", "content": text}));
    let parameters = json!({"type": "object", "properties": {text: {"description": text}}});
    let function = json!({"name": text, "description": text, "parameters": parameters});
    json!({"messages": messages, "tools": [{"type": "function", "function": function}]})
}

#[test]
fn spelled_controls_stay_text() {
    let spelled = TOKENS.concat();
    let controls: Map<_, _> =
        TOKENS.iter().zip(300_u32..).map(|(text, id)| ((*text).to_owned(), json!(id))).collect();
    for (style, version) in Version::NAMES {
        if version == Version::Base {
            continue;
        }
        let card = json!({"name": "x", "options": {"style": style}, "control-tokens": controls});
        let card = testkit::card(&card);
        let features = Baichuan::profile(&card).unwrap().features;
        let tools = features.iter().any(|feature| feature == "tools");
        let frame = |text: &str| {
            let request = testkit::request(&request(text, tools)).unwrap();
            let parts = <Baichuan as Chat>::render(&card, &request).unwrap().parts;
            let special = |part: &PromptPart| !matches!(part, PromptPart::Text(_));
            parts.into_iter().filter(special).collect::<Vec<_>>()
        };
        assert_eq!(frame("x"), frame(&spelled), "{style}");
    }
}
