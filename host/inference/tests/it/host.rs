//! A pipeline to ask.

use std::path::{Path, PathBuf};

use inference::{
    ChatDraft, CompletionDraft, EngineProgram, GenerationDraft, Inference, InferenceError,
    ModelDefinition, Reply, ReplyItem,
};
use model::{ContentPart, Message, Role, Usage};
use plugin_runtime::PluginRuntime;
use supervisor::Supervisor;

/// A pipeline with the model `tiny`; its folder goes with it.
pub(crate) struct Host {
    pub(crate) inference: Inference,
    pub(crate) folder: tempfile::TempDir,
    engine: PathBuf,
}

fn engine() -> Option<PathBuf> {
    let own = std::env::current_exe().unwrap();
    let engine = own.parent()?.parent()?.join("engine-fake");
    engine.exists().then_some(engine)
}

fn plugin() -> Option<PathBuf> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/vicuna.wasm");
    file.exists().then_some(file)
}

impl Host {
    /// A pipeline whose model is ready; `None`, and a line that says so, where something is not
    /// built.
    pub(crate) async fn start() -> Option<Self> {
        let (host, plugins) = Self::begin()?;
        plugins.compile().unwrap();
        host.inference.add_model(host.define("tiny", "tiny.gguf", &[])).await.unwrap();
        host.inference.ready("tiny").await.unwrap();
        Some(host)
    }

    /// A pipeline without models whose plugin has yet to be compiled.
    pub(crate) fn begin() -> Option<(Self, PluginRuntime)> {
        let (Some(engine), Some(plugin)) = (engine(), plugin()) else {
            eprintln!("skipped: engine-fake or the vicuna plugin is not built");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let plugins = folder.path().join("plugins");
        std::fs::create_dir(&plugins).unwrap();
        std::fs::copy(plugin, plugins.join("vicuna.wasm")).unwrap();
        crate::gguf::write(&folder.path().join("tiny.gguf"), "Tiny Test");
        let limits = plugin_runtime::Limits::default();
        let options =
            plugin_runtime::Options { dir: plugins, cache_dir: None, compiler: None, limits };
        let plugins = PluginRuntime::open_compiled(options).unwrap();
        let runtime_dir = folder.path().to_owned();
        let options = supervisor::Options { runtime_dir, ..supervisor::Options::default() };
        let supervisor = Supervisor::new(options).unwrap();
        let options = inference::Options::default();
        let inference = Inference::new(supervisor, plugins.clone(), options);
        Some((Self { inference, folder, engine }, plugins))
    }

    /// A model of a file in the folder.
    pub(crate) fn define(&self, uid: &str, file: &str, args: &[&str]) -> ModelDefinition {
        let engine = EngineProgram {
            name: "fake".into(),
            program: self.engine.clone(),
            args: args.iter().map(|&arg| arg.to_owned()).collect(),
            env: Vec::new(),
        };
        ModelDefinition {
            family: Some("vicuna".into()),
            ..ModelDefinition::new(uid.parse().unwrap(), self.folder.path().join(file), engine)
        }
    }

    /// What comes of a text to go on with.
    pub(crate) async fn complete(
        &self,
        prompt: &str,
        change: impl FnOnce(&mut GenerationDraft),
    ) -> Result<(Vec<ReplyItem>, Usage), InferenceError> {
        let mut generation = GenerationDraft::default();
        change(&mut generation);
        let draft = CompletionDraft {
            model: "tiny".into(),
            prefix: prompt.into(),
            suffix: None,
            generation,
        };
        read(self.inference.complete(draft.try_into()?).await?).await
    }
}

/// Reads a reply to its end; a failure within it is the error.
async fn read(mut reply: Reply) -> Result<(Vec<ReplyItem>, Usage), InferenceError> {
    let mut all = Vec::new();
    while let Some(items) = reply.next().await {
        for item in items {
            if let ReplyItem::Failed(error) = item {
                return Err(error);
            }
            all.push(item);
        }
    }
    Ok((all, reply.usage()))
}

/// A conversation with `tiny`.
pub(crate) fn chat(messages: Vec<Message>) -> ChatDraft {
    let mut draft = ChatDraft { model: "tiny".into(), ..ChatDraft::default() };
    draft.request.messages = messages;
    draft
}

/// A message of one text.
pub(crate) fn message(role: Role, text: &str) -> Message {
    Message {
        role,
        content: vec![ContentPart::Text(text.to_owned())],
        name: None,
        reasoning: None,
        tool_calls: Vec::new(),
        tool_call_id: None,
    }
}
