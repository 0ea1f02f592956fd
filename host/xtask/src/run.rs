//! From a fresh checkout to a serving host.

use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::Args;

use crate::{
    cargo::cargo,
    engines, plugins,
    step::{command, run as run_command, say, step},
};

/// What to serve, and how to build it.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The configuration to serve.
    #[arg(long, default_value = "models.toml")]
    config: PathBuf,
    #[command(flatten)]
    flags: engines::Flags,
    /// Further arguments for `host`.
    #[arg(last = true)]
    rest: Vec<String>,
}

/// Builds everything and serves until it is stopped.
pub(crate) fn run(root: &Path, arguments: &Arguments) -> anyhow::Result<()> {
    build(root, &arguments.flags)?;
    say(&format!("==> host --config {}", arguments.config.display()));
    let mut host = command(root.join("target/release/host"), root);
    host.arg("--config").arg(&arguments.config).args(&arguments.rest);
    serve(host)
}

/// Builds plugins, engines and the host.
pub(crate) fn build(root: &Path, flags: &engines::Flags) -> anyhow::Result<()> {
    plugins::build(root)?;
    engines::build(root, flags)?;
    step("host", || run_command(&mut cargo(root, &["build", "--release", "--package", "cli"])))
}

/// Takes this process's place, so that signals reach the host itself.
#[cfg(unix)]
fn serve(mut host: std::process::Command) -> anyhow::Result<()> {
    use std::os::unix::process::CommandExt as _;

    let error = host.exec();
    bail!("cannot start the host: {error}");
}

#[cfg(not(unix))]
fn serve(mut host: std::process::Command) -> anyhow::Result<()> {
    run_command(&mut host)
}
