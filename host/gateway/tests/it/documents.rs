//! What the host says of itself and of its models, against golden files.

use serde_json::{Value, json};

use crate::host::{Host, check_error};

#[tokio::test]
async fn models_are_described_as_xinference_does() {
    let Some(host) = Host::start().await else { return };
    let list = host.get("/v1/models").await;
    insta::assert_snapshot!("models", pretty(&list.text));
    let one = host.get("/v1/models/tiny").await;
    insta::assert_snapshot!("model", pretty(&one.text));
    check_error(
        &host.get("/v1/models/nosuch").await,
        400,
        "Model not found in the model list, uid: nosuch",
    );
    let loading = host.get("/v1/models/slow").await;
    check_error(&loading, 503, "Model is loading");
    assert_eq!(loading.headers["retry-after"], "30");
    check_error(&host.get("/v1/models/broken").await, 503, "missing.gguf");
}

#[tokio::test]
async fn instances_show_every_state() {
    let Some(host) = Host::start().await else { return };
    let instances = host.get("/v1/models/instances").await.json();
    let states: Vec<_> = instances
        .as_array()
        .unwrap()
        .iter()
        .map(|i| (i["model_uid"].as_str().unwrap(), i["status"].as_str().unwrap()))
        .collect();
    assert_eq!(states[0], ("tiny", "READY"));
    assert!(["CREATING", "LOADING"].contains(&states[2].1), "{states:?}");
    assert_eq!(states[3], ("broken", "ERROR"));
    assert_eq!(states[4], ("orphan", "ERROR"));
    let tiny = host.get("/v1/models/instances?model_uid=tiny").await.text;
    insta::assert_snapshot!("instances", pretty(&tiny));
    assert_eq!(host.get("/v1/models/instances?model_name=x").await.json(), json!([]));
    let replicas = host.get("/v1/models/tiny/replicas").await.text;
    insta::assert_snapshot!("replicas", pretty(&replicas));
    let progress = host.get("/v1/models/tiny/progress").await.text;
    insta::assert_snapshot!("progress", pretty(&progress));
    let pending = host.get("/v1/models/nosuch/progress").await;
    assert_eq!(
        pending.text,
        r#"{"progress":0.0,"stage":"pending","download_files":[],"replicas":[]}"#
    );
}

#[tokio::test]
async fn the_server_says_who_it_is() {
    let Some(host) = Host::start().await else { return };
    assert_eq!(host.get("/v1/cluster/auth").await.text, r#"{"auth":false}"#);
    assert_eq!(host.get("/v1/address").await.text, r#""127.0.0.1:9997""#);
    assert_eq!(host.get("/v1/cluster/devices").await.text, "0");
    let version = host.get("/v1/cluster/version").await.json();
    assert!(version["version"].is_string() && version.get("full-revisionid").is_some());
    let status = host.get("/status").await.json();
    assert!(status["uptime"].is_u64());
    let node = &status["workers"]["127.0.0.1:9997"]["status"]["cpu"];
    assert!(node["memory_total"].as_u64().unwrap() > 0, "{status}");
    assert_eq!(host.get("/v1/cluster/info?detailed=true").await.json()[1]["node_type"], "Worker");
    assert_eq!(host.get("/health").await.json()["status"], "ok");
    let ready = host.get("/ready").await;
    assert_eq!(ready.status, 503);
    assert_eq!(ready.json()["loading"], json!(["slow"]));
    assert_eq!(ready.json()["failed"], json!(["broken", "orphan"]));
    let plugins = host.get("/v1/plugins").await.json();
    assert_eq!(plugins["data"][0]["name"], "echo");
    assert_eq!(plugins["data"][0]["abilities"], json!(["chat", "completion"]));
    assert_eq!(plugins["data"][0]["file"], "echo.wasm");
}

#[tokio::test]
async fn unknown_paths_and_methods_are_told_apart() {
    let Some(host) = Host::start().await else { return };
    check_error(&host.get("/v1/nosuch").await, 404, "Not Found");
    check_error(&host.get("/v1/chat/completions").await, 405, "Method Not Allowed");
    check_error(&host.post("/v1/models", "{}").await, 405, "Method Not Allowed");
}

#[tokio::test]
async fn figures_are_printed() {
    let recorder = telemetry::install_recorder().unwrap();
    let Some(host) = Host::start_with(|o| o.recorder = Some(recorder)).await else { return };
    host.chat("one two three", json!({"stream": true})).await;
    host.chat("x", json!({"temperature": 900})).await;
    let figures = host.get("/metrics").await;
    assert!(figures.headers["content-type"].to_str().unwrap().starts_with("text/plain"));
    for part in [
        r#"modelhost_requests_total{model="tiny",ability="chat"} 1"#,
        r#"modelhost_completion_tokens_total{model="tiny"} 3"#,
        r#"modelhost_time_to_first_token_seconds_count{model="tiny"} 1"#,
        r#"modelhost_requests_in_flight{model="tiny"} 0"#,
        r#"modelhost_model_state{model="tiny",state="READY"} 1"#,
        r#"modelhost_plugin_calls_total{family="echo",call="render"} 1"#,
        r#"modelhost_http_requests_total{method="POST",route="/v1/chat/completions",status="400"} 1"#,
        "modelhost_kv_cells{model=\"tiny\"}",
        "modelhost_queue_depth{model=\"tiny\"} 0",
        "modelhost_build_info",
    ] {
        assert!(figures.text.contains(part), "`{part}` is not in:\n{}", figures.text);
    }
}

#[test]
fn the_openapi_document_changes_only_on_purpose() {
    let mut document: Value = serde_json::to_value(gateway::openapi()).unwrap();
    document["info"]["version"] = "0.0.0".into();
    insta::assert_snapshot!("openapi", serde_json::to_string_pretty(&document).unwrap());
}

#[tokio::test]
async fn the_page_and_its_document_are_there() {
    let Some(host) = Host::start().await else { return };
    let page = host.get("/docs/").await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("swagger-ui"));
    let document = host.get("/openapi.json").await.json();
    assert_eq!(document["info"]["title"], "modelhost");
}

/// A document laid out, with every moment set to 0.
fn pretty(json: &str) -> String {
    fn still(value: &mut Value) {
        match value {
            Value::Object(object) => {
                for (key, value) in object {
                    if key.ends_with("_ts") || key.ends_with("_at") {
                        *value = 0.into();
                    } else {
                        still(value);
                    }
                }
            }
            Value::Array(list) => list.iter_mut().for_each(still),
            _ => {}
        }
    }
    let mut value: Value = serde_json::from_str(json).unwrap();
    still(&mut value);
    serde_json::to_string_pretty(&value).unwrap()
}
