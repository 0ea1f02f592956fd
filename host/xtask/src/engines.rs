//! Building the engines beside the `host` binary.

use std::{path::Path, process::Command};

use clap::Args;

use crate::{
    cargo::cargo,
    step::{run, step},
    system,
};

/// How engines are built.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Flags {
    /// Builds for any processor of this kind rather than for this very machine.
    #[arg(long)]
    pub(crate) portable: bool,
    /// GPU support, as a list of `cuda`, `vulkan`, `metal`.
    #[arg(long, value_delimiter = ',')]
    pub(crate) gpu: Vec<String>,
}

/// Builds `engine-llama`.
pub(crate) fn build(root: &Path, flags: &Flags) -> anyhow::Result<()> {
    system::ensure(root)?;
    step("engine-llama (llama.cpp takes some minutes the first time)", || {
        let mut command = llama(root, flags, &["build", "--release", "--package", "engine-llama"]);
        run(&mut command)
    })
}

/// A cargo command with the flags that `engine-llama` is built with.
///
/// The flags are part of cargo's fingerprint: lints and tests use the same ones, so that llama.cpp
/// is compiled once.
pub(crate) fn llama(root: &Path, flags: &Flags, arguments: &[&str]) -> Command {
    let mut command = cargo(root, arguments);
    if !flags.gpu.is_empty() {
        command.arg("--features").arg(flags.gpu.join(","));
    }
    if !flags.portable {
        command.env("RUSTFLAGS", "-C target-cpu=native");
    }
    if system::has("ccache") {
        for language in ["C", "CXX", "CUDA"] {
            command.env(format!("CMAKE_{language}_COMPILER_LAUNCHER"), "ccache");
        }
    }
    command
}
