//! What holds for every route, whichever there are.

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use plugin_runtime::PluginRuntime;
use serde_json::Value;
use supervisor::Supervisor;
use tower::ServiceExt;

use super::*;

const KEY: &str = "sk-right-key";

/// A host without models that asks for a key; its folder goes with it.
fn host() -> (Router, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let plugins = folder.path().join("plugins");
    std::fs::create_dir(&plugins).unwrap();
    let limits = plugin_runtime::Limits::default();
    let plugins = plugin_runtime::Options { dir: plugins, cache_dir: None, compiler: None, limits };
    let plugins = PluginRuntime::open(plugins).unwrap();
    let sockets = supervisor::Options {
        runtime_dir: folder.path().to_owned(),
        ..supervisor::Options::default()
    };
    let supervisor = Supervisor::new(sockets).unwrap();
    let inference = Inference::new(supervisor, plugins, inference::Options::default());
    let mut options = Options::new("127.0.0.1:9997".parse().unwrap());
    options.api_keys = vec![KEY.into()];
    (app(inference, options).router(), folder)
}

async fn ask(router: &Router, method: &str, path: &str, key: Option<&str>) -> StatusCode {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(key) = key {
        request = request.header("authorization", format!("Bearer {key}"));
    }
    let request = request.body(Body::from("{}")).unwrap();
    router.clone().oneshot(request).await.unwrap().status()
}

const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

/// A path with something in each of its places.
fn filled(path: &str) -> String {
    let part = |part: &str| if part.starts_with('{') { "x".to_owned() } else { part.to_owned() };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// Every operation of the document: its method, its path, and whether it needs no key.
fn documented() -> Vec<(String, String, bool)> {
    let document: Value = serde_json::to_value(openapi()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, item)| {
        item.as_object().unwrap().iter().map(|(method, operation)| {
            (method.to_uppercase(), path.clone(), operation.get("security").is_some())
        })
    });
    operations.collect()
}

#[track_caller]
fn check(status: StatusCode, expect: bool, what: &str) {
    assert_eq!(status == StatusCode::UNAUTHORIZED, expect, "{what}: {status}");
}

#[tokio::test]
async fn every_documented_route_asks_for_a_key_but_those_that_say_otherwise() {
    let (router, _folder) = host();
    let operations = documented();
    assert!(operations.len() > 20, "{operations:?}");
    let mut open = Vec::new();
    for (method, path, is_open) in &operations {
        let (what, path) = (format!("{method} {path}"), filled(path));
        for key in
            [None, Some(""), Some("sk-wrong-key"), Some("sk-right-ke"), Some("sk-right-key1")]
        {
            check(ask(&router, method, &path, key).await, !is_open, &what);
        }
        check(ask(&router, method, &path, Some(KEY)).await, false, &what);
        if *is_open {
            open.push(what);
        }
    }
    open.sort();
    // A route becomes open on purpose alone.
    let expect = [
        "GET /health",
        "GET /ready",
        "GET /status",
        "GET /v1/address",
        "GET /v1/cluster/auth",
        "GET /v1/models/families",
        "GET /v1/models/prompts",
        "GET /v1/models/vllm-supported",
    ];
    assert_eq!(open, expect);
}

#[tokio::test]
async fn no_method_and_no_spelling_of_a_path_gets_around_the_key() {
    let (router, _folder) = host();
    let open: Vec<_> = documented().into_iter().filter(|(_, _, is_open)| *is_open).collect();
    let keyed = documented().into_iter().filter(|(_, _, is_open)| !is_open);
    let mut paths: Vec<_> = keyed.map(|(_, path, _)| filled(&path)).collect();
    paths.extend(absent::INFERENCE.iter().map(|(path, _)| filled(path)));
    paths.extend(absent::MANAGEMENT.iter().map(|path| filled(path)));
    paths.extend(["/v1/audio/speech", "/v1/audio/voices"].map(str::to_owned));
    paths.retain(|path| open.iter().all(|(_, open, _)| open != path));
    for path in paths {
        let upper = path.to_uppercase();
        let encoded = path.replace('m', "%6d").replace('a', "%61");
        let dots = path.replacen("/v1", "/v1/./../v1", 1);
        let behind = format!("/health/..{path}");
        let spellings =
            [path.clone(), format!("/{path}"), format!("{path}/"), upper, encoded, dots, behind];
        for path in spellings {
            for method in METHODS {
                let status = ask(&router, method, &path, None).await;
                // There may be no such method, or no such path; an answer there is none.
                let refused = [
                    StatusCode::UNAUTHORIZED,
                    StatusCode::METHOD_NOT_ALLOWED,
                    StatusCode::NOT_FOUND,
                ];
                assert!(refused.contains(&status), "{method} {path}: {status}");
            }
        }
    }
    for (path, _) in absent::INFERENCE {
        check(ask(&router, "POST", &filled(path), None).await, true, path);
        check(ask(&router, "POST", &filled(path), Some(KEY)).await, false, path);
    }
    for path in absent::MANAGEMENT {
        check(ask(&router, "POST", &filled(path), None).await, true, path);
        check(ask(&router, "POST", &filled(path), Some(KEY)).await, false, path);
    }
}
