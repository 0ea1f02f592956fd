//! Calls in JSON.

use plugin_sdk::ReplyEvent;

use super::*;

#[test]
fn hermes() {
    let check = |text, expect| check(Syntax::Hermes, text, expect);
    check(
        "<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"天\"}}\n</tool_call>",
        r#"{"call":"weather"} {"arguments":"{\"city\": \"天\"}"}"#,
    );
    check(
        "Hello!\nWhat?\n<tool_call>{\"name\":\"weather\",\"arguments\":{\"days\":1}}</tool_call>\n<tool_call>\n{\"arguments\": {}, \"name\": \"now\"}\n</tool_call>",
        r#"{"content":"Hello!\nWhat?"} {"call":"weather"} {"arguments":"{\"days\":1}"} {"call":"now"} {"arguments":"{}"}"#,
    );
    check(
        "<tool_call>{\"name\":\"now\"}</tool_call> and <tool_call>[{\"name\":\"now\",\"arguments\":\"{}\"}, {\"name\":\"now\"}]</tool_call> after",
        r#"{"call":"now"} {"arguments":"{}"} {"content":" and "} {"call":"now"} {"arguments":"{}"} {"call":"now"} {"arguments":"{}"} {"content":" after"}"#,
    );
    check(
        "<think>\nhm\n</think>\n\n<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>",
        r#"{"reasoning":"hm"} {"call":"now"} {"arguments":"{}"}"#,
    );
}

#[test]
fn malformed() {
    for text in [
        "<tool_call>{oops}</tool_call> ok",
        "<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": Paris}}\n</tool_call>",
        "<tool_call>{\"name\": \"weather\", \"arguments\": [1]}</tool_call>",
        "<tool_call>{\"nom\": \"weather\"}</tool_call>",
        "x <tool_call>{\"name\":",
        "x <tool_call>{\"name\": \"weather\", \"arguments\": {\"city\": \"Par",
        "a </tool_call> b",
        "<tool_ca",
    ] {
        check_content(Syntax::Hermes, text);
    }
    check(
        Syntax::Hermes,
        "<tool_call>oops <tool_call>{\"name\":\"now\"}</tool_call>",
        r#"{"content":"<tool_call>oops "} {"call":"now"} {"arguments":"{}"}"#,
    );
}

/// However long a call is, one that breaks is text with its markers.
#[test]
fn long_arguments() {
    let head = "<tool_call>{\"name\": \"python\", \"arguments\": ";
    let arguments = format!("{{\"code\": \"{}\"}}", "é🚀\\n".repeat(100));
    let call = |rest: &str| format!("{head}{arguments}{rest}");
    let shown = json!({"arguments": arguments}).to_string();
    check(
        Syntax::Hermes,
        &call("}</tool_call> after"),
        &format!("{{\"call\":\"python\"}} {shown} {{\"content\":\" after\"}}"),
    );
    check_content(Syntax::Hermes, &call("oops"));
    check_content(Syntax::Hermes, &format!("{head}{}", arguments.trim_end_matches("\"}")));
}

