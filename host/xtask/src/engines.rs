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

/// The engines in C++: the package, and the library that it is around.
///
/// Each is a selection of its own, because libraries are compiled for what a selection asks of them.
pub(crate) const NATIVE: [(&str, &str); 2] =
    [("engine-llama", "llama.cpp"), ("engine-whisper", "whisper.cpp")];

/// Builds the engines in C++.
pub(crate) fn build(root: &Path, flags: &Flags) -> anyhow::Result<()> {
    system::ensure(root)?;
    for (package, library) in NATIVE {
        step(&format!("{package} ({library} takes some minutes the first time)"), || {
            run(&mut native(root, flags, &["build", "--release", "--package", package]))
        })?;
    }
    Ok(())
}

/// A cargo command with the flags that the engines in C++ are built with.
///
/// The flags are part of cargo's fingerprint: lints and tests use the same ones, so that llama.cpp
/// and whisper.cpp are compiled once.
pub(crate) fn native(root: &Path, flags: &Flags, arguments: &[&str]) -> Command {
    let mut command = cargo(root, arguments);
    if !flags.gpu.is_empty() {
        command.arg("--features").arg(flags.gpu.join(","));
    }
    if flags.portable {
        // llama.cpp's build follows Rust's flags, whisper.cpp's does not.
        command.env("GGML_NATIVE", "OFF");
    } else {
        command.env("RUSTFLAGS", "-C target-cpu=native");
    }
    if system::has("ccache") {
        for language in ["C", "CXX", "CUDA"] {
            command.env(format!("CMAKE_{language}_COMPILER_LAUNCHER"), "ccache");
        }
    }
    command
}
