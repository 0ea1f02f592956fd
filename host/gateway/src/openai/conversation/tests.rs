//! Requests as clients really send them, and what becomes of them.

use inference::ChatCommand;
use model::ToolChoice;

use super::*;

fn read(body: &str) -> Result<ChatDraft, InvalidCommand> {
    let request: GenerationRequest = serde_json::from_str(body).unwrap();
    draft(request.with_extra_body(), "", "2026-01-01T00:00:00Z".to_owned())
}

#[track_caller]
fn check(body: &str, look: impl FnOnce(&ChatDraft)) {
    look(&read(body).unwrap());
}

#[track_caller]
fn check_error(body: &str, expect: &str) {
    let text = read(body).map(drop).unwrap_err().to_string();
    assert!(text.contains(expect), "`{text}` lacks `{expect}`");
}

fn with(fields: &str) -> String {
    format!(r#"{{"model":"m","messages":[{{"role":"user","content":"hi"}}],{fields}}}"#)
}

fn with_messages(messages: &str) -> String {
    format!(r#"{{"model":"m","messages":[{messages}]}}"#)
}

#[test]
fn contents_come_in_several_forms() {
    for content in [r#""hi""#, r#"[{"type":"text","text":"hi"}]"#, r#"["hi"]"#] {
        check(&with_messages(&format!(r#"{{"role":"user","content":{content}}}"#)), |draft| {
            assert_eq!(draft.request.messages[0].content, [ContentPart::Text("hi".into())]);
        });
    }
    check(&with_messages(r#"{"role":"assistant","content":null}"#), |draft| {
        assert!(draft.request.messages[0].content.is_empty());
    });
    let media = r#"{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"data:x"}},{"type":"input_audio","input_audio":{}}]}"#;
    check(&with_messages(media), |draft| {
        let expect = [ContentPart::Text("a".into()), ContentPart::Image(0), ContentPart::Audio(1)];
        assert_eq!(draft.request.messages[0].content, expect);
    });
}

#[test]
fn roles_have_older_and_newer_names() {
    for (role, expect) in [
        ("system", Role::System),
        ("developer", Role::System),
        ("user", Role::User),
        ("assistant", Role::Assistant),
        ("tool", Role::Tool),
        ("function", Role::Tool),
    ] {
        check(&with_messages(&format!(r#"{{"role":"{role}","content":"x"}}"#)), |draft| {
            assert_eq!(draft.request.messages[0].role, expect);
        });
    }
}

#[test]
fn bad_requests_name_the_field() {
    check_error("{}", "`model`");
    check_error(r#"{"model":"m"}"#, "`messages` is missing");
    check_error(
        &with_messages(r#"{"role":"user","content":"a"},{"content":"b"}"#),
        "`messages[1].role`",
    );
    check_error(&with_messages(r#"{"role":"robot","content":"b"}"#), "it is `robot`");
    check_error(
        &with_messages(r#"{"role":"user","content":[{"type":"hologram"}]}"#),
        "`messages[0].content[0].type`",
    );
    check_error(
        &with_messages(r#"{"role":"user","content":[{"type":"text"}]}"#),
        "`messages[0].content[0].text`",
    );
    check_error(
        &with_messages(r#"{"role":"assistant","tool_calls":[{"function":{}}]}"#),
        "`messages[0].tool_calls[0].function.name`",
    );
    check_error(
        &with_messages(r#"{"role":"user","content":"","tool_calls":[{"function":{"name":"f"}}]}"#),
        "`messages[0].tool_calls`",
    );
    check_error(&with(r#""chat_template_kwargs":7"#), "`chat_template_kwargs`");
    check_error(&with(r#""chat_template_kwargs":"{oops""#), "holds no JSON object");
    check_error(&with(r#""thinking":"perhaps""#), "`thinking`");
    check_error(&with(r#""n":-1"#), "`n` must be");
    check_error(&with(r#""max_tokens":0"#), "`max_tokens`");
    check_error(&with(r#""top_logprobs":3"#), "needs `logprobs`");
    check_error(&with(r#""mirostat":3"#), "`mirostat`");
}

#[test]
fn thinking_is_switched_in_many_ways() {
    for (fields, expect) in [
        (r#""enable_thinking":true"#, Some(true)),
        (r#""enable_thinking":"false""#, Some(false)),
        (r#""thinking":false"#, Some(false)),
        (r#""thinking":{"type":"enabled","budget_tokens":9}"#, Some(true)),
        (r#""extra_body":{"enable_thinking":false}"#, Some(false)),
        (r#""chat_template_kwargs":{"enable_thinking":false}"#, Some(false)),
        (r#""chat_template_kwargs":"{\"thinking\": true}""#, Some(true)),
        (r#""chat_template_kwargs":{"enable_thinking":true},"thinking":false"#, Some(false)),
        (r#""user":"x""#, None),
    ] {
        check(&with(fields), |draft| assert_eq!(draft.request.reasoning, expect, "{fields}"));
    }
    check(&with(r#""chat_template_kwargs":{"b":1,"a":2}"#), |draft| {
        let variables = draft.request.template_variables_json.as_deref();
        assert_eq!(variables, Some(r#"{"b":1,"a":2}"#));
    });
}

#[test]
fn what_dify_sends_reads_as_meant() {
    let body = r#"{"model":"m","stream":true,"user":"abc","temperature":0.01,"top_p":0.7,
        "max_tokens":512,"presence_penalty":0,"frequency_penalty":0.0,
        "chat_template_kwargs":{"enable_thinking":false},"thinking":false,
        "tools":[{"type":"function","function":{"name":"weather","description":"d","parameters":{"type":"object","properties":{}}}}],
        "messages":[
          {"role":"user","content":"Weather?"},
          {"role":"assistant","content":"","function_call":{"name":"weather","arguments":"{\"city\": \"Rome\"}"}},
          {"role":"tool","tool_call_id":"call_9","name":"weather","content":"sunny"}]}"#;
    check(body, |draft| {
        let messages = &draft.request.messages;
        assert_eq!(messages[1].tool_calls[0].id, "call_9");
        assert_eq!(messages[1].tool_calls[0].arguments_json, r#"{"city": "Rome"}"#);
        assert_eq!(messages[2].tool_call_id.as_deref(), Some("call_9"));
        assert_eq!(draft.request.reasoning, Some(false));
        assert_eq!(draft.request.tool_choice, ToolChoice::Auto);
        assert_eq!(draft.generation.max_tokens, Some(512));
        ChatCommand::try_from(draft.clone()).unwrap();
    });
}

#[test]
fn generation_fields_have_several_names_and_places() {
    check(&with(r#""max_tokens":5,"max_completion_tokens":7"#), |draft| {
        assert_eq!(draft.generation.max_tokens, Some(7));
    });
    check(&with(r#""max_tokens":-1,"top_k":-1"#), |draft| {
        assert_eq!(draft.generation.max_tokens, None);
        assert_eq!(draft.generation.sampling.top_k, Some(0));
    });
    check(&with(r#""repeat_penalty":"1.1","repeat_last_n":32,"mirostat_mode":2"#), |draft| {
        let sampling = &draft.generation.sampling;
        assert_eq!(sampling.repetition_penalty, Some(1.1));
        assert_eq!(sampling.penalty_window, Some(32));
        assert_eq!(sampling.mirostat.map(|m| m.version), Some(2));
    });
    check(
        &with(r#""extra_body":{"top_k":3,"guided_regex":"a","temperature":9},"temperature":1"#),
        |draft| {
            assert_eq!(draft.generation.sampling.top_k, Some(3));
            assert_eq!(draft.generation.sampling.temperature, Some(1.0));
            assert!(draft.generation.constraint.is_some());
        },
    );
    check(&with(r#""logprobs":true,"top_logprobs":2"#), |draft| {
        assert_eq!(draft.generation.logprobs, Some(2));
    });
    check(&with(r#""logprobs":false,"top_logprobs":0"#), |draft| {
        assert_eq!(draft.generation.logprobs, None);
    });
}

#[test]
fn arguments_are_always_one_object() {
    for (given, expect) in [
        ("null", "{}"),
        (r#""""#, "{}"),
        (r#"{"a":1}"#, r#"{"a":1}"#),
        (r#""{\"a\": 1}""#, r#"{"a": 1}"#),
        (r#""oops""#, r#"{"arguments":"oops"}"#),
        ("[1]", r#"{"arguments":[1]}"#),
    ] {
        let value: Value = serde_json::from_str(given).unwrap();
        let value = Some(value).filter(|value| !value.is_null());
        assert_eq!(arguments_json(value), expect);
    }
}
