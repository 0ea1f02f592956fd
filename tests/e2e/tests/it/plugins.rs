//! Plugins that come and go while the host runs.

use std::fs;

use serde_json::{Value, json};

use crate::host::{Host, Setup, guide, root};

async fn plugin(host: &Host, name: &str) -> Option<Value> {
    let listed: Value = host.client.get("/v1/plugins").await.unwrap();
    let plugins = listed["data"].as_array().cloned().unwrap_or_default();
    plugins.into_iter().find(|plugin| plugin["name"] == name)
}

fn chat() -> Value {
    json!({
        "model": "guide", "temperature": 0, "max_tokens": 60,
        "messages": [{"role": "user", "content": "What is modelhost?"}],
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_dropped_in_serves_without_a_restart() {
    let host = Setup::without_plugins().guide().start().await;
    let (status, reply) = host.post("/v1/chat/completions", &chat()).await;
    assert_eq!(status, 400, "{reply}");

    let place = host.folder.path().join("plugins/vicuna.wasm");
    fs::copy(root().join("plugins/vicuna.wasm"), &place).unwrap();
    host.until("the new family serves", async || {
        host.post("/v1/chat/completions", &chat()).await.0 == 200
    })
    .await;
    assert!(plugin(&host, "vicuna").await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_start_answers_while_plugins_are_compiled_and_stays_small() {
    let host = Setup::new().cold().fake("fake").listen();
    let compiling = async |name: Option<&str>| {
        let listed: Value = host.client.get("/v1/plugins").await.unwrap();
        let plugins = listed["data"].as_array().cloned().unwrap_or_default();
        plugins.iter().any(|plugin| {
            plugin["compiling"] == true && name.is_none_or(|name| plugin["name"] == name)
        })
    };
    assert!(compiling(None).await, "the host listens before it compiles");
    let ask = json!({"model": "fake", "messages": [{"role": "user", "content": "Hello"}]});
    let (status, reply) = host.post("/v1/chat/completions", &ask).await;
    let ready: Result<Value, _> = host.client.get("/ready").await;
    // A slow machine may have compiled the family before these came.
    if compiling(Some("vicuna")).await {
        assert_eq!(status, 503, "{reply}");
        assert!(ready.is_err(), "{ready:?}");
    }

    host.ready("fake").await;
    assert_eq!(host.post("/v1/chat/completions", &ask).await.0, 200);
    host.until("every plugin is compiled", async || !compiling(None).await).await;
    let listed: Value = host.client.get("/v1/plugins").await.unwrap();
    let plugins = listed["data"].as_array().unwrap();
    assert!(plugins.iter().all(|plugin| plugin["serving"] == true), "{listed}");
    // A compiler in this process would have left more than twice as much.
    assert!(host.memory() < 80 << 10, "{} KiB", host.memory());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_plugin_leaves_the_old_one_serving_and_says_why() {
    let host = Setup::new().guide().start().await;
    let place = host.folder.path().join("plugins/vicuna.wasm");
    fs::write(&place, b"\0asm, but not really").unwrap();
    host.until("the plugin's fault is shown", async || {
        plugin(&host, "vicuna").await.is_some_and(|plugin| plugin["error"].is_string())
    })
    .await;
    let (status, reply) = host.post("/v1/chat/completions", &chat()).await;
    assert_eq!(status, 200, "{reply}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_does_wrong_fails_that_request_and_no_other() {
    let setup = Setup::new().plugin("tests/fixtures/plugins/misbehave.wasm");
    let host = setup
        .model("wrong", &guide(), "engine = \"fake\"\nfamily = \"misbehave\"")
        .fake("right")
        .start()
        .await;
    let ask = async |model: &str, text: &str| {
        let body = json!({"model": model, "messages": [{"role": "user", "content": text}]});
        host.post("/v1/chat/completions", &body).await
    };
    for (deed, status) in [
        ("unsupported", 400),
        ("invalid", 400),
        ("internal", 500),
        ("trap", 500),
        // A limit may be too low for this conversation, which is the request's own matter.
        ("loop", 400),
        ("allocate", 400),
        ("100 MB", 400),
        ("recurse", 400),
        ("unknown control", 500),
        ("token out of range", 500),
    ] {
        let (got, reply) = ask("wrong", deed).await;
        assert_eq!(got, status, "{deed}: {reply}");
        assert!(reply["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{deed}");
        assert_eq!(ask("wrong", "a good question").await.0, 200, "after {deed}");
        assert_eq!(ask("right", "another model").await.0, 200, "after {deed}");
    }
}
