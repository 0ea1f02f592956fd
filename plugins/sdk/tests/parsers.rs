//! Every parser gives the same events however a reply is cut, whatever the reply is.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop")]

use plugin_sdk::reply::{
    Body, Headed, Marked, Opening, Plain, Reasoning, ReplyParser, python_call, syntax,
};
use plugin_sdk::testkit::{self, check_chunks, parse_whole, show_events};
use plugin_sdk::{ChatRequest, FinishReason};
use proptest::prelude::*;
use serde_json::json;

fn request() -> ChatRequest {
    testkit::request(&json!({
        "messages": [{"role": "user", "content": "?"}],
        "tools": [
            {"type": "function", "function": {"name": "weather", "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
            }}},
            {"type": "function", "function": {"name": "weather_map", "parameters": {}}},
        ],
    }))
    .unwrap()
}

/// The parsers by what they are for; each test names one.
fn parser(kind: &str) -> Box<dyn ReplyParser> {
    let request = request();
    let headed = |body| Headed::new("<|assistant|>", body, &request);
    let python = Body { first: '`', read: python_call };
    match kind {
        "plain" => Box::new(Plain::new(&request)),
        "json" => Box::new(Marked::new(&syntax::json::HERMES, &request)),
        "xml" => Box::new(Marked::new(&syntax::tagged::GLM, &request)),
        "python" => Box::new(headed(python)),
        "opened" => {
            let xml = Marked::new(&syntax::tagged::GLM, &request);
            Box::new(Reasoning::think(Opening::Prompt, xml))
        }
        "reasoning" => {
            let json = Marked::new(&syntax::json::HERMES, &request);
            Box::new(Reasoning::think(Opening::Model, json))
        }
        other => panic!("no parser `{other}`"),
    }
}

#[track_caller]
fn check(kind: &str, text: &str, expect: &str) {
    check_chunks(|| parser(kind), text, FinishReason::Stop);
    let events = show_events(&parse_whole(parser(kind), text, FinishReason::Stop));
    assert_eq!(events.trim_end().replace('\n', " "), expect);
}

