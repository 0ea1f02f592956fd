//! What is refused, and under which name.

use super::*;

/// What inference says of a body of either route, checked as a handler checks it.
fn outcome(route: Route, body: &str) -> Result<(), InvalidCommand> {
    let mut request: serde_json::Map<_, _> = serde_json::from_str(body).unwrap();
    request.insert("model".to_owned(), "tiny".into());
    request.insert("prompt".to_owned(), "a".into());
    let messages = serde_json::json!([{"role": "user", "content": "a"}]);
    request.insert("messages".to_owned(), messages);
    let request: GenerationRequest = serde_json::from_value(request.into()).unwrap();
    match route {
        Route::Chat => super::super::chat::command(request, "").map(drop),
        Route::Completion => super::super::completion::command(request, "").map(drop),
    }
}

#[track_caller]
fn check(route: Route, body: &str, expect: Option<&str>) {
    let field = outcome(route, body).err().map(|error| error.field.unwrap_or_default());
    assert_eq!(field.as_deref(), expect, "{body}");
}

#[track_caller]
fn check_both(body: &str, expect: Option<&str>) {
    check(Route::Chat, body, expect);
    check(Route::Completion, body, expect);
}

#[test]
fn what_clients_send_to_say_nothing_is_taken() {
    check_both(r#"{"top_k": -1, "repeat_last_n": -1, "seed": -1, "max_tokens": -1}"#, None);
    check_both(r#"{"top_k": 0, "repeat_last_n": 0, "mirostat": 0, "min_p": 0}"#, None);
    check_both(r#"{"stop": [], "stop_token_ids": [], "tools": [], "logit_bias": {}}"#, None);
    check_both(r#"{"grammar": "", "guided_regex": "", "guided_whitespace_pattern": ""}"#, None);
    check_both(r#"{"max_tokens": 1e300, "temperature": "0.5", "n": "1"}"#, None);
    check(Route::Completion, r#"{"max_tokens": 0, "logprobs": 0}"#, None);
    check(Route::Chat, r#"{"logprobs": 0, "top_logprobs": 0, "reasoning_effort": ""}"#, None);
}

#[test]
fn what_means_nothing_is_refused_by_name() {
    for (field, values) in [
        ("top_k", &["-2", "-5", "1000001", "1e300"][..]),
        ("repeat_last_n", &["-2", "1048577", "1e300"]),
        ("n", &["0", "-1", "17", "1e300"]),
        ("max_tokens", &["-2", "-1e300"]),
        ("max_completion_tokens", &["-2"]),
        ("temperature", &["-0.1", "2.1", "1e40", "\"nan\"", "\"inf\""]),
        ("top_p", &["-0.1", "1.1", "\"nan\""]),
        ("min_p", &["-0.1", "1.1"]),
        ("typical_p", &["-0.1", "1.1"]),
        ("repetition_penalty", &["0", "-1", "1e40"]),
        ("repeat_penalty", &["0", "-1", "1e40"]),
        ("frequency_penalty", &["-101", "101", "1e40"]),
        ("presence_penalty", &["-101", "101", "1e40"]),
        ("mirostat", &["-1", "3"]),
        ("mirostat_mode", &["-1", "3"]),
        ("logprobs", &["-1"]),
        ("logit_bias", &["{\"1\": 1e40}", "{\"1\": 1001}"]),
        ("guided_choice", &["[]"]),
        ("guided_json", &["7", "\"x\"", "[]"]),
    ] {
        for value in values {
            check_both(&format!(r#"{{"{field}": {value}}}"#), Some(field));
        }
    }
    check_both(r#"{"mirostat": 2, "mirostat_tau": -1}"#, Some("mirostat_tau"));
    check_both(r#"{"mirostat": 2, "mirostat_eta": 1e40}"#, Some("mirostat_eta"));
    check(Route::Chat, r#"{"max_tokens": 0}"#, Some("max_tokens"));
    check(Route::Chat, r#"{"logprobs": true, "top_logprobs": 21}"#, Some("top_logprobs"));
    check(Route::Chat, r#"{"top_logprobs": 5}"#, Some("top_logprobs"));
    check(Route::Completion, r#"{"logprobs": 21}"#, Some("logprobs"));
    check(Route::Completion, r#"{"echo": true, "logprobs": 1}"#, Some("echo"));
    let word = "x".repeat(65);
    check(Route::Chat, &format!(r#"{{"reasoning_effort": "{word}"}}"#), Some("reasoning_effort"));
}

#[test]
fn functions_of_the_old_form_are_named_as_they_were_sent() {
    let name = r#"{"functions": [{"name": ""}]}"#;
    check(Route::Chat, name, Some("functions[0].name"));
    let name = r#"{"tools": [{"type": "function", "function": {"name": ""}}]}"#;
    check(Route::Chat, name, Some("tools[0].function.name"));
    let choice = r#"{"functions": [{"name": "f"}], "function_call": {"name": "g"}}"#;
    check(Route::Chat, choice, Some("function_call"));
}
