//! The runtime itself: a folder of plugins, and what can be asked of them.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use model::{ChatRequest, ModelCard, Prompt, TranscriptionRequest};
use tokio::sync::watch;

use crate::ahead::Ahead;
use crate::cache::Cache;
use crate::compiler::Compiler;
use crate::installed::Installed;
use crate::loader::{Findings, Loader};
use crate::status::{Choice, PluginStatus, Report};
use crate::transcription::TranscriptionTurn;
use crate::turn::ChatTurn;
use crate::watch::Watch;
use crate::{Limits, PluginError, choose, engine, folder, prompt};

/// What a runtime is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The folder of plugins.
    pub dir: PathBuf,
    /// Where compiled plugins are kept; `None` compiles them at each start.
    pub cache_dir: Option<PathBuf>,
    /// What compiles plugins into that cache; `None` compiles them in this process, which then
    /// keeps some of the memory that it takes.
    pub compiler: Option<Compiler>,
    /// What a plugin may use.
    pub limits: Limits,
}

/// The installed plugins.
///
/// Clones share them. Every call blocks its thread while the plugin runs, for as long as its limits
/// allow, so an asynchronous caller hands it to a thread that may block.
#[derive(Clone)]
pub struct PluginRuntime(Arc<Shared>);

pub(crate) struct Shared {
    dir: PathBuf,
    loader: Loader,
    installed: ArcSwap<Installed>,
    /// Held while the folder is looked at, so that no look overtakes another.
    refreshing: Mutex<()>,
    changes: watch::Sender<u64>,
}

impl PluginRuntime {
    /// Loads every `*.wasm` of a folder; this takes as long as the compiler needs for new ones.
    ///
    /// # Errors
    /// As for [`PluginRuntime::open_compiled`].
    pub fn open(options: Options) -> Result<Self, PluginError> {
        let runtime = Self::open_compiled(options)?;
        runtime.compile()?;
        Ok(runtime)
    }

    /// Loads those `*.wasm` of a folder whose compiled form is in the cache, which takes no time to
    /// speak of; [`PluginRuntime::compile`] loads the others.
    ///
    /// # Errors
    /// The folder cannot be read, or the cache cannot be trusted. A file that cannot be loaded is
    /// not an error: [`PluginRuntime::plugins`] lists it with what is wrong with it.
    pub fn open_compiled(options: Options) -> Result<Self, PluginError> {
        let shared = engine::shared(options.limits.memory)?;
        let Options { dir, cache_dir, compiler, limits } = options;
        let cache = cache_dir.map(|dir| Cache::open(&dir, &shared.engine)).transpose()?;
        let runtime = Self(Arc::new(Shared {
            dir,
            loader: Loader::new(shared, cache, compiler, limits)?,
            installed: ArcSwap::default(),
            refreshing: Mutex::new(()),
            changes: watch::Sender::new(0),
        }));
        runtime.0.look()?;
        Ok(runtime)
    }

    /// Compiles what waits for it and looks at the folder again, until nothing waits; each plugin
    /// serves from the moment that it is there.
    ///
    /// # Errors
    /// The folder cannot be read any more.
    pub fn compile(&self) -> Result<(), PluginError> {
        self.0.refresh()
    }

    /// Follows the folder: a new, changed or removed file counts from the next request on.
    ///
    /// Dropping the guard ends it.
    ///
    /// # Errors
    /// The system cannot watch the folder.
    pub fn watch(&self) -> Result<Watch, PluginError> {
        Watch::start(&self.0)
    }

    /// The files of the folder, in the order of their names.
    pub fn plugins(&self) -> Vec<PluginStatus> {
        self.0.installed.load().statuses()
    }

    /// A count that goes up whenever [`PluginRuntime::plugins`] would answer anew.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    /// Finds the family for a model: the one that is `wanted`, else the one that fits best.
    ///
    /// Of several that fit equally well the first by name is chosen.
    ///
    /// # Errors
    /// None fits, the wanted one is not installed, or the chosen one refuses the model's options.
    pub fn choose(&self, card: &ModelCard, wanted: Option<&str>) -> Result<Choice, PluginError> {
        choose::choose(&self.0.installed.load(), card, wanted)
    }

