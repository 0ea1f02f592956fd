//! Environment variables that change what the file says.
//!
//! They are for containers and services, where writing a file is a burden. A variable that is set
//! wins over the file; an empty one counts as not set.

/// A variable of this process.
///
/// One that is no text is shown with U+FFFD for what is none, so that it is refused where it is
/// read and not passed over: what it meant to say may have been a key.
pub fn of_process(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

/// As `listen` in `[server]`.
pub const LISTEN: &str = "MODELHOST_LISTEN";
/// As `api-keys` in `[server]`: keys with commas between them, in the place of the file's own.
pub const API_KEYS: &str = "MODELHOST_API_KEYS";
/// As `level` in `[log]`.
pub const LOG: &str = "MODELHOST_LOG";
/// As `format` in `[log]`.
pub const LOG_FORMAT: &str = "MODELHOST_LOG_FORMAT";
/// As `dir` in `[plugins]`, relative to the working directory.
pub const PLUGINS_DIR: &str = "MODELHOST_PLUGINS_DIR";
/// As `cache-dir` in `[plugins]`, relative to the working directory.
pub const CACHE_DIR: &str = "MODELHOST_CACHE_DIR";
/// As `dir` in `[engines]`, relative to the working directory.
pub const ENGINES_DIR: &str = "MODELHOST_ENGINES_DIR";

/// Every variable and what it does, for the reference.
pub const ALL: [(&str, &str); 7] = [
    (LISTEN, "as `listen` in `[server]`"),
    (
        API_KEYS,
        "as `api-keys` in `[server]`, with commas between keys; takes the place of the file's",
    ),
    (LOG, "as `level` in `[log]`"),
    (LOG_FORMAT, "as `format` in `[log]`"),
    (PLUGINS_DIR, "as `dir` in `[plugins]`, relative to the working directory"),
    (CACHE_DIR, "as `cache-dir` in `[plugins]`, relative to the working directory"),
    (ENGINES_DIR, "as `dir` in `[engines]`, relative to the working directory"),
];
