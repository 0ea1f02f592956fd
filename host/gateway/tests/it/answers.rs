//! What clients get for what they ask.

use serde_json::{Value, json};

use crate::host::{Host, check_error};

#[tokio::test]
async fn a_chat_is_answered_whole_and_in_pieces() {
    let Some(host) = Host::start().await else { return };
    let answer = host.chat("one two three", json!({})).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.headers["server"], "modelhost");
    assert!(answer.headers.contains_key("x-request-id"));
    let body = answer.json();
    let keys: Vec<_> = body.as_object().unwrap().keys().collect();
    let expect = ["choices", "created", "model", "system_fingerprint", "object", "usage", "id"];
    assert_eq!(keys, expect);
    assert_eq!(body["choices"][0]["message"]["content"], "one two three");
    assert_eq!(body["choices"][0]["finish_reason"], "stop");
    assert_eq!(body["model"], "tiny");
    assert_eq!(body["usage"]["completion_tokens"], 3);

    let answer = host.chat("one two three", json!({"stream": "true"})).await;
    assert_eq!(answer.headers["content-type"], "text/event-stream; charset=utf-8");
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert_eq!(answer.headers["x-accel-buffering"], "no");
    let chunks = answer.chunks();
    assert_eq!(chunks[0]["choices"][0]["delta"], json!({"role": "assistant", "content": null}));
    let content: String =
        chunks.iter().filter_map(|c| c["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(content, "one two three");
    let last = chunks.last().unwrap();
    assert_eq!(last["choices"][0]["finish_reason"], "stop");
    assert!(chunks.iter().all(|chunk| chunk.get("usage").is_none()));

    let usage = json!({"stream": true, "stream_options": {"include_usage": true}, "n": 2});
    let chunks = host.chat("one two", usage).await.chunks();
    let last = chunks.last().unwrap();
    assert_eq!(last["choices"], json!([]));
    assert_eq!(last["usage"]["completion_tokens"], 4);
    assert!(last["usage"]["prompt_tokens"].as_u64().unwrap() > 0);
}

#[tokio::test]
async fn a_reply_cut_short_has_its_reasoning_wrapped() {
    let Some(host) = Host::start().await else { return };
    let text = r#"{"fake": {"text": "so ", "tokens": 4}}"#;
    let body = host.chat(text, json!({"max_tokens": 2})).await.json();
    assert_eq!(body["choices"][0]["finish_reason"], "length", "{body}");
    let content = body["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(content.ends_with("<think>\ncut short\n</think>"), "{content}");
}

#[tokio::test]
async fn completions_are_raw_text() {
    let Some(host) = Host::start().await else { return };
    let body = host.complete("Once upon", json!({"echo": true})).await.json();
    let keys: Vec<_> = body.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["choices", "created", "model", "object", "usage", "id"]);
    assert_eq!(body["choices"][0]["text"], "Once uponOnce upon");
    let chunks = host.complete("Once upon", json!({"stream": true})).await.chunks();
    let text: String =
        chunks.iter().filter_map(|chunk| chunk["choices"][0]["text"].as_str()).collect();
    assert_eq!(text, "Once upon");
    let last = chunks.last().unwrap();
    assert_eq!(last["choices"][0]["finish_reason"], "stop");
    assert_eq!(last["usage"]["completion_tokens"], 2);
    // A model with a family for chat completes text too.
    let body = host.complete("Once upon", json!({"model": "tiny"})).await.json();
    assert_eq!(body["choices"][0]["text"], "Once upon");
}

#[tokio::test]
async fn any_limit_of_tokens_above_the_context_is_the_contexts() {
    let Some(host) = Host::start().await else { return };
    for most in [2_147_483_647_u64, 4_294_967_296, u64::MAX] {
        let body = host.complete("Once", json!({"max_tokens": most})).await.json();
        assert_eq!(body["choices"][0]["text"], "Once", "{most}: {body}");
        assert_eq!(host.chat("Once", json!({"max_tokens": most})).await.status, 200, "{most}");
    }
    let body = host.complete("Once upon", json!({"max_tokens": 0, "echo": true})).await.json();
    assert_eq!(body["choices"][0]["text"], "Once upon", "{body}");
    assert_eq!(body["choices"][0]["finish_reason"], "length");
    assert_eq!(body["usage"]["completion_tokens"], 0);
    check_error(&host.chat("Once", json!({"max_tokens": 0})).await, 400, "`max_tokens`");
}

#[tokio::test]
async fn what_reaches_the_engine_is_the_clients_wish_over_the_familys() {
    let Some(host) = Host::start().await else { return };
    let show = r#"{"fake": {"show_request": true}}"#;
    let seen = |body: Value| -> Value {
        let text = body["choices"][0]["text"].as_str().unwrap().to_owned();
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"))
    };
    // The family advises a temperature.
    let request = seen(host.complete(show, json!({"model": "tiny"})).await.json());
    assert_eq!(request["sampling"]["temperature"], 0.5);
    let fields = json!({"model": "tiny", "temperature": "0.25", "seed": -1,
        "logit_bias": {"5": -1}, "response_format": {"type": "json_object"},
        "max_completion_tokens": 4000, "cache_salt": "pepper"});
    let request = seen(host.complete(show, fields).await.json());
    assert_eq!(request["sampling"]["temperature"], 0.25);
    assert_eq!(request["sampling"]["seed"], Value::Null);
    assert_eq!(request["constraint"]["source"], r#"{"type":"object"}"#);
    assert_eq!(request["max_tokens"], 4000);
    assert_eq!(request["cache_salt"], "pepper");
    // The family stops at its user token, the client where it says.
    for (stop, expect) in [(json!(null), "a b END c "), (json!("END"), "a b ")] {
        let text = r#"{"fake": {"text": "a b END c <|user|> d"}}"#;
        let body = host.chat(text, json!({"stop": stop})).await.json();
        assert_eq!(body["choices"][0]["message"]["content"], expect);
    }
}

#[tokio::test]
async fn rendering_shows_parts_and_tokens() {
    let Some(host) = Host::start().await else { return };
    let body = json!({"model": "tiny", "messages": [{"role": "user", "content": "<|user|> hi"}]});
    let rendered = host.post("/v1/render", body.to_string()).await.json();
    assert_eq!(rendered["family"], "echo");
    let expect = json!([{"control": "<|user|>"}, {"text": "<|user|> hi"},
        {"control": "<|assistant|>"}, {"token": 2}]);
    assert_eq!(rendered["parts"], expect);
    assert!(!rendered["tokens"].as_array().unwrap().is_empty());
    assert_eq!(rendered["text"], "<|user|><|user|> hi<|assistant|><#2>");
    let body = json!({"model": "plain", "prompt": "hi"});
    let rendered = host.post("/v1/render", body.to_string()).await.json();
    assert_eq!(rendered["parts"], json!([{"text": "hi"}]));
}

#[tokio::test]
async fn errors_say_what_is_wrong() {
    let Some(host) = Host::start().await else { return };
    let user = json!([{"role": "user", "content": "hi"}]);
    let with = |fields: Value| host.chat("hi", fields);
    let unknown = with(json!({"model": "nosuch"})).await;
    check_error(
        &unknown,
        404,
        "Model not found in the model list, uid: nosuch. Available model uids: ['tiny', 'plain'",
    );
    let loading = with(json!({"model": "slow"})).await;
    check_error(&loading, 503, "not yet ready");
    assert!(loading.headers.contains_key("retry-after"));
    check_error(&with(json!({"model": "broken"})).await, 503, "does not serve");
    check_error(&with(json!({"model": "orphan"})).await, 503, "`nobody` is not installed");
    check_error(&with(json!({"model": "plain"})).await, 400, "not for chat");
    check_error(&with(json!({"messages": []})).await, 400, "Please specify the prompt");
    check_error(&with(json!({"temperature": 200})).await, 400, "`temperature`");
    check_error(&with(json!({"tools": [{"type": "web_search"}]})).await, 400, "`tools[0].type`");
    let image = json!([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:"}}]}]);
    check_error(&with(json!({"messages": image})).await, 400, "`messages[0].content` holds images");
    let tools = json!([{"type": "function", "function": {"name": "f"}}]);
    let body = json!({"model": "plain", "messages": user, "tools": tools});
    check_error(&host.post("/v1/chat/completions", body.to_string()).await, 400, "not for chat");
    check_error(&host.complete("a", json!({"suffix": "b"})).await, 400, "`suffix`");
    check_error(
        &host.complete("a", json!({"suffix": "b", "model": "tiny"})).await,
        400,
        "fill in the middle",
    );
    check_error(&host.complete("", json!({})).await, 400, "`prompt`");
    check_error(&host.complete("a", json!({"echo": 1, "logprobs": 1})).await, 400, "`echo`");

    let fail = |code: &str| format!(r#"{{"fake": {{"fail": "{code}", "message": "because"}}}}"#);
    check_error(&host.chat(&fail("prompt_too_long"), json!({})).await, 400, "because");
    check_error(
        &host.chat(&fail("invalid_constraint"), json!({"stream": true})).await,
        400,
        "because",
    );
    let busy = host.chat(&fail("overloaded"), json!({})).await;
    check_error(&busy, 429, "Rate limit reached for the model `tiny`");
    assert!(busy.headers.contains_key("retry-after"));
    let internal = host.chat(&fail("internal"), json!({})).await;
    check_error(&internal, 500, "the host's log");
    assert!(!internal.text.contains("because"));
}

#[tokio::test]
async fn an_error_in_a_stream_is_an_event() {
    let Some(host) = Host::start().await else { return };
    let text = r#"{"fake": {"text": "a b c d", "fail": "unsupported", "fail_after": 2, "message": "no more"}}"#;
    let answer = host.chat(text, json!({"stream": true})).await;
    assert_eq!(answer.status, 200);
    let last: Value = serde_json::from_str(answer.events().last().unwrap()).unwrap();
    assert_eq!(last["error"]["message"], "no more");
    assert!(!answer.text.contains("[DONE]"));
}

#[tokio::test]
async fn a_worker_that_dies_ends_its_requests_and_comes_back() {
    let Some(host) = Host::start().await else { return };
    let text = r#"{"fake": {"text": "a b c d", "crash_after": 2}}"#;
    let answer = host.chat(text, json!({"stream": true})).await;
    let last: Value = serde_json::from_str(answer.events().last().unwrap()).unwrap();
    assert_eq!(last["error"]["code"], "worker_died", "{}", answer.text);
    assert_eq!(host.complete("still here", json!({})).await.status, 200);
    // While it starts again it is listed, and described.
    let models = host.get("/v1/models").await.json();
    assert!(models["data"].as_array().unwrap().iter().any(|m| m["id"] == "tiny"), "{models}");
    host.inference.ready("tiny").await.unwrap();
    assert_eq!(host.chat("back", json!({})).await.status, 200);
}