#[test]
fn llama() {
    let check = |text, expect| check(Syntax::Llama3, text, expect);
    let weather = r#"{"call":"weather"} {"arguments":"{\"city\": \"Paris\"}"}"#;
    check(r#"{"name": "weather", "parameters": {"city": "Paris"}}"#, weather);
    check(
        r#"<|python_tag|>{"type": "function", "name": "weather", "parameters": {"city": "Paris"}}"#,
        weather,
    );
    check("{'name': 'weather', 'parameters': {'city': 'Paris'}}", weather);
    check(
        r#"{"name": "now", "parameters": {}}; {"name": "now", "parameters": {}}"#,
        r#"{"call":"now"} {"arguments":"{}"} {"call":"now"} {"arguments":"{}"}"#,
    );
    check(
        r#"{"name": "now", "parameters": {}} Done; {"name": "now", "parameters": {}}"#,
        r#"{"call":"now"} {"arguments":"{}"} {"content":" Done; {\"name\": \"now\", \"parameters\": {}}"}"#,
    );
    for text in [
        r#"{"function": "weather", "parameters": {}}"#,
        r#"{"name": "weather", "args": {}}"#,
        r#"{"name": "nobody", "parameters": {}}"#,
        r#"{"name": "weather", "parameters": {"#,
        r#"[{"name": "weather"}]"#,
        "{ \"answer\": 42 }",
        "__import__('os').system('x')",
        "Sure: {\"name\": \"now\", \"parameters\": {}}",
    ] {
        check_content(Syntax::Llama3, text);
    }
}

#[test]
fn mistral() {
    let check = |text, expect| check(Syntax::MistralArgs, text, expect);
    check(
        "[TOOL_CALLS][{\"name\": \"weather\", \"arguments\": {\"days\": 1}, \"id\": \"123456789\"}]",
        r#"{"call":"weather","id":"123456789"} {"arguments":"{\"days\": 1}"}"#,
    );
    check(
        "Hi[TOOL_CALLS]weather[CALL_ID]000000001[ARGS]{\"days\": 1}[TOOL_CALLS]now[CALL_ID]000000002[ARGS]{}",
        r#"{"content":"Hi"} {"call":"weather","id":"000000001"} {"arguments":"{\"days\": 1}"} {"call":"now","id":"000000002"} {"arguments":"{}"}"#,
    );
    check(
        "[THINK]I'm\nthinking[/THINK][TOOL_CALLS]weather[ARGS]{\"days\":1}",
        r#"{"reasoning":"I'm\nthinking"} {"call":"weather"} {"arguments":"{\"days\":1}"}"#,
    );
    check(
        "[THINK]about [TOOL_CALLS]now[ARGS]{} and more[/THINK][TOOL_CALLS]now[ARGS]{}",
        r#"{"reasoning":"about [TOOL_CALLS]now[ARGS]{} and more"} {"call":"now"} {"arguments":"{}"}"#,
    );
    check("[TOOL_CALLS]now{}", r#"{"call":"now"} {"arguments":"{}"}"#);
    check_content(Syntax::Mistral, "[TOOL_CALLS]weather[ARGS]no");
    check_content(Syntax::Mistral, "[TOOL_CALLS][]");
}

#[test]
fn deepseek() {
    let check = |text, expect| check(Syntax::DeepSeek, text, expect);
    let call = r#"{"call":"weather"} {"arguments":"{\"city\": \"Paris\"}"}"#;
    check(
        "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>weather\n```json\n{\"city\": \"Paris\"}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
        call,
    );
    check(
        "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>weather<｜tool▁sep｜>{\"city\": \"Paris\"}<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
        call,
    );
    check(
        "CONTENT<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>now<｜tool▁sep｜>{}<｜tool▁call▁end｜><｜tool▁call▁begin｜>now<｜tool▁sep｜>{}<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
        r#"{"content":"CONTENT"} {"call":"now"} {"arguments":"{}"} {"call":"now"} {"arguments":"{}"}"#,
    );
    check("<｜tool▁calls▁begin｜>weather<｜tool▁sep｜>{\"city\": \"Paris\"}", call);
    check("```json{\"name\": \"weather\",\"parameters\": {\"city\": \"Paris\"}}```", call);
    check_content(Syntax::DeepSeek, "```json\n{\"a\": 1}\n```");
    check_content(
        Syntax::DeepSeek31,
        "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>func<｜tool▁sep｜>{invalid_json<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
    );
}

#[test]
fn kimi() {
    let call = |name: &str, count: u32, arguments: &str| {
        format!(
            "<|tool_call_begin|>functions.{name}:{count}<|tool_call_argument_begin|>{arguments}"
        )
    };
    let expect = r#"{"call":"weather","id":"functions.weather:0"} {"arguments":"{\"days\": 1}"} {"call":"now","id":"functions.now:1"} {"arguments":"{}"}"#;
    let [first, second] = [call("weather", 0, "{\"days\": 1}"), call("now", 1, "{}")];
    let end = "<|tool_call_end|>";
    check(
        Syntax::Kimi,
        &format!("<|tool_calls_section_begin|>{first}{end}{second}{end}<|tool_calls_section_end|>"),
        expect,
    );
    check(Syntax::Kimi, &format!("{first}{second}"), expect);
    check(
        Syntax::Kimi,
        &format!(
            "<think>I need both<|tool_calls_section_begin|>{first}{end}{second}{end}<|tool_calls_section_end|>"
        ),
        &format!(r#"{{"reasoning":"I need both"}} {expect}"#),
    );
    check_content(Syntax::Kimi, "<|tool_calls_section_begin|> nothing");
}

#[test]
fn lists() {
    let call = r#"{"call":"weather"} {"arguments":"{\"days\": 1}"}"#;
    let list = r#"[{"name": "weather", "arguments": {"days": 1}}]"#;
    check(Syntax::Nemotron, &format!("<TOOLCALL>{list}</TOOLCALL>\n"), call);
    check(Syntax::Granite, &format!("<|tool_call|>{list}"), call);
    check(Syntax::Functools, &format!(" functools{list}"), call);
    check(
        Syntax::MiniMax,
        &format!("<tool_calls>\n{}\n</tool_calls>", &list[1..list.len() - 1]),
        call,
    );
    check(
        Syntax::MiniMax,
        "<tool_calls>\n{\"name\": \"now\", \"arguments\": {}}\n{\"name\": \"now\", \"arguments\": {}}\n</tool_calls>",
        r#"{"call":"now"} {"arguments":"{}"} {"call":"now"} {"arguments":"{}"}"#,
    );
    check_after(
        "Here are my reasoning steps:\n",
        Syntax::Apriel,
        &format!("I'm\nthinking\n[BEGIN FINAL RESPONSE]\n<tool_calls>{list}</tool_calls>"),
        &format!(r#"{{"reasoning":"I'm\nthinking"}} {call}"#),
    );
    check(Syntax::Apertus, "<|tools_prefix|>[{\"weather\": {\"days\": 1}}]<|tools_suffix|>", call);
    check(
        Syntax::GigaChat,
        &format!("Hi<|function_call|>{}", &list[1..list.len() - 1]),
        &format!(r#"{{"content":"Hi"}} {call}"#),
    );
    check(
        Syntax::GigaChat,
        &format!("<|message_sep|>\n\nfunction call<|role_sep|>\n{}", &list[1..list.len() - 1]),
        call,
    );
}

#[test]
fn cohere() {
    check(
        Syntax::CommandR7B,
        "<|START_THINKING|>I'm\nthinking<|END_THINKING|><|START_ACTION|>[\n    {\"tool_call_id\": \"0\", \"tool_name\": \"weather\", \"parameters\": {\"days\": 1}},\n    {\"tool_call_id\": \"1\", \"tool_name\": \"now\", \"parameters\": {}}\n]<|END_ACTION|>",
        r#"{"reasoning":"I'm\nthinking"} {"call":"weather","id":"0"} {"arguments":"{\"days\": 1}"} {"call":"now","id":"1"} {"arguments":"{}"}"#,
    );
    check(
        Syntax::CommandR7B,
        "<|START_RESPONSE|>Hello, world!\nWhat's up?<|END_RESPONSE|>",
        r#"{"content":"Hello, world!\nWhat's up?"}"#,
    );
    check_after(
        "<|CHATBOT_TOKEN|><|START_THINKING|>",
        Syntax::CommandR7B,
        "<|END_THINKING|><|START_TEXT|>Hello<|END_TEXT|>",
        r#"{"content":"Hello"}"#,
    );
    check(
        Syntax::CommandR,
        "I'll see.\nAction:\n```json\n[{\"tool_name\": \"weather\", \"parameters\": {\"days\": 1}}]\n```",
        r#"{"content":"I'll see."} {"call":"weather"} {"arguments":"{\"days\": 1}"}"#,
    );
    check_content(Syntax::CommandR, "Action: none");
}

#[test]
fn functionary() {
    let call = r#"{"call":"weather"} {"arguments":"{\"days\": 1}"}"#;
    check(Syntax::Functionary31, "<function=weather>{\"days\": 1}</function>", call);
    check(Syntax::Functionary32, "weather\n{\"days\": 1}", call);
    check(
        Syntax::Functionary32,
        "all\nHello!\n>>>weather\n{\"days\": 1}",
        &format!(r#"{{"content":"Hello!"}} {call}"#),
    );
    check(Syntax::Functionary32, "alligators", r#"{"content":"alligators"}"#);
}

#[test]
fn solar() {
    check_after(
        "<|begin|>assistant",
        Syntax::Solar,
        "<|think|>hm<|end|><|begin|>assistant<|tool_calls|><|tool_call:begin|>abc<|tool_call:name|>weather<|tool_call:args|>{\"days\": 1}<|tool_call:end|><|calls|>",
        r#"{"reasoning":"hm"} {"call":"weather","id":"abc"} {"arguments":"{\"days\": 1}"}"#,
    );
    check_after(
        "<|begin|>assistant",
        Syntax::Solar,
        "<|think|>hm<|end|><|begin|>assistant<|content|>Hello<|end|>",
        r#"{"reasoning":"hm"} {"content":"Hello"}"#,
    );
}

#[test]
fn glm() {
    check(
        Syntax::Glm4,
        "weather\n{\"days\": 1}",
        r#"{"call":"weather"} {"arguments":"{\"days\": 1}"}"#,
    );
    check(
        Syntax::ChatGlm3,
        "weather\n```python\ntool_call(days=1)\n```",
        r#"{"call":"weather"} {"arguments":"{\"days\": 1}"}"#,
    );
}

/// However much comes at once, the end of one call and the beginning of the next are found.
#[test]
fn many_calls_at_once() {
    let city = "x".repeat(400);
    let call = format!(r#"{{"name": "weather", "arguments": {{"city": "{city}"}}}}"#);
    let hermes = format!("<tool_call>\n{call}\n</tool_call>\n").repeat(12);
    let mistral = format!("[TOOL_CALLS][{}]", [call.as_str(); 12].join(", "));
    for (syntax, text) in [(Syntax::Hermes, hermes), (Syntax::Mistral, mistral)] {
        let events = parse_whole(syntax.parser(&request(), ""), &text, FinishReason::Stop);
        let starts = |event: &&ReplyEvent| matches!(event, ReplyEvent::ToolCallStart(_));
        assert_eq!(events.iter().filter(starts).count(), 12, "{syntax:?}");
        let said = events.iter().any(|event| match event {
            ReplyEvent::Content(text) => !text.trim().is_empty(),
            _ => false,
        });
        assert!(!said, "{syntax:?}: {events:?}");
    }
}
