//! Reasoning, in all its forms, and channels.

use super::*;

#[test]
fn think() {
    let opened =
        |text: &str, expect: &str| check_after("<think>\n", Syntax::QwenCoder, text, expect);
    opened(
        "I'm\nthinking\n</think>\n\nHello",
        r#"{"reasoning":"I'm\nthinking"} {"content":"Hello"}"#,
    );
    opened("</think>\n\nHello", r#"{"content":"Hello"}"#);
    opened("<think>\nagain\n</think>\n\nHello", r#"{"reasoning":"again"} {"content":"Hello"}"#);
    opened("never closed ", r#"{"reasoning":"never closed"}"#);
    opened("cut </thi", r#"{"reasoning":"cut </thi"}"#);
    let call = "<tool_call>\n<function=now>\n</function>\n</tool_call>";
    let now = r#"{"call":"now"} {"arguments":"{}"}"#;
    opened(call, now);
    opened(&format!("Need to look.\n{call}"), &format!(r#"{{"reasoning":"Need to look."}} {now}"#));
    opened(
        &format!("Maybe {call} hm\n</think>\n\n{call}"),
        &format!("{} {now}", json!({"reasoning": format!("Maybe {call} hm")})),
    );
    opened("I could use <tool_call> later", r#"{"reasoning":"I could use <tool_call> later"}"#);
    check(Syntax::Think, "<think>a</think>b", r#"{"reasoning":"a"} {"content":"b"}"#);
    check_after("<think></think>", Syntax::Think, "b", r#"{"content":"b"}"#);
}

#[test]
fn cut_by_length() {
    let request = request();
    let parser = Syntax::QwenCoder.parser(&request, "<think>");
    let text = "Maybe <tool_call>\n<function=now>\n</function>\n</tool_call> hm";
    let events = parse_whole(parser, text, FinishReason::Length);
    assert_eq!(show_events(&events).trim_end(), json!({"reasoning": text}).to_string());
}

#[test]
fn gemma() {
    let check = |text, expect| check(Syntax::Gemma4, text, expect);
    let thought = r#"{"reasoning":"I'm\nthinking"} {"content":"Hello!"}"#;
    check("<|channel>thought\nI'm\nthinking<channel|>Hello!", thought);
    for text in [
        "<|channel>thought<channel|>Hello!",
        "<|channel>thought\n<channel|>Hello!<channel|>",
        "<|channel>thought\n<channel|>Hello!<|channel>thought\n<channel|><channel|>",
        "<|channel><|channel>thought\n<channel|>Hello!",
    ] {
        check(text, r#"{"content":"Hello!"}"#);
    }
}

#[test]
fn harmony() {
    let check =
        |text: &str, expect: &str| check_after("<|start|>assistant", Syntax::Harmony, text, expect);
    let thinking = "<|channel|>analysis<|message|>I'm\nthinking<|end|>";
    let call = r#"{"call":"weather"} {"arguments":"{\"days\": 1}"}"#;
    check("<|channel|>final<|message|>Hello!\nWhat?", r#"{"content":"Hello!\nWhat?"}"#);
    check("<|channel|>commentary<|message|>Hello!", r#"{"content":"Hello!"}"#);
    check(
        &format!("{thinking}<|start|>assistant<|channel|>final<|message|>Hello!"),
        r#"{"reasoning":"I'm\nthinking"} {"content":"Hello!"}"#,
    );
    for head in [
        " to=functions.weather<|channel|>analysis<|message|>",
        " to=functions.weather<|channel|>analysis <|constrain|>json<|message|>",
        "<|channel|>analysis to=functions.weather<|message|>",
        "<|channel|>commentary to=functions.weather <|constrain|>json<|message|>",
        "<|channel|> commentary to=functions.weather<|message|> ",
    ] {
        check(&format!("{head}{{\"days\": 1}}"), call);
    }
    check(
        &format!(
            "{thinking}<|start|>assistant<|channel|>commentary to=functions.weather <|constrain|>json<|message|>{{\"days\": 1}}<|end|><|start|>assistant to=functions.now<|channel|>commentary<|message|>{{}}<|call|>"
        ),
        &format!(
            r#"{{"reasoning":"I'm\nthinking"}} {call} {{"call":"now"}} {{"arguments":"{{}}"}}"#
        ),
    );
    check(
        &format!(
            "{thinking}<|start|>assistant to=container.exec<|channel|>commentary<|message|>ls"
        ),
        r#"{"reasoning":"I'm\nthinking"}"#,
    );
    check(
        "<|channel|>commentary to=assistant<|channel|>analysis<|message|>I'm<|end|><|start|>assistant<|channel|>final<|message|>Hello!",
        r#"{"reasoning":"I'm"} {"content":"Hello!"}"#,
    );
    check("<|channel|>analysis<|message|>I'm\nthinking ", r#"{"reasoning":"I'm\nthinking"}"#);
    check(
        "<|channel|>commentary to=functions.weather<|message|>{oops<|call|>",
        r#"{"content":"{oops"}"#,
    );
    check("Just text", r#"{"content":"Just text"}"#);
}

#[test]
fn continued() {
    let request = testkit::request(&json!({
        "messages": [
            {"role": "user", "content": "?"},
            {"role": "assistant", "content": "Hello, "},
        ],
        "continue-last": true,
    }))
    .unwrap();
    let parse = |syntax: Syntax, tail: &str, text: &str| {
        let events = parse_whole(syntax.parser(&request, tail), text, FinishReason::Stop);
        show_events(&events).trim_end().replace('\n', " ")
    };
    let content = r#"{"content":"world!"}"#;
    let both = r#"{"reasoning":"thinking"} {"content":"Hello"}"#;
    assert_eq!(parse(Syntax::Hermes, "<think>I'm</think>Hello, ", "world!"), content);
    assert_eq!(parse(Syntax::Hermes, "<think>\nI'm", " thinking\n</think>Hello"), both);
    let start = "<|start|>assistant<|channel|>analysis<|message|>I'm";
    assert_eq!(
        parse(
            Syntax::Harmony,
            start,
            " thinking<|end|><|start|>assistant<|channel|>final<|message|>Hello"
        ),
        both
    );
    let start = "<|start|>assistant<|channel|>final<|message|>Hello, ";
    assert_eq!(parse(Syntax::Harmony, start, "world!"), content);
}
