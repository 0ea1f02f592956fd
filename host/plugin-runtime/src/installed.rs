//! What is installed: a snapshot that is replaced as a whole.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use crate::loader::{Loader, Plugin};
use crate::status::PluginStatus;
use crate::{PluginError, folder};

/// The plugins' files and the families that they serve.
#[derive(Clone, Default)]
pub(crate) struct Installed {
    files: BTreeMap<PathBuf, Entry>,
    /// The serving plugin of each family, by its name.
    pub(crate) families: BTreeMap<String, Arc<Plugin>>,
}

/// One file: what it last held, and what came of it.
#[derive(Clone)]
struct Entry {
    /// The content that was tried last; the same one is not tried again.
    tried: Option<blake3::Hash>,
    /// The plugin of the last content that could be loaded.
    plugin: Option<Arc<Plugin>>,
    /// Why the last content could not be loaded.
    error: Option<String>,
    /// Why the plugin serves nobody, though it could be loaded.
    rival: Option<String>,
    /// The size in bytes of a new content that waits for the compiler.
    compiling: Option<u64>,
}

impl Installed {
    /// Looks at the folder and loads what needs no compiler; `None` if nothing changed.
    ///
    /// # Errors
    /// The folder cannot be read. A file that cannot be loaded is no error, but is listed with one.
    pub(crate) fn look(&self, dir: &Path, loader: &Loader) -> Result<Option<Self>, PluginError> {
        let mut next = Self::default();
        let mut changed = false;
        for path in folder::files(dir)? {
            let old = self.files.get(&path);
            let entry = look(&path, old, loader, Compile::Later);
            changed |= old.is_none_or(|old| old.differs(&entry));
            next.files.insert(path, entry);
        }
        for path in self.files.keys().filter(|path| !next.files.contains_key(*path)) {
            tracing::info!(file = folder::name_of(path), "plugin removed");
            changed = true;
        }
        next.choose_servers();
        Ok(changed.then_some(next))
    }

    /// Compiles one of the files that wait for it; `None` if there is none.
    ///
    /// The smallest goes first, so that the families that are there soonest do not wait for one
    /// that brings a whole interpreter along.
    pub(crate) fn compile_next(&self, loader: &Loader) -> Option<Self> {
        let waiting = self.files.iter().filter_map(|(path, entry)| Some((entry.compiling?, path)));
        let (size, path) = waiting.min()?;
        let (file, begun) = (folder::name_of(path), Instant::now());
        tracing::info!(file, size, "compiling a plugin, which is done once");
        let mut next = self.clone();
        next.files.insert(path.clone(), look(path, self.files.get(path), loader, Compile::Now));
        tracing::debug!(file, elapsed = ?begun.elapsed(), "the compiler is done");
        next.choose_servers();
        Some(next)
    }

    /// Of several files with the same family the first by name serves.
    fn choose_servers(&mut self) {
        self.families.clear();
        let mut servers: BTreeMap<String, String> = BTreeMap::new();
        for (path, entry) in &mut self.files {
            let Some(plugin) = &entry.plugin else { continue };
            let (name, file) = (plugin.description.name.clone(), folder::name_of(path));
            let rival = servers.get(&name).map(|server| {
                PluginError::Duplicate { name: name.clone(), file: server.clone() }.to_string()
            });
            match &rival {
                None => {
                    self.families.insert(name.clone(), plugin.clone());
                    servers.insert(name, file);
                }
                Some(error) if entry.rival != rival => {
                    tracing::warn!(file, error, "plugin loaded, and it serves nobody");
                }
                Some(_) => {}
            }
            entry.rival = rival;
        }
    }

    /// The names of the files that wait for the compiler, as an error for those who wait for them.
    pub(crate) fn compiling(&self) -> Option<PluginError> {
        let waiting = self.files.iter().filter(|(_, entry)| entry.compiling.is_some());
        let files: Vec<String> = waiting.map(|(path, _)| folder::name_of(path)).collect();
        (!files.is_empty()).then_some(PluginError::Compiling { files })
    }

