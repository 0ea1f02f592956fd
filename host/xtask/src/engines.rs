//! Building the engines beside the `host` binary.

use std::{path::Path, process::Command};

use clap::{Args, ValueEnum};

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
    /// GPU support; several are separated by commas.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(crate) gpu: Vec<Gpu>,
}

/// A way to compute on a GPU; the engines have a feature of the same name for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Gpu {
    /// NVIDIA's.
    Cuda,
    /// Khronos's, for most GPUs.
    Vulkan,
    /// Apple's.
    Metal,
}

impl Gpu {
    fn feature(self) -> &'static str {
        match self {
            Self::Cuda => "cuda",
            Self::Vulkan => "vulkan",
            Self::Metal => "metal",
        }
    }
}

/// The engines in C++: the package, and the library that it is around.
///
/// Each is a selection of its own, because libraries are compiled for what a selection asks of them.
pub(crate) const NATIVE: [(&str, &str); 2] =
    [("engine-llama", "llama.cpp"), ("engine-whisper", "whisper.cpp")];

/// Builds the engines in C++.
pub(crate) fn build(root: &Path, flags: &Flags) -> anyhow::Result<()> {
    system::ensure(root, &flags.gpu)?;
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
        let features: Vec<&str> = flags.gpu.iter().map(|gpu| gpu.feature()).collect();
        command.arg("--features").arg(features.join(","));
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

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[test]
    fn gpus_become_features_of_the_engines() {
        #[derive(Parser)]
        struct Line {
            #[command(flatten)]
            flags: Flags,
        }
        let line = Line::try_parse_from(["build", "--gpu", "cuda,vulkan", "--gpu", "metal"]);
        let command = native(Path::new("."), &line.map_err(drop).unwrap().flags, &["build"]);
        let arguments: Vec<_> = command.get_args().collect();
        assert_eq!(arguments, ["build", "--features", "cuda,vulkan,metal"]);
        assert!(Line::try_parse_from(["build", "--gpu", "opengl"]).is_err());
        for (package, _) in NATIVE {
            let folder = package.trim_start_matches("engine-");
            let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../engines");
            let manifest = Path::new(manifest).join(folder).join("Cargo.toml");
            let manifest = std::fs::read_to_string(manifest).unwrap();
            for gpu in [Gpu::Cuda, Gpu::Vulkan, Gpu::Metal] {
                let feature = format!("\n{} = [", gpu.feature());
                assert!(manifest.contains(&feature), "{package} lacks `{}`", gpu.feature());
            }
        }
    }
}
