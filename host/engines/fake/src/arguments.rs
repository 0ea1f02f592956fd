//! The command line.

use std::path::PathBuf;

use clap::Parser;

/// A scripted engine for tests and benchmarks.
#[derive(Clone, Debug, Parser)]
#[command(version, about)]
pub(crate) struct Arguments {
    /// The host's socket.
    #[arg(long, value_name = "PATH")]
    pub(crate) socket: PathBuf,
    /// Takes so many milliseconds to load, and reports progress.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub(crate) slow_start: u64,
    /// Fails to load, with this text.
    #[arg(long, value_name = "TEXT")]
    pub(crate) load_fails: Option<String>,
    /// Greets with a version that no host speaks.
    #[arg(long)]
    pub(crate) wrong_version: bool,
    /// Crashes while it loads.
    #[arg(long)]
    pub(crate) crash_on_load: bool,
    /// Crashes while it loads, as long as this file is there, which it removes.
    #[arg(long, value_name = "PATH")]
    pub(crate) crash_once: Option<PathBuf>,
    /// Waits so many microseconds between the tokens of a sequence.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) token_interval_us: u64,
    /// Works on so many requests at a time; otherwise what the load settings say.
    #[arg(long, value_name = "N")]
    pub(crate) parallel: Option<u32>,
    /// The context length where the load settings leave it open.
    #[arg(long, value_name = "TOKENS", default_value_t = 32_768)]
    pub(crate) context: u32,
    /// Writes the names of its environment variables to standard error.
    #[arg(long)]
    pub(crate) show_environment: bool,
}
