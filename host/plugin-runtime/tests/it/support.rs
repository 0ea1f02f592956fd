//! What the tests share: fixtures, a folder to put them into, and a small model.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use model::{
    ChatRequest, ContentPart, ControlToken, Message, ModelCard, Prompt, PromptPart, ReplyEvent,
    Role,
};
use plugin_runtime::{Limits, Options, PluginRuntime, PluginStatus};
use tempfile::TempDir;
use tokio::sync::watch;

/// The path of a fixture plugin.
#[track_caller]
pub(crate) fn fixture(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/plugins");
    let path = folder.join(format!("{name}.wasm"));
    assert!(path.is_file(), "{} is not there; run `cargo xtask plugins`", path.display());
    path
}

/// The bytes of a fixture plugin.
#[track_caller]
pub(crate) fn bytes(name: &str) -> Vec<u8> {
    fs::read(fixture(name)).unwrap()
}

/// A folder of plugins, and the runtime that serves them.
pub(crate) struct Host {
    pub(crate) dir: TempDir,
    pub(crate) runtime: PluginRuntime,
}

/// Compiled once for all tests, which also has them share a cache as several hosts would.
pub(crate) fn cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugin-cache")
}

/// Serves these fixtures.
#[track_caller]
pub(crate) fn host(fixtures: &[&str]) -> Host {
    host_with(fixtures, Limits::default())
}

/// Serves these fixtures within other limits.
#[track_caller]
pub(crate) fn host_with(fixtures: &[&str], limits: Limits) -> Host {
    let dir = TempDir::new().unwrap();
    for name in fixtures {
        fs::copy(fixture(name), dir.path().join(format!("{name}.wasm"))).unwrap();
    }
    let runtime = open(dir.path(), Some(cache()), limits);
    Host { dir, runtime }
}

#[track_caller]
pub(crate) fn open(dir: &Path, cache_dir: Option<PathBuf>, limits: Limits) -> PluginRuntime {
    PluginRuntime::open(Options { dir: dir.into(), cache_dir, compiler: None, limits }).unwrap()
}

impl Host {
    /// The status of one file.
    #[track_caller]
    pub(crate) fn status(&self, file: &str) -> PluginStatus {
        let statuses = self.runtime.plugins();
        let found = statuses.iter().find(|status| status.file.ends_with(file));
        found.unwrap_or_else(|| panic!("{file} is not among {statuses:#?}")).clone()
    }

    /// Puts a file in its place at once, as a careful operator would.
    pub(crate) fn install(&self, file: &str, content: &[u8]) {
        let part = self.dir.path().join(".part");
        fs::write(&part, content).unwrap();
        fs::rename(part, self.dir.path().join(file)).unwrap();
    }

    /// Waits until the plugins' statuses are as wanted.
    pub(crate) async fn until(
        &self,
        changes: &mut watch::Receiver<u64>,
        wanted: impl Fn(&[PluginStatus]) -> bool,
    ) {
        loop {
            let statuses = self.runtime.plugins();
            if wanted(&statuses) {
                return;
            }
            tokio::time::timeout(Duration::from_mins(1), changes.changed())
                .await
                .unwrap_or_else(|_| panic!("nothing changed any more at {statuses:#?}"))
                .unwrap();
        }
    }
}

/// A model with a small vocabulary.
pub(crate) fn card() -> ModelCard {
    let token = |id, text: &str| ControlToken { text: text.into(), id };
    ModelCard {
        name: "parrot".into(),
        architecture: "echo".into(),
        context_length: 2048,
        vocabulary_size: 1000,
        bos: Some(1),
        eos: Some(2),
        control_tokens: vec![
            token(1, "<s>"),
            token(2, "</s>"),
            token(3, "<|system|>"),
            token(4, "<|user|>"),
            token(5, "<|assistant|>"),
            token(6, "<|observation|>"),
        ],
        ..ModelCard::default()
    }
}

/// A request with one message of the user's.
pub(crate) fn say(text: &str) -> ChatRequest {
    let message = Message {
        role: Role::User,
        content: vec![ContentPart::Text(text.into())],
        name: None,
        reasoning: None,
        tool_calls: vec![],
        tool_call_id: None,
    };
    ChatRequest {
        messages: vec![message],
        now: "2026-11-22T12:00:00Z".into(),
        ..ChatRequest::default()
    }
}

/// The text of a prompt.
pub(crate) fn text(prompt: &Prompt) -> String {
    let part = |part: &PromptPart| match part {
        PromptPart::Text(text) => text.clone(),
        other => format!("[{other:?}]"),
    };
    prompt.parts.iter().map(part).collect()
}

/// Events of content.
pub(crate) fn content(text: &str) -> Vec<ReplyEvent> {
    vec![ReplyEvent::Content(text.into())]
}
