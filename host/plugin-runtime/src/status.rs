//! What is told of plugins to people.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use model::{Ability, Fit, Profile};

use crate::PluginError;

/// One file of the plugins' folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PluginStatus {
    /// The family's name; the file's, as long as it never could be loaded.
    pub name: String,
    /// The version of the plugin that was loaded last; empty if none was.
    pub version: String,
    /// What it is for.
    pub summary: String,
    /// What it can do, found from its exports.
    pub abilities: Vec<Ability>,
    /// The file.
    pub file: PathBuf,
    /// The BLAKE3 hash of the content that was loaded last, in hexadecimal.
    pub hash: String,
    /// When that was.
    pub loaded: Option<SystemTime>,
    /// Why the file's present content does not serve.
    pub error: Option<String>,
    /// Whether the file's present content waits for the compiler.
    pub compiling: bool,
    /// Whether requests for the family are answered from this file.
    pub serving: bool,
    /// Whether they are, though its present content is not loaded: the earlier one goes on.
    pub still_serving: bool,
}

/// The family for a model, and why it is the one.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// The family's name.
    pub family: String,
    /// The plugin's version.
    pub version: String,
    /// What it can do.
    pub abilities: Vec<Ability>,
    /// How it drives the model.
    pub profile: Profile,
    /// How well it fits.
    pub fit: Fit,
    /// What decided it.
    pub reason: String,
    /// Every family that was asked, with its answer.
    pub considered: Vec<(String, Fit, String)>,
}

/// What `host plugin check` found in a file.
#[derive(Debug)]
pub struct Report {
    /// The file.
    pub file: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// What it imports.
    pub imports: Vec<String>,
    /// What it exports.
    pub exports: Vec<String>,
    /// What it can do, found from its exports.
    pub abilities: Vec<Ability>,
    /// The name that it gives itself; empty if it could not be asked, like the two below.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it is for.
    pub summary: String,
    /// How long it took to compile, or to load from the cache.
    pub compiled: Duration,
    /// How long it took to start an instance and have it describe itself.
    pub described: Duration,
    /// Why it could not be loaded.
    pub error: Option<PluginError>,
}
