//! Plugins that a host has loaded.

use serde::{Deserialize, Serialize};

/// What a host says of one plugin file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Plugin {
    /// The family's name.
    pub name: String,
    /// The plugin's own version.
    pub version: String,
    /// One sentence.
    pub summary: String,
    /// What it can do, from its exports.
    pub abilities: Vec<String>,
    /// The file.
    pub file: String,
    /// Whether the newest state of the file is being compiled.
    pub compiling: bool,
    /// Why the newest state of the file is not in use.
    pub error: Option<String>,
    /// Whether an older state of the file goes on serving meanwhile.
    pub still_serving: bool,
}

#[derive(Debug, Deserialize)]
pub(crate) struct PluginList {
    pub(crate) data: Vec<Plugin>,
}