    /// Renders a conversation in a fresh instance, which then parses the replies.
    ///
    /// # Errors
    /// The family is not installed or cannot chat, refuses the request, fails, or goes over a limit.
    pub fn chat(
        &self,
        family: &str,
        card: &ModelCard,
        request: &ChatRequest,
    ) -> Result<ChatTurn, PluginError> {
        let plugin = self.0.installed.load().family(family)?.clone();
        ChatTurn::start(&plugin, card, request)
    }

    /// As [`PluginRuntime::chat`], for a card that requests share.
    ///
    /// A family that reads its models ahead has an instance ready, unless requests come faster
    /// than it reads; the card tells models apart, so a model's requests pass the same one.
    ///
    /// # Errors
    /// As for [`PluginRuntime::chat`].
    pub fn chat_shared(
        &self,
        family: &str,
        card: &Arc<ModelCard>,
        request: &ChatRequest,
    ) -> Result<ChatTurn, PluginError> {
        let plugin = self.0.installed.load().family(family)?.clone();
        let turn = match Ahead::take(&plugin, card) {
            Some(instance) => ChatTurn::go_on(instance, card, request),
            None => ChatTurn::start(&plugin, card, request),
        };
        Ahead::make_next(&plugin, card);
        turn
    }

    /// Frames a text that the model is to go on with, in a fresh instance.
    ///
    /// # Errors
    /// As for [`PluginRuntime::chat`].
    pub fn completion(
        &self,
        family: &str,
        card: &ModelCard,
        prefix: &str,
        suffix: Option<&str>,
    ) -> Result<Prompt, PluginError> {
        let plugin = self.0.installed.load().family(family)?.clone();
        let mut sandbox = plugin.sandbox();
        let prompt = plugin.family.complete(&mut sandbox, card, prefix, suffix)?;
        prompt::validate(&prompt, card, 0)
            .map_err(|fault| sandbox.fail(&format!("its prompt is not valid: {fault}")))?;
        Ok(prompt)
    }

    /// Makes the decoding plan of a transcript in a fresh instance, which then writes it down.
    ///
    /// # Errors
    /// As for [`PluginRuntime::chat`].
    pub fn transcribe(
        &self,
        family: &str,
        card: &ModelCard,
        request: &TranscriptionRequest,
    ) -> Result<TranscriptionTurn, PluginError> {
        let plugin = self.0.installed.load().family(family)?.clone();
        TranscriptionTurn::start(&plugin, card, request)
    }

    /// Tries a file without installing it.
    pub fn check(&self, file: &Path) -> Report {
        let loader = &self.0.loader;
        let mut findings = Findings::default();
        let (bytes, result) = match folder::read(file, loader.limits().file_bytes) {
            Ok(bytes) => {
                let name = folder::name_of(file);
                (bytes.len() as u64, loader.load_noting(&name, &bytes, &mut findings))
            }
            Err(error) => (0, Err(error)),
        };
        let (plugin, error) = match result {
            Ok(plugin) => (Some(plugin), None),
            Err(error) => (None, Some(error)),
        };
        let abilities = plugin.as_ref().map(|p| p.family.abilities().to_vec()).unwrap_or_default();
        let description = plugin.map(|plugin| plugin.description).unwrap_or_default();
        Report {
            file: file.into(),
            bytes,
            imports: findings.imports,
            exports: findings.exports,
            abilities,
            name: description.name,
            version: description.version,
            summary: description.summary,
            compiled: findings.compiled,
            described: findings.described,
            error,
        }
    }
}

impl Shared {
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Swaps in whatever is new in the folder, compiled by and by.
    pub(crate) fn refresh(&self) -> Result<(), PluginError> {
        let _one = self.refreshing.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            // Between two compilations, so that a small file need not wait for every large one.
            self.look()?;
            let Some(next) = self.installed.load().compile_next(&self.loader) else {
                return Ok(());
            };
            self.swap_in(next);
        }
    }

    /// Looks at the folder once and swaps in what needs no compiler.
    fn look(&self) -> Result<(), PluginError> {
        if let Some(next) = self.installed.load().look(&self.dir, &self.loader)? {
            self.swap_in(next);
        }
        Ok(())
    }

    fn swap_in(&self, next: Installed) {
        self.installed.store(Arc::new(next));
        self.changes.send_modify(|count| *count += 1);
    }
}
