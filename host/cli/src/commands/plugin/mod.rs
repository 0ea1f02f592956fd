//! `host plugin`: looking at families, and writing new ones.

mod check;
mod compile;
mod facts;
mod inspect;
mod list;
mod new;
mod render;
mod template;
mod test;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use model::Ability;
use plugin_runtime::{Limits, Options, PluginRuntime};

pub(crate) use self::compile::compiler;
use super::{block_on, serve::user_cache};
use crate::problem::Hint as _;

/// Shows, checks and makes family plugins.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A family plugin is a WebAssembly component that turns conversations into prompts and raw output
into replies. A file dropped into the plugin folder serves without a restart.

Examples:
  host plugin list                             the families of a running host
  host plugin list --plugins plugins           the families in a folder
  host plugin inspect models/tiny.gguf         which family would drive these weights, and why
  host plugin new my-family                    a crate that builds and passes its tests
  host plugin new my-family --language python  the same in another language
  host plugin test my-family                   its golden cases, through the component
  host plugin check plugins/my-family.wasm     would the host load it?
  host plugin render --model-uid guide --user \"Hello\"   the prompt and its token ids")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    List(list::Arguments),
    Inspect(inspect::Arguments),
    Check(check::Arguments),
    #[command(hide = true)]
    Compile(compile::Arguments),
    New(new::Arguments),
    Test(test::Arguments),
    Render(render::Arguments),
}

/// Runs what was asked for.
pub(crate) fn run(command: Command) -> anyhow::Result<ExitCode> {
    let done = |result: anyhow::Result<()>| result.map(|()| ExitCode::SUCCESS);
    match command {
        Command::List(list) => done(list::run(&list)),
        Command::Inspect(inspect) => inspect::run(&inspect),
        Command::Check(check) => check::run(&check),
        Command::Compile(compile) => compile::run(&compile),
        Command::New(new) => done(new::run(&new)),
        Command::Test(test) => test::run(&test),
        Command::Render(render) => done(block_on(render::run(&render))),
    }
}

/// Opens a folder of plugins without a host.
fn open(dir: PathBuf) -> anyhow::Result<PluginRuntime> {
    let shown = dir.display().to_string();
    let options =
        Options { dir, cache_dir: user_cache(), compiler: None, limits: Limits::default() };
    PluginRuntime::open(options).with_context(|| format!("cannot open the plugin folder `{shown}`"))
}

/// Opens the folder that was named, or the one of that name here.
fn open_folder(dir: &Path) -> anyhow::Result<PluginRuntime> {
    open(dir.to_owned()).hint("name the folder that holds the plugins with `--plugins DIR`")
}

/// An ability as lists show it.
fn ability(ability: Ability) -> String {
    match ability {
        Ability::Chat => "chat",
        Ability::Completion => "completion",
        Ability::Embedding => "embedding",
        Ability::Rerank => "rerank",
        Ability::Transcription => "transcription",
    }
    .to_owned()
}
