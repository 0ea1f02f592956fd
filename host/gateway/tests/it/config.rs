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
async fn pages_of_strangers_may_not_call_unless_they_are_named() {
    let allowed = |answer: &crate::host::Answer| {
        answer.headers.get("access-control-allow-origin").map(|v| v.to_str().unwrap().to_owned())
    };
    let from =
        |origin: &str| request("/v1/models", &[("host", "localhost:9997"), ("origin", origin)]);
    let Some(host) = Host::start().await else { return };
    let local = host.send(from("http://localhost:3000")).await;
    assert_eq!(
        (local.status.as_u16(), allowed(&local).as_deref()),
        (200, Some("http://localhost:3000"))
    );
    let own = host.send(from("http://localhost:9997")).await;
    assert_eq!(own.status, 200);
    for stranger in ["https://a.example", "null", "http://localhost.a.example"] {
        let refused = host.send(from(stranger)).await;
        check_error(&refused, 403, &format!("`{stranger}` may not call"));
        check_error(&refused, 403, "`cors-origins`");
        assert_eq!(allowed(&refused), None);
    }
    let listed = |origins: &[&str]| {
        let origins = origins.iter().map(|&origin| origin.to_owned()).collect();
        move |options: &mut gateway::Options| options.allowed_origins = Origins::Only(origins)
    };
    let Some(host) = Host::start_with(listed(&["https://a.example"])).await else { return };
    let named = host.send(from("https://a.example")).await;
    assert_eq!(
        (named.status.as_u16(), allowed(&named).as_deref()),
        (200, Some("https://a.example"))
    );
    check_error(&host.send(from("https://b.example")).await, 403, "may not call");
    check_error(&host.send(from("http://localhost:3000")).await, 403, "may not call");
    assert_eq!(host.send(from("http://localhost:9997")).await.status, 200);
    let any = |options: &mut gateway::Options| options.allowed_origins = Origins::Any;
    let Some(host) = Host::start_with(any).await else { return };
    let anybody = host.send(from("https://a.example")).await;
    assert_eq!((anybody.status.as_u16(), allowed(&anybody).as_deref()), (200, Some("*")));
}

/// What a form on any page can make a browser send without asking the server first.
#[tokio::test]
async fn a_page_cannot_ask_without_being_asked_for() {
    let Some(host) = Host::start().await else { return };
    let body = json!({"model": "tiny", "messages": [{"role": "user", "content": "hi"}]});
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/json"] {
        for (origin, expect) in [(Some("https://a.example"), 403), (Some("null"), 403), (None, 200)]
        {
            let mut request = Request::post("/v1/chat/completions").header("content-type", kind);
            if let Some(origin) = origin {
                request = request.header("origin", origin);
            }
            let answer = host.send(request.body(Body::from(body.to_string())).unwrap()).await;
            assert_eq!(answer.status.as_u16(), expect, "{kind} {origin:?}: {}", answer.text);
        }
    }
}

#[tokio::test]
async fn each_key_has_cached_prefixes_of_its_own() {
    let keys = |options: &mut gateway::Options| {
        options.api_keys = vec!["sk-first-key".into(), "sk-second-key".into()];
    };
    let Some(host) = Host::start_with(keys).await else { return };
    let show = r#"{"fake": {"show_request": true}}"#;
    let mut salts = Vec::new();
    for given in ["", "pepper", "key0:", "key1:pepper"] {
        for key in ["sk-first-key", "sk-second-key"] {
            let body = json!({"model": "tiny", "cache_salt": given, "prompt": show});
            let request = Request::post("/v1/completions");
            let request = request.header("authorization", format!("Bearer {key}"));
            let answer = host.send(request.body(Body::from(body.to_string())).unwrap()).await;
            let text = answer.json()["choices"][0]["text"].as_str().unwrap().to_owned();
            let request: serde_json::Value = serde_json::from_str(&text).unwrap();
            let salt = request["cache_salt"].as_str().unwrap().to_owned();
            assert!(!text.contains(key), "{text}");
            salts.push(salt);
        }
    }
    let count = salts.len();
    salts.sort_unstable();
    salts.dedup();
    assert_eq!(salts.len(), count, "{salts:?}");
}

#[tokio::test]
async fn a_page_may_send_its_key() {
    let Some(host) = Host::start().await else { return };
    let mut ask = request(
        "/v1/chat/completions",
        &[
            ("origin", "http://localhost:3000"),
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
