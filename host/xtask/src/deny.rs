//! The dependency policy of `deny.toml`.

use std::path::Path;

use crate::{
    cargo::{cargo, has_subcommand},
    step::{run, step},
};

/// The version that is installed where the machine has none.
const VERSION: &str = "0.20.2";

/// Licences, bans and sources; needs no network once the tool and the dependencies are there.
pub(crate) fn check(root: &Path) -> anyhow::Result<()> {
    ensure(root)?;
    for folder in [root.to_path_buf(), root.join("plugins")] {
        let mut deny = cargo(&folder, &["deny", "--offline", "--all-features"]);
        deny.args(["--config"]).arg(root.join("deny.toml"));
        deny.args(["--log-level", "error", "check", "--hide-inclusion-graph"]);
        deny.args(["licenses", "bans", "sources"]);
        with_tools(root, &mut deny);
        step(&format!("dependency policy of {}", folder.display()), || run(&mut deny))?;
    }
    Ok(())
}

/// Known vulnerabilities.
pub(crate) fn advisories(root: &Path) -> anyhow::Result<()> {
    ensure(root)?;
    let mut deny = cargo(root, &["deny", "check", "advisories"]);
    with_tools(root, &mut deny);
    step("advisories", || run(&mut deny))
}

fn ensure(root: &Path) -> anyhow::Result<()> {
    if root.join("target/tools/bin/cargo-deny").exists() || has_subcommand(root, "deny") {
        return Ok(());
    }
    step("cargo-deny (once)", || {
        let mut install = cargo(root, &["install", "--quiet", "--locked", "--root"]);
        install.arg(root.join("target/tools")).arg(format!("cargo-deny@{VERSION}"));
        install.env("CARGO_TARGET_DIR", root.join("target/tools/build"));
        // It runs for a second; its own speed is worth no minute of compilation.
        install.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0");
        install.env("CARGO_PROFILE_RELEASE_LTO", "off");
        install.env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
        run(&mut install)?;
        let _ = std::fs::remove_dir_all(root.join("target/tools/build"));
        Ok(())
    })
}

fn with_tools(root: &Path, command: &mut std::process::Command) {
    let tools = root.join("target/tools/bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(tools).chain(std::env::split_paths(&path));
    if let Ok(joined) = std::env::join_paths(folders) {
        command.env("PATH", joined);
    }
}