    /// One line for each file, in the order of their names.
    pub(crate) fn statuses(&self) -> Vec<PluginStatus> {
        self.files.iter().map(|(path, entry)| entry.status(path)).collect()
    }

    /// The names of the families.
    pub(crate) fn names(&self) -> Vec<String> {
        self.families.keys().cloned().collect()
    }

    /// The plugin that serves a family.
    ///
    /// # Errors
    /// There is none, or a file that is still being compiled may hold it.
    pub(crate) fn family(&self, name: &str) -> Result<&Arc<Plugin>, PluginError> {
        self.families.get(name).ok_or_else(|| {
            self.compiling().unwrap_or_else(|| PluginError::UnknownFamily {
                wanted: name.into(),
                installed: self.names(),
            })
        })
    }
}

impl Entry {
    /// Whether somebody who lists the plugins would see another line.
    fn differs(&self, other: &Self) -> bool {
        self.tried != other.tried
            || self.error != other.error
            || self.compiling.is_some() != other.compiling.is_some()
    }

    fn status(&self, path: &Path) -> PluginStatus {
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let mut status = PluginStatus {
            name: stem.unwrap_or_default(),
            file: path.into(),
            error: self.error.clone().or_else(|| self.rival.clone()),
            compiling: self.compiling.is_some(),
            ..PluginStatus::default()
        };
        if let Some(plugin) = &self.plugin {
            status.name.clone_from(&plugin.description.name);
            status.version.clone_from(&plugin.description.version);
            status.summary.clone_from(&plugin.description.summary);
            status.abilities = plugin.family.abilities().to_vec();
            status.hash = plugin.hash.to_hex().to_string();
            status.loaded = Some(plugin.loaded);
            status.serving = self.rival.is_none();
            status.still_serving = status.serving && (self.error.is_some() || status.compiling);
        }
        status
    }
}

/// What to do with a file whose compiled form is not in the cache.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Compile {
    /// Leave it for the next round.
    Later,
    /// Compile it, which takes from a second to minutes.
    Now,
}

/// Reads a file and loads it if it holds something new.
fn look(path: &Path, old: Option<&Entry>, loader: &Loader, then: Compile) -> Entry {
    let file = folder::name_of(path);
    let old_plugin = old.and_then(|old| old.plugin.clone());
    let keep = |tried, error: Option<&PluginError>| Entry {
        tried,
        plugin: old_plugin.clone(),
        error: error.map(ToString::to_string),
        rival: old.and_then(|old| old.rival.clone()),
        compiling: None,
    };
    let bytes = match folder::read(path, loader.limits().file_bytes) {
        Ok(bytes) => bytes,
        Err(error) => {
            let entry = keep(None, Some(&error));
            if old.is_none_or(|old| old.error != entry.error) {
                warn_of(&file, &error, old_plugin.as_deref());
            }
            return entry;
        }
    };
    let hash = blake3::hash(&bytes);
    if let Some(old) = old.filter(|old| old.tried == Some(hash)) {
        return old.clone();
    }
    let outcome = match then {
        Compile::Later => loader.load_compiled(&file, &bytes),
        Compile::Now => loader.load(&file, &bytes).map(Some),
    };
    match outcome {
        Ok(Some(plugin)) => {
            let (name, version) = (&plugin.description.name, &plugin.description.version);
            tracing::info!(file, name, version, "plugin loaded");
            let plugin = Some(Arc::new(plugin));
            Entry { tried: Some(hash), plugin, ..keep(None, None) }
        }
        Ok(None) => Entry { compiling: Some(bytes.len() as u64), ..keep(None, None) },
        Err(error) => {
            warn_of(&file, &error, old_plugin.as_deref());
            keep(Some(hash), Some(&error))
        }
    }
}

fn warn_of(file: &str, error: &PluginError, old: Option<&Plugin>) {
    if let Some(old) = old {
        let version = &old.description.version;
        tracing::warn!(file, %error, version, "plugin not loaded; the old one goes on serving");
    } else {
        tracing::warn!(file, %error, "plugin not loaded");
    }
}