#[test]
fn reasoning() {
    check(
        "opened",
        "I'm\nthinking</think>Hello!",
        r#"{"reasoning":"I'm\nthinking"} {"content":"Hello!"}"#,
    );
    check("opened", "never closed ", r#"{"reasoning":"never closed"}"#);
    check("opened", "<think>again</think>\n\nYes", r#"{"reasoning":"again"} {"content":"Yes"}"#);
    check("opened", "</think>Yes", r#"{"content":"Yes"}"#);
    check("reasoning", "\n<think>\na\n</think>\n\nb", r#"{"reasoning":"a"} {"content":"b"}"#);
    check("reasoning", "<think></think>b", r#"{"content":"b"}"#);
    check("reasoning", "a <b> </think> c", r#"{"content":"a <b>  c"}"#);
    check("reasoning", "a <think> b", r#"{"content":"a <think> b"}"#);
    check("reasoning", "<think>a</thin", r#"{"reasoning":"a</thin"}"#);
}

#[test]
fn json_calls() {
    check(
        "json",
        "<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"天\"}}\n</tool_call>",
        r#"{"call":"weather"} {"arguments":"{\"city\": \"天\"}"}"#,
    );
    check(
        "json",
        "Both.\n<tool_call>{\"name\":\"a\"}</tool_call>\n<tool_call>{\"name\":\"b\",\"arguments\":\"{}\"}</tool_call>\n",
        r#"{"content":"Both."} {"call":"a"} {"arguments":"{}"} {"call":"b"} {"arguments":"{}"}"#,
    );
    check(
        "json",
        "<tool_call>{oops}</tool_call> ok",
        r#"{"content":"<tool_call>{oops}</tool_call> ok"}"#,
    );
    check("json", "x <tool_call>{\"name\":", r#"{"content":"x <tool_call>{\"name\":"}"#);
}

#[test]
fn xml_calls() {
    check(
        "xml",
        "Before <tool_call>weather<arg_key>city</arg_key><arg_value>Beijing</arg_value></tool_call> after",
        r#"{"content":"Before "} {"call":"weather"} {"arguments":"{\"city\": \"Beijing\"}"} {"content":" after"}"#,
    );
    check(
        "xml",
        "<tool_call>weather\n<arg_key>city</arg_key>\n<arg_value>3</arg_value>\n<arg_key>days</arg_key>\n<arg_value>3</arg_value>\n<arg_key>x</arg_key>\n<arg_value>{\"unit\": \"c\"}</arg_value>\n</tool_call>",
        r#"{"call":"weather"} {"arguments":"{\"city\": \"3\", \"days\": 3, \"x\": {\"unit\": \"c\"}}"}"#,
    );
    check(
        "xml",
        "<tool_call>weather_map</tool_call>",
        r#"{"call":"weather_map"} {"arguments":"{}"}"#,
    );
    check("xml", "<tool_call>a b</tool_call>", r#"{"content":"<tool_call>a b</tool_call>"}"#);
    check(
        "xml",
        "<tool_call>weather<arg_key>city</arg_key></tool_call>",
        r#"{"content":"<tool_call>weather<arg_key>city</arg_key></tool_call>"}"#,
    );
}

#[test]
fn headed_calls() {
    check(
        "python",
        "weather\n```python\ntool_call(city='Beijing', days=3)\n```",
        r#"{"call":"weather"} {"arguments":"{\"city\": \"Beijing\", \"days\": 3}"}"#,
    );
    check("python", "\n Hello", r#"{"content":"Hello"}"#);
    check("python", "weather\nis fine", r#"{"content":"weather\nis fine"}"#);
    check("python", "weather_ma", r#"{"content":"weather_ma"}"#);
    check(
        "python",
        "weather\n```python\ntool_call(",
        r#"{"content":"weather\n```python\ntool_call("}"#,
    );
    check(
        "python",
        "a <|assistant|> b<|assistant|>weather\nis fine",
        r#"{"content":"a <|assistant|> b<|assistant|>weather\nis fine"}"#,
    );
    check(
        "python",
        "Let me see.\nweather_map\n```python\ntool_call()\n```",
        r#"{"content":"Let me see.\nweather_map\n```python\ntool_call()\n```"}"#,
    );
    check(
        "python",
        "<|assistant|>weather\n```oops<|assistant|>weather_map\n```python\ntool_call()\n```",
        r#"{"content":"<|assistant|>weather\n```oops"} {"call":"weather_map"} {"arguments":"{}"}"#,
    );
    check(
        "python",
        "weather\n```oops<|assistant|>End",
        r#"{"content":"weather\n```oops<|assistant|>End"}"#,
    );
    check(
        "python",
        "First this.<|assistant|>weather_map\n```python\ntool_call()\n```<|assistant|>\n Done",
        r#"{"content":"First this."} {"call":"weather_map"} {"arguments":"{}"} {"content":"\n Done"}"#,
    );
}

/// Pieces of which replies are made: markers, their parts, and what looks like them.
fn reply() -> impl Strategy<Value = String> {
    const PIECES: &[&str] = &[
        "<think>",
        "</think>",
        "<tool_call>",
        "</tool_call>",
        "<arg_key>",
        "</arg_key>",
        "<arg_value>",
        "</arg_value>",
        "<|assistant|>",
        "weather",
        "weather_map",
        "\n",
        " ",
        "```python\n",
        "tool_call(",
        "city='x'",
        ")",
        "\n```",
        "{\"name\": \"weather\"}",
        "{}",
        "<",
        "</th",
        "天气",
        "é",
        "🚀",
        "text",
    ];
    prop::collection::vec(prop::sample::select(PIECES), 0..14).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_cut_of_any_reply(text in reply(), arbitrary in "\\PC{0,40}", cut_short: bool) {
        let reason = if cut_short { FinishReason::Length } else { FinishReason::Stop };
        for kind in ["plain", "json", "xml", "python", "opened", "reasoning"] {
            check_chunks(|| parser(kind), &text, reason);
            check_chunks(|| parser(kind), &arbitrary, reason);
        }
    }
}
