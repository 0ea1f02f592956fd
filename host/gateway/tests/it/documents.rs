//! What the host says of itself and of its models, against golden files.

use axum::{body::Body, http::Request};
use inference::{EngineProgram, ModelDefinition};
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
    let named = |name: &str| format!("/v1/models/instances?model_name={name}");
    assert_eq!(host.get(&named("x")).await.json(), json!([]));
    for name in ["plain", "Tiny%20Test"] {
        let instances = host.get(&named(name)).await.json();
        let mut uids = instances.as_array().unwrap().iter().map(|i| &i["model_uid"]);
        assert!(uids.any(|uid| uid == "plain"), "{name}: {instances}");
    }
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
    assert!((0.0..=1.0).contains(&node["usage"].as_f64().unwrap()), "{status}");
    assert!(node["memory_total"].as_u64().unwrap() > 0, "{status}");
    assert_eq!(host.get("/v1/cluster/info?detailed=true").await.json()[1]["node_type"], "Worker");
    assert_eq!(host.get("/health").await.json()["status"], "ok");
    let ready = host.get("/ready").await;
    assert_eq!(ready.status, 503);
    assert_eq!(ready.json()["reason"], "1 model is loading");
    assert_eq!(ready.json()["loading"], json!(["slow"]));
    assert_eq!(ready.json()["failed"], json!(["broken", "orphan"]));
    let plugins = host.get("/v1/plugins").await.json();
    assert_eq!(plugins["data"][0]["name"], "echo");
    assert_eq!(plugins["data"][0]["abilities"], json!(["chat", "completion"]));
    assert_eq!(plugins["data"][0]["file"], "echo.wasm");
}

#[tokio::test]
async fn a_model_that_is_about_to_be_added_is_loading() {
    let Some(host) = Host::start().await else { return };
    host.inference.expect(["later".parse().unwrap(), "tiny".parse().unwrap()]);
    let ready = host.get("/ready").await;
    assert_eq!(ready.json()["reason"], "2 models are loading");
    assert_eq!(ready.json()["loading"], json!(["slow", "later"]));
    let later = host.chat("hi", json!({"model": "later"})).await;
    check_error(&later, 503, "Model is loading");
    assert_eq!(later.headers["retry-after"], "2");
    check_error(&host.get("/v1/models/later").await, 503, "Model is loading");
    check_error(&host.get("/v1/models/never").await, 400, "Model not found");
    let missing = ModelDefinition::new(
        "later".parse().unwrap(),
        "missing.gguf",
        EngineProgram {
            name: "fake".into(),
            program: "nowhere".into(),
            args: Vec::new(),
            env: Vec::new(),
        },
    );
    host.inference.add_model(missing).await.unwrap_err();
    let ready = host.get("/ready").await;
    assert_eq!(ready.json()["loading"], json!(["slow"]));
    assert_eq!(ready.json()["failed"], json!(["broken", "orphan", "later"]));
}

#[tokio::test]
async fn unknown_paths_and_methods_are_told_apart() {
    let Some(host) = Host::start().await else { return };
    check_error(&host.get("/v1/nosuch").await, 404, "Not Found");
    check_error(&host.get("/v1/chat/completions").await, 405, "Method Not Allowed");
    let families = host.post("/v1/models/families", "{}").await;
    check_error(&families, 405, "Method Not Allowed");
    assert_eq!(families.headers["allow"], "GET,HEAD");
}

#[tokio::test]
async fn what_is_not_offered_says_so() {
    let Some(host) = Host::start().await else { return };
    for path in ["/v1/embeddings", "/v1/rerank", "/v1/audio/speech", "/v1/images/generations"] {
        check_error(&host.post(path, "{}").await, 501, "/v1/chat/completions");
    }
    check_error(&host.post("/v1/messages", "{}").await, 501, "Anthropic's messages");
    check_error(&host.get("/v1/responses/x").await, 501, "OpenAI's responses");
    check_error(&host.post("/v1/models", "{}").await, 405, "models.toml");
    check_error(&host.post("/v1/models/tiny/replicas", "{}").await, 405, "models.toml");
    let end = Request::delete("/v1/models/tiny").body(Body::empty()).unwrap();
    let ended = host.send(end).await;
    check_error(&ended, 405, "models.toml");
    assert_eq!(ended.headers["allow"], "GET,HEAD");
    check_error(&host.post("/v1/cache/models", "{}").await, 501, "models.toml");
    assert_eq!(host.get("/v1/models/tiny").await.status, 200);
}

