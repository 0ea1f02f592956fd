//! Calling cargo.

use std::{path::Path, process::Command};

use crate::step::command;

/// A cargo command in a folder, free of what the outer cargo set for this process.
///
/// The outer cargo exports variables of the crate that it runs; a nested build that sees them
/// would be configured by accident.
pub(crate) fn cargo(folder: &Path, arguments: &[&str]) -> Command {
    let mut cargo = command("cargo", folder);
    cargo.args(arguments);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text == "CARGO_MANIFEST_DIR" || text == "RUSTFLAGS" {
            cargo.env_remove(&name);
        }
    }
    cargo
}

/// Whether `cargo NAME` is installed.
pub(crate) fn has_subcommand(folder: &Path, name: &str) -> bool {
    crate::step::output(&mut cargo(folder, &[name, "--version"])).is_some()
}
