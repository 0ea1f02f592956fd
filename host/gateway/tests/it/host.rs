//! A host to ask.

use std::path::{Path, PathBuf};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, StatusCode},
};
use gateway::{App, Options};
use http_body_util::BodyExt;
use inference::{EngineProgram, Inference, ModelDefinition};
use plugin_runtime::PluginRuntime;
use serde_json::Value;
use supervisor::Supervisor;
use tower::ServiceExt;

/// A host with the models of the tests; its folder goes with it.
pub(crate) struct Host {
    pub(crate) app: App,
    pub(crate) inference: Inference,
    folder: tempfile::TempDir,
}

/// An answer as a client sees it.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }

    /// The chunks of a stream that ended well.
    #[track_caller]
    pub(crate) fn chunks(&self) -> Vec<Value> {
        let mut events = self.events();
        assert_eq!(events.pop(), Some("[DONE]"), "{}", self.text);
        events.into_iter().map(|event| serde_json::from_str(event).unwrap()).collect()
    }

    /// The data of every event.
    #[track_caller]
    pub(crate) fn events(&self) -> Vec<&str> {
        let events = self.text.split_terminator("\r\n\r\n");
        events.map(|event| event.strip_prefix("data: ").unwrap()).collect()
    }
}

/// Reads a whole response.
pub(crate) async fn send(router: Router, request: Request<Body>) -> Answer {
    let response = router.oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    Answer { status: head.status, headers: head.headers, text }
}

fn engine() -> Option<PathBuf> {
    let own = std::env::current_exe().unwrap();
    let engine = own.parent()?.parent()?.join("engine-fake");
    engine.exists().then_some(engine)
}

fn program(args: &[&str]) -> Option<EngineProgram> {
    Some(EngineProgram {
        name: "fake".into(),
        program: engine()?,
        args: args.iter().map(|&arg| arg.to_owned()).collect(),
        env: Vec::new(),
    })
}

fn fixture(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/plugins");
    Some(folder.join(name)).filter(|file| file.exists())
}

impl Host {
    /// A host whose models are ready; `None`, and a line that says so, where something is not
    /// built.
    pub(crate) async fn start() -> Option<Self> {
        Self::start_with(|_| {}).await
    }

    /// A host with the model `scribe`, which writes down speech, beside the others.
    pub(crate) async fn hearing(change: impl FnOnce(&mut Options)) -> Option<Self> {
        let Some(plugin) = fixture("scribe.wasm") else {
            eprintln!("skipped: the fixture plugins are not built");
            return None;
        };
        let host = Self::build(change, Some(plugin)).await?;
        let model = host.folder.path().join("tiny.gguf");
        let define = ModelDefinition::new("scribe".parse().unwrap(), model, program(&[])?);
        let scribe = ModelDefinition { family: Some("scribe".into()), ..define };
        host.inference.add_model(scribe).await.unwrap();
        host.inference.ready("scribe").await.unwrap();
        Some(host)
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut Options)) -> Option<Self> {
        Self::build(change, None).await
    }

    async fn build(change: impl FnOnce(&mut Options), more: Option<PathBuf>) -> Option<Self> {
        let (Some(_), Some(plugin)) = (engine(), fixture("echo.wasm")) else {
            eprintln!("skipped: engine-fake or the fixture plugins are not built");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let plugins = folder.path().join("plugins");
        std::fs::create_dir(&plugins).unwrap();
        std::fs::copy(plugin, plugins.join("echo.wasm")).unwrap();
        if let Some(plugin) = more {
            std::fs::copy(&plugin, plugins.join(plugin.file_name().unwrap())).unwrap();
        }
        let model = folder.path().join("tiny.gguf");
        crate::gguf::write(&model, "Tiny Test");
        let limits = plugin_runtime::Limits::default();
        let plugins =
            plugin_runtime::Options { dir: plugins, cache_dir: None, compiler: None, limits };
        let plugins = PluginRuntime::open(plugins).unwrap();
        let sockets = supervisor::Options {
            runtime_dir: folder.path().to_owned(),
            ..supervisor::Options::default()
        };
        let supervisor = Supervisor::new(sockets).unwrap();
        let inference = Inference::new(supervisor, plugins, inference::Options::default());
        let define = |uid: &str, args: &[&str]| {
            ModelDefinition::new(uid.parse().unwrap(), &model, program(args).unwrap())
        };
        let echo = ModelDefinition { family: Some("echo".into()), ..define("tiny", &[]) };
        inference.add_model(echo).await.unwrap();
        inference.add_model(define("plain", &[])).await.unwrap();
        let slow = define("slow", &["--slow-start", "600000"]);
        let slow = ModelDefinition { family: Some("echo".into()), ..slow };
        inference.add_model(slow).await.unwrap();
        let broken = folder.path().join("missing.gguf");
        let broken = ModelDefinition { path: broken, ..define("broken", &[]) };
        inference.add_model(broken).await.unwrap_err();
        let orphan = ModelDefinition { family: Some("nobody".into()), ..define("orphan", &[]) };
        inference.add_model(orphan).await.unwrap_err();
        inference.ready("tiny").await.unwrap();
        inference.ready("plain").await.unwrap();
        let mut options = Options::new("127.0.0.1:9997".parse().unwrap());
        change(&mut options);
        let app = gateway::app(inference.clone(), options);
        Some(Self { app, inference, folder })
    }

    /// Adds a model of the family `echo`, and waits for it.
    pub(crate) async fn add(&self, uid: &str, change: impl FnOnce(&mut ModelDefinition)) {
        let model = self.folder.path().join("tiny.gguf");
        let mut define = ModelDefinition::new(uid.parse().unwrap(), model, program(&[]).unwrap());
        define.family = Some("echo".into());
        change(&mut define);
        self.inference.add_model(define).await.unwrap();
        self.inference.ready(uid).await.unwrap();
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, body: impl Into<Body>) -> Answer {
        self.send(Request::post(path).body(body.into()).unwrap()).await
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        send(self.app.router(), request).await
    }

    /// A chat with one user message.
    pub(crate) async fn chat(&self, text: &str, mut fields: Value) -> Answer {
        let defaults = serde_json::json!({
            "model": "tiny",
            "messages": [{ "role": "user", "content": text }],
        });
        let object = fields.as_object_mut().unwrap();
        for (key, value) in defaults.as_object().unwrap() {
            object.entry(key.clone()).or_insert_with(|| value.clone());
        }
        self.post("/v1/chat/completions", fields.to_string()).await
    }

    pub(crate) async fn complete(&self, prompt: &str, mut fields: Value) -> Answer {
        fields["prompt"] = prompt.into();
        if fields["model"].is_null() {
            fields["model"] = "plain".into();
        }
        self.post("/v1/completions", fields.to_string()).await
    }
}

/// Checks an error's status, its two texts, and that it names something.
#[track_caller]
pub(crate) fn check_error(answer: &Answer, status: u16, part: &str) {
    assert_eq!(answer.status.as_u16(), status, "{}", answer.text);
    let body = answer.json();
    let detail = body["detail"].as_str().unwrap();
    assert!(detail.contains(part), "`{detail}` lacks `{part}`");
    assert_eq!(body["error"]["message"], body["detail"]);
    let keys: Vec<_> = body["error"].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["message", "type", "param", "code"]);
}
