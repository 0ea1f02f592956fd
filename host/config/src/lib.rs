//! `models.toml` and the environment, read into settings that need no further checks.
//!
//! Errors show the file, the line and a caret under what is wrong, the allowed values, and a hint.
//! As many problems as can be found are reported at once. The documentation of each key is in the
//! types that read the file; the JSON schema and the reference page are made from it.
//!
//! ```
//! let settings = config::from_str("[server]\nlisten = '127.0.0.1:8080'", "models.toml".as_ref())?;
//! assert_eq!(settings.server.listen.port(), 8080);
//!
//! let error = config::from_str("[server]\nlissten = 1", "models.toml".as_ref()).unwrap_err();
//! assert!(error.to_string().contains("did you mean `listen`?"));
//! # Ok::<(), config::ConfigError>(())
//! ```

mod check;
pub mod environment;
mod error;
mod models;
mod reference;
mod settings;
mod validate;
mod values;
mod wire;

use std::path::{Path, PathBuf};

pub use error::{ConfigError, Invalid};
pub use reference::{generated, reference, schema};
pub use settings::{
    ApiKey, Cors, Engines, KvType, Log, LogFormat, Lora, ModelSettings, Plugins, Reasoning, Server,
    Settings,
};

use check::Checker;

/// Reads a configuration file, with the environment's changes.
pub fn load(path: &Path) -> Result<Settings, ConfigError> {
    load_with(path, &environment::of_process)
}

/// As [`load`], with another environment.
pub fn load_with(
    path: &Path,
    variables: &dyn Fn(&str) -> Option<String>,
) -> Result<Settings, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|error| ConfigError::read(path, error))?;
    let full = std::path::absolute(path).map_err(|error| ConfigError::read(path, error))?;
    let base = full.parent().map_or_else(PathBuf::new, Path::to_owned);
    read(&text, path, &base, variables)
}

/// Reads a configuration from text, without the environment.
///
/// `path` is for messages, and its folder is where relative paths begin.
pub fn from_str(text: &str, path: &Path) -> Result<Settings, ConfigError> {
    from_str_with(text, path, &|_| None)
}

/// As [`from_str`], with an environment; for a host that runs without a file.
pub fn from_str_with(
    text: &str,
    path: &Path,
    variables: &dyn Fn(&str) -> Option<String>,
) -> Result<Settings, ConfigError> {
    read(text, path, path.parent().unwrap_or(Path::new("")), variables)
}

/// The greatest size of a configuration; anything larger is no configuration.
const MAX_BYTES: usize = 4 << 20;

fn read(
    text: &str,
    path: &Path,
    base: &Path,
    variables: &dyn Fn(&str) -> Option<String>,
) -> Result<Settings, ConfigError> {
    let invalid = |problems| ConfigError::Invalid(Invalid::new(problems, path, text));
    if text.len() > MAX_BYTES {
        let message = format!("the file has {} bytes, the limit is {MAX_BYTES}", text.len());
        return Err(invalid(vec![error::Problem::at(0..0, message)]));
    }
    let file: wire::File =
        toml::from_str(text).map_err(|error| invalid(vec![error::from_toml(&error, text)]))?;
    let mut checker = Checker { base, text, problems: Vec::new() };
    let settings = validate::settings(&mut checker, file, variables);
    if checker.problems.is_empty() {
        return Ok(settings);
    }
    Err(invalid(checker.problems))
}

/// A first `models.toml`, which a person can go on from.
pub fn example() -> &'static str {
    EXAMPLE
}

/// The text of [`example`].
pub const EXAMPLE: &str = r#"# The models to serve. All keys: `host config reference`.

[server]
listen = "127.0.0.1:9997"

[plugins]
dir = "plugins"

# One table for each model:
#
# [[model]]
# name = "assistant"                         # the name that clients use
# path = "models/assistant-7b.Q4_K_M.gguf"   # relative to this file
# context-length = 4096                      # otherwise what the weights declare
# family = "my-family"                       # otherwise the plugin that recognises them
"#;
