//! What the options change.

use axum::{body::Body, http::Request};
use gateway::Origins;
use serde_json::json;

use crate::host::{Host, check_error};

fn request(path: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::empty()).unwrap()
}

#[tokio::test]
async fn with_keys_every_route_but_a_few_needs_one() {
    let keys = |options: &mut gateway::Options| options.api_keys = vec!["secret".into()];
    let Some(host) = Host::start_with(keys).await else { return };
    for path in [
        "/health",
        "/ready",
        "/status",
        "/v1/address",
        "/v1/cluster/auth",
        "/v1/models/families",
        "/v1/models/prompts",
        "/v1/models/vllm-supported",
        // A browser cannot send a key for a page.
        "/",
        "/ui",
        "/docs",
        "/docs/",
        "/docs/swagger-ui.css",
        "/openapi.json",
    ] {
        assert_ne!(host.get(path).await.status, 401, "{path}");
    }
    // Which models there are is for those with a key.
    let ready = host.get("/ready").await;
    assert_eq!(ready.status, 503);
    assert_eq!(ready.json(), json!({"ready": false, "reason": "1 model is loading"}));
    assert_eq!(host.get("/v1/cluster/auth").await.json(), json!({"auth": true}));
    for path in [
        "/v1/models",
        "/v1/models/tiny",
        "/v1/models/instances",
        "/v1/models/tiny/progress",
        "/v1/models/tiny/replicas",
        "/v1/plugins",
        "/v1/cluster/version",
        "/v1/cluster/info",
        "/v1/cluster/devices",
        "/metrics",
    ] {
        let refused = host.get(path).await;
        check_error(&refused, 401, "Could not validate credentials");
        assert_eq!(refused.headers["www-authenticate"], "Bearer", "{path}");
        let wrong = request(path, &[("authorization", "Bearer abc")]);
        assert_eq!(host.send(wrong).await.status, 401, "{path}");
        let right = request(path, &[("authorization", "Bearer secret")]);
        assert_eq!(host.send(right).await.status, 200, "{path}");
    }
    for path in ["/v1/chat/completions", "/v1/completions", "/v1/render", "/v1/models"] {
        check_error(&host.post(path, "{}").await, 401, "credentials");
    }
}

#[tokio::test]
async fn without_keys_any_key_is_welcome() {
    let Some(host) = Host::start().await else { return };
    let any = request("/v1/models", &[("authorization", "Bearer abc")]);
    assert_eq!(host.send(any).await.status, 200);
}

#[tokio::test]
async fn names_of_strangers_are_refused() {
    let Some(host) = Host::start().await else { return };
    let refused = host.send(request("/v1/models", &[("host", "evil.com")])).await;
    check_error(&refused, 403, "`evil.com`");
    let fine = host.send(request("/v1/models", &[("host", "localhost:9997")])).await;
    assert_eq!(fine.status, 200);
}

#[tokio::test]
async fn pages_of_every_origin_may_call_unless_some_are_named() {
    let Some(host) = Host::start().await else { return };
    let page = request("/v1/models", &[("origin", "https://a.example")]);
    assert_eq!(host.send(page).await.headers["access-control-allow-origin"], "*");
    let named = |options: &mut gateway::Options| {
        options.allowed_origins = Origins::Only(vec!["https://a.example".into()]);
    };
    let Some(host) = Host::start_with(named).await else { return };
    let page = request("/v1/models", &[("origin", "https://a.example")]);
    let headers = host.send(page).await.headers;
    assert_eq!(headers["access-control-allow-origin"], "https://a.example");
    let page = || request("/v1/models", &[("origin", "https://b.example")]);
    assert!(!host.send(page()).await.headers.contains_key("access-control-allow-origin"));
    let none = |options: &mut gateway::Options| options.allowed_origins = Origins::Only(vec![]);
    let Some(host) = Host::start_with(none).await else { return };
    assert!(!host.send(page()).await.headers.contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn a_page_may_send_its_key() {
    let Some(host) = Host::start().await else { return };
    let mut ask = request(
        "/v1/chat/completions",
        &[
            ("origin", "https://a.example"),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "authorization,content-type"),
        ],
    );
    *ask.method_mut() = axum::http::Method::OPTIONS;
    let answer = host.send(ask).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["access-control-allow-headers"], "authorization,content-type");
    assert_eq!(answer.headers["access-control-allow-methods"], "POST");
}

#[tokio::test]
async fn more_requests_than_places_are_refused_at_once() {
    let few = |options: &mut gateway::Options| options.max_requests = 1;
    let Some(host) = Host::start_with(few).await else { return };
    let slow = r#"{"fake": {"text": "a b c d", "delay_us": 200000}}"#;
    let body =
        json!({"model": "tiny", "stream": true, "messages": [{"role": "user", "content": slow}]});
    let request = Request::post("/v1/chat/completions").body(Body::from(body.to_string())).unwrap();
    // The answer has begun and is not read, so its place is taken.
    let running = tower::ServiceExt::oneshot(host.app.router(), request).await.unwrap();
    let refused = host.chat("hi", json!({})).await;
    check_error(&refused, 429, "answers 1 requests already");
    assert_eq!(refused.headers["retry-after"], "1");
    drop(running);
    assert_eq!(host.chat("hi", json!({})).await.status, 200);
}

#[tokio::test]
async fn a_request_id_is_kept_where_it_is_one() {
    let Some(host) = Host::start().await else { return };
    let answer = host.send(request("/health", &[("x-request-id", "abc-1")])).await;
    assert_eq!(answer.headers["x-request-id"], "abc-1");
    let answer = host.send(request("/health", &[("x-request-id", "a b")])).await;
    assert_ne!(answer.headers["x-request-id"], "a b");
}
