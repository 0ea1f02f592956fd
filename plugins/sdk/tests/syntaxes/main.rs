//! Every syntax: what its models write, whole and in pieces, and what must come of it.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

mod detection;
mod json;
mod pieces;
mod python;
mod reasoning;
mod tagged;

use plugin_sdk::reply::Syntax;
use plugin_sdk::testkit::{self, check_chunks, parse_whole, show_events};
use plugin_sdk::{ChatRequest, FinishReason};
use serde_json::{Value, json};

/// Tools with arguments of every kind.
fn tools() -> Value {
    let tool = |name: &str, properties: Value| {
        let parameters = json!({"type": "object", "properties": properties});
        json!({"type": "function", "function": {"name": name, "parameters": parameters}})
    };
    json!([
        tool("weather", json!({"city": {"type": "string"}, "days": {"type": "integer"}})),
        tool("weather_map", json!({})),
        tool("now", json!({})),
        tool("python", json!({"code": {"type": "string"}})),
        tool("amount", json!({"value": {"type": "number"}, "exact": {"type": "boolean"}})),
        tool("todo", json!({"items": {"type": "array"}})),
        tool("config", json!({"settings": {"type": "object"}})),
        tool("rename", json!({"name": {"type": ["string", "null"]}})),
        tool(
            "union",
            json!({
                "value": {"type": ["object", "string"]},
                "label": {"anyOf": [{"type": "string"}, {"type": "object"}]},
            })
        ),
        tool("calendar.add", json!({"title": {"type": "string"}})),
    ])
}

fn request() -> ChatRequest {
    let request = json!({"messages": [{"role": "user", "content": "?"}], "tools": tools()});
    testkit::request(&request).unwrap()
}

/// A reply to a prompt that ends with `tail`, and its events on one line.
#[track_caller]
fn check_after(tail: &str, syntax: Syntax, text: &str, expect: &str) {
    let request = request();
    check_chunks(|| syntax.parser(&request, tail), text, FinishReason::Stop);
    let events = parse_whole(syntax.parser(&request, tail), text, FinishReason::Stop);
    assert_eq!(show_events(&events).trim_end().replace('\n', " "), expect);
}

#[track_caller]
fn check(syntax: Syntax, text: &str, expect: &str) {
    check_after("<|assistant|>", syntax, text, expect);
}

/// A reply that is content and nothing else.
#[track_caller]
fn check_content(syntax: Syntax, text: &str) {
    check(syntax, text, &json!({"content": text}).to_string());
}
