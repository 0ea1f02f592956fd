//! The dependency policy of `deny.toml`.

use std::path::Path;

use anyhow::Context as _;

use crate::{
    cargo::{cargo, has_subcommand},
    step::{run, step},
};

/// The version that is installed where the machine has none.
const VERSION: &str = "0.20.2";

/// Licences, bans and sources; needs no network once the tool and the dependencies are there.
pub(crate) fn check(root: &Path) -> anyhow::Result<()> {
    ensure(root)?;
    each_workspace(root, "dependency policy", &["licenses", "bans", "sources"])
}

/// Known vulnerabilities, as RustSec's database has them at this moment.
pub(crate) fn advisories(root: &Path) -> anyhow::Result<()> {
    ensure(root)?;
    step("RustSec's advisory database", || {
        let mut fetch = cargo(root, &["deny", "fetch", "db"]);
        with_tools(root, &mut fetch);
        run(&mut fetch).context(
            "the database cannot be fetched from this machine, so nothing was checked: run \
             `cargo xtask advisories` where the network reaches it",
        )
    })?;
    each_workspace(root, "advisories", &["advisories"])
}

fn each_workspace(root: &Path, what: &str, checks: &[&str]) -> anyhow::Result<()> {
    for folder in [root.to_path_buf(), root.join("plugins")] {
        let mut deny = cargo(&folder, &["deny", "--offline", "--all-features"]);
        deny.args(["--config"]).arg(root.join("deny.toml"));
        deny.args(["--log-level", "error", "check", "--hide-inclusion-graph"]).args(checks);
        with_tools(root, &mut deny);
        step(&format!("{what} of {}", folder.display()), || run(&mut deny))?;
    }
    Ok(())
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
