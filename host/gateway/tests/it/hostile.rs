//! Requests that mean no good.

use axum::{body::Body, http::Request};
use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::{Map, Value, json};

use crate::host::{Host, check_error};

#[tokio::test]
async fn bad_bodies_are_refused_by_name() {
    let Some(host) = Host::start().await else { return };
    let post = |body: &str| host.post("/v1/chat/completions", body.to_owned());
    check_error(&post("").await, 400, "no valid JSON");
    check_error(&post("{").await, 400, "no valid JSON");
    check_error(&post("[]").await, 400, "must be a JSON object");
    check_error(&post("{}").await, 400, "`model`");
    check_error(&post(r#"{"model":"tiny","messages":7}"#).await, 400, "`messages`");
    check_error(
        &post(r#"{"model":"tiny","messages":[{"role":"user","content":{}}]}"#).await,
        400,
        "`messages[0].content`",
    );
    let nested = format!(r#"{{"model":"tiny","tools":{}"#, "[".repeat(10_000));
    check_error(&post(&nested).await, 400, "recursion");
    let deep =
        format!(r#"{{"model":"tiny","guided_json":{}1{}}}"#, "[".repeat(200), "]".repeat(200));
    check_error(&post(&deep).await, 400, "recursion");
    let not_utf8 =
        host.post("/v1/chat/completions", vec![b'{', b'"', 0xff, b'"', b':', b'1', b'}']).await;
    check_error(&not_utf8, 400, "");
}

#[tokio::test]
async fn large_bodies_and_targets_are_refused() {
    let small = |options: &mut gateway::Options| options.body_limit = 1000;
    let Some(host) = Host::start_with(small).await else { return };
    let large = host.chat(&"x".repeat(2000), json!({})).await;
    check_error(&large, 413, "at most 1000 bytes");
    let piece = || Ok::<_, std::io::Error>(bytes::Bytes::from_static(&[b'x'; 600]));
    let streamed = Body::from_stream(futures::stream::iter([piece(), piece()]));
    check_error(&host.post("/v1/completions", streamed).await, 413, "at most 1000 bytes");
    let long = format!("/v1/models/{}", "x".repeat(9000));
    check_error(&host.get(&long).await, 414, "at most 8192 bytes");
    let odd = host.get("/v1/models/%ff%00").await;
    check_error(&odd, 400, "the uid in the path");
}

#[tokio::test]
async fn a_body_that_is_announced_too_large_is_not_waited_for() {
    let limits = |options: &mut gateway::Options| {
        options.body_limit = 1000;
        options.upload_limit = 5000;
    };
    let Some(host) = Host::start_with(limits).await else { return };
    let never = || futures::stream::pending::<Result<bytes::Bytes, std::io::Error>>();
    let announce = |path: &str, length: u64| {
        let request = Request::post(path).header("content-length", length);
        host.send(request.body(Body::from_stream(never())).unwrap())
    };
    let chat = announce("/v1/chat/completions", 1001).await;
    check_error(&chat, 413, "at most 1000 bytes, it has 1001");
    let huge = announce("/v1/render", u64::MAX).await;
    check_error(&huge, 413, "it has 18446744073709551615");
    let odd = Request::get("/health").header("content-length", 1001);
    let odd = odd.body(Body::from_stream(never())).unwrap();
    check_error(&host.send(odd).await, 413, "at most 1000 bytes");
    check_error(&announce("/nowhere", 1001).await, 413, "at most 1000 bytes");
    let upload = announce("/v1/audio/transcriptions", (1 << 20) + 5001).await;
    check_error(&upload, 413, "it has 1053577");
    let form = announce("/v1/audio/transcriptions", 6000).await;
    check_error(&form, 422, "must be a form");
}

#[tokio::test]
async fn compressed_bodies_are_refused_by_name() {
    let Some(host) = Host::start().await else { return };
    let packed = Request::post("/v1/completions").header("content-encoding", "gzip");
    let packed = packed.body(Body::from(vec![0x1f, 0x8b, 8, 0])).unwrap();
    check_error(&host.send(packed).await, 415, "the content encoding `gzip`");
    let plain = Request::post("/v1/completions").header("content-encoding", "identity");
    let plain = plain.body(Body::from("{}")).unwrap();
    check_error(&host.send(plain).await, 400, "`model`");
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_not_waited_for() {
    let soon = |options: &mut gateway::Options| {
        options.arrival_timeout = std::time::Duration::from_millis(50);
    };
    let Some(host) = Host::start_with(soon).await else { return };
    let never = futures::stream::pending::<Result<bytes::Bytes, std::io::Error>>();
    let request = Request::post("/v1/completions").body(Body::from_stream(never)).unwrap();
    check_error(&host.send(request).await, 408, "within 50ms");
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        prop::sample::select(vec!["user", "tool", "assistant", "function", "none", "json_schema"])
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((field(), inner), 0..5)
                .prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn field() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "role",
        "content",
        "name",
        "type",
        "text",
        "function",
        "arguments",
        "parameters",
        "tools",
        "tool_calls",
        "function_call",
        "tool_choice",
        "response_format",
        "json_schema",
        "schema",
        "stop",
        "n",
        "seed",
        "temperature",
        "top_p",
        "logit_bias",
        "logprobs",
        "top_logprobs",
        "max_tokens",
        "chat_template_kwargs",
        "thinking",
        "extra_body",
        "guided_choice",
        "echo",
        "stream",
        "stream_options",
        "prompt",
        "suffix",
        "mirostat",
        "stop_token_ids",
        "messages",
    ])
    .prop_map(str::to_owned)
}

#[test]
fn no_json_is_answered_with_a_fault_of_the_host() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let Some(host) = runtime.block_on(Host::start()) else { return };
    let mut runner = TestRunner::new(ProptestConfig::with_cases(400));
    let fields = prop::collection::vec((field(), any_json()), 0..6);
    runner
        .run(&(fields, any::<bool>(), any::<bool>()), |(fields, sane, chat)| {
            let mut body: Map<String, Value> = fields.into_iter().collect();
            body.insert("model".into(), "tiny".into());
            // Whatever else it says, the reply is short.
            body.insert("max_completion_tokens".into(), 4.into());
            if sane {
                body.insert("messages".into(), json!([{"role": "user", "content": "hi"}]));
                body.insert("prompt".into(), "hi".into());
            }
            let path = if chat { "/v1/chat/completions" } else { "/v1/completions" };
            let text = Value::Object(body).to_string();
            let answer = runtime.block_on(host.post(path, text.clone()));
            prop_assert!(answer.status.as_u16() < 500, "{text}\n{}", answer.text);
            Ok(())
        })
        .unwrap();
}
