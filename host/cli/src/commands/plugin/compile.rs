//! `host plugin compile`: what a host calls for each plugin that it has not compiled yet.

use std::{
    io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use plugin_runtime::{COMPILED, Compiler, Limits, PluginError, REFUSED, compile_into_cache};

use crate::output;

/// Compiles a component from standard input into the compile cache.
///
/// The host does this by itself, in a process of its own, so that the compiler's memory and faults
/// are not the host's.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The folder of the compile cache.
    #[arg(long, value_name = "DIR")]
    cache: PathBuf,
    /// The greatest size of a component, in bytes.
    #[arg(long, value_name = "BYTES")]
    largest: u64,
    /// The memory that its instances may have, in bytes, for which code is made.
    #[arg(long, value_name = "BYTES")]
    memory: usize,
}

/// Compiles, and says with the exit code whose fault it is where that fails.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let limits =
        Limits { memory: arguments.memory, file_bytes: arguments.largest, ..Limits::default() };
    match compile_into_cache(io::stdin().lock(), &arguments.cache, &limits) {
        Ok(()) => Ok(COMPILED.into()),
        Err(PluginError::NotAComponent(cause)) => {
            output::line(cause)?;
            Ok(REFUSED.into())
        }
        Err(error) => Err(error.into()),
    }
}

/// This program as the compiler of a host with such a cache and such limits.
///
/// `None` where the system does not say where this program is; the host then compiles by itself.
pub(crate) fn compiler(cache: &Path, limits: &Limits) -> Option<Compiler> {
    let arguments = vec![
        "plugin".into(),
        "compile".into(),
        "--cache".into(),
        cache.into(),
        "--largest".into(),
        limits.file_bytes.to_string().into(),
        "--memory".into(),
        limits.memory.to_string().into(),
    ];
    Some(Compiler { program: std::env::current_exe().ok()?, arguments })
}
