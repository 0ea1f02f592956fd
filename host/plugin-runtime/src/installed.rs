//! What is installed: a snapshot that is replaced as a whole.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::loader::{Loader, Plugin};
use crate::status::PluginStatus;
use crate::{PluginError, folder};

/// The plugins' files and the families that they serve.
#[derive(Default)]
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
}

impl Installed {
    /// Looks at the folder; `None` if nothing changed.
    ///
    /// # Errors
    /// The folder cannot be read. A file that cannot be loaded is no error, but is listed with one.
    pub(crate) fn refresh(&self, dir: &Path, loader: &Loader) -> Result<Option<Self>, PluginError> {
        let mut next = Self::default();
        let mut changed = false;
        for path in folder::files(dir)? {
            let old = self.files.get(&path);
            let entry = look(&path, old, loader);
            changed |= old.is_none_or(|old| old.tried != entry.tried || old.error != entry.error);
            next.files.insert(path, entry);
        }
        for path in self.files.keys().filter(|path| !next.files.contains_key(*path)) {
            tracing::info!(file = folder::name_of(path), "plugin removed");
            changed = true;
        }
        next.choose_servers();
        Ok(changed.then_some(next))
    }

    /// Of several files with the same family the first by name serves.
    fn choose_servers(&mut self) {
        let mut servers: BTreeMap<String, String> = BTreeMap::new();
        for (path, entry) in &mut self.files {
            let Some(plugin) = &entry.plugin else { continue };
            let (name, file) = (plugin.description.name.clone(), folder::name_of(path));
            entry.rival = servers.get(&name).map(|server| {
                PluginError::Duplicate { name: name.clone(), file: server.clone() }.to_string()
            });
            if entry.rival.is_none() {
                self.families.insert(name.clone(), plugin.clone());
                servers.insert(name, file);
            }
        }
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
    pub(crate) fn family(&self, name: &str) -> Result<&Arc<Plugin>, PluginError> {
        self.families.get(name).ok_or_else(|| PluginError::UnknownFamily {
            wanted: name.into(),
            installed: self.names(),
        })
    }
}

impl Entry {
    fn status(&self, path: &Path) -> PluginStatus {
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let mut status = PluginStatus {
            name: stem.unwrap_or_default(),
            file: path.into(),
            error: self.error.clone().or_else(|| self.rival.clone()),
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
            status.still_serving = status.serving && self.error.is_some();
        }
        status
    }
}

/// Reads a file and loads it if it holds something new.
fn look(path: &Path, old: Option<&Entry>, loader: &Loader) -> Entry {
    let file = folder::name_of(path);
    let old_plugin = old.and_then(|old| old.plugin.clone());
    let keep = |tried, error: &PluginError| Entry {
        tried,
        plugin: old_plugin.clone(),
        error: Some(error.to_string()),
        rival: None,
    };
    let bytes = match folder::read(path, loader.limits().file_bytes) {
        Ok(bytes) => bytes,
        Err(error) => {
            let entry = keep(None, &error);
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
    match loader.load(&file, &bytes) {
        Ok(plugin) => {
            let (name, version) = (&plugin.description.name, &plugin.description.version);
            tracing::info!(file, name, version, "plugin loaded");
            let plugin = Some(Arc::new(plugin));
            Entry { tried: Some(hash), plugin, error: None, rival: None }
        }
        Err(error) => {
            warn_of(&file, &error, old_plugin.as_deref());
            keep(Some(hash), &error)
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