#[tokio::test]
async fn the_catalog_is_what_is_installed() {
    let Some(host) = Host::start().await else { return };
    let families = host.get("/v1/models/families").await.json();
    assert_eq!(families["chat"], json!(["echo"]));
    assert_eq!(families["generate"], json!([]));
    assert_eq!(host.get("/v1/models/prompts").await.json(), json!({}));
    assert_eq!(host.get("/v1/models/vllm-supported").await.json()["chat"], json!([]));
}

#[tokio::test]
async fn slashes_too_many_do_no_harm() {
    let Some(host) = Host::start().await else { return };
    for path in ["//v1/models", "/v1/models/", "/v1//models/tiny/", "//health", "//docs/"] {
        assert_eq!(host.get(path).await.status, 200, "{path}");
    }
    for path in ["/", "/ui", "/ui/"] {
        let answer = host.get(path).await;
        assert_eq!(answer.status, 307, "{path}");
        assert_eq!(answer.headers["location"], "/docs/");
    }
    let answer = host.get("/docs").await;
    assert!(answer.status.is_redirection());
    assert_eq!(answer.headers["location"], "/docs/");
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
        "# TYPE modelhost_worker_restarts_total counter",
        r#"modelhost_worker_restarts_total{model="tiny"} 0"#,
        r#"modelhost_time_to_first_token_seconds_bucket{model="tiny",le="0.001"}"#,
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

#[test]
fn operations_have_names_of_their_own() {
    let document: Value = serde_json::to_value(gateway::openapi()).unwrap();
    let paths = document["paths"].as_object().unwrap().values();
    let operations = paths.flat_map(|path| path.as_object().unwrap().values());
    let mut ids: Vec<_> = operations.map(|o| o["operationId"].as_str().unwrap()).collect();
    ids.sort_unstable();
    let count = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), count, "{ids:?}");
}

#[test]
fn each_route_describes_what_it_takes() {
    let document: Value = serde_json::to_value(gateway::openapi()).unwrap();
    let schemas = &document["components"]["schemas"];
    let required = |name: &str| schemas[name]["required"].clone();
    assert_eq!(required("ChatCompletionRequest"), json!(["model", "messages"]));
    assert_eq!(required("CompletionRequest"), json!(["model", "prompt"]));
    assert!(schemas["ChatCompletionRequest"]["properties"].get("prompt").is_none());
    assert!(schemas["CompletionRequest"]["properties"].get("tools").is_none());
    let prompt = &schemas["CompletionRequest"]["properties"]["prompt"];
    assert_eq!(prompt["$ref"], "#/components/schemas/TextOrTexts");
    let chat = &document["paths"]["/v1/chat/completions"]["post"];
    let body = &chat["requestBody"]["content"]["application/json"]["schema"]["$ref"];
    assert_eq!(body, "#/components/schemas/ChatCompletionRequest");
    for status in ["400", "401", "403", "404", "408", "413", "415", "429", "500", "503"] {
        assert!(chat["responses"].get(status).is_some(), "{status}");
    }
    assert!(chat["responses"]["200"]["content"].get("text/event-stream").is_some());
    // Whatever is referred to is there.
    let text = document.to_string();
    for part in text.split("#/components/schemas/").skip(1) {
        let name = part.split('"').next().unwrap();
        assert!(schemas.get(name).is_some(), "{name}");
    }
}

#[tokio::test]
async fn the_page_and_its_document_are_there() {
    let Some(host) = Host::start().await else { return };
    let page = host.get("/docs/").await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("swagger-ui"));
    // Otherwise the page shows the document's address to a server on the internet.
    let script = host.get("/docs/swagger-initializer.js").await.text;
    assert!(script.contains(r#""validatorUrl": "none""#), "{script}");
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
