//! The subcommands.

pub(crate) mod chat;
pub(crate) mod config;
pub(crate) mod doctor;
pub(crate) mod generate;
pub(crate) mod list;
pub(crate) mod plugin;
pub(crate) mod serve;
pub(crate) mod transcribe;

use std::{future::Future, process::ExitCode};

use anyhow::Context as _;

use crate::arguments::{Arguments, Command};

/// Runs what was asked for.
pub(crate) fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let done = |result: anyhow::Result<()>| result.map(|()| ExitCode::SUCCESS);
    match arguments.command {
        None => serve::run(arguments.serve),
        Some(Command::Serve(serve)) => serve::run(serve),
        Some(Command::List(list)) => done(block_on(list::run(&list))),
        Some(Command::Chat(chat)) => done(block_on(chat::run(&chat))),
        Some(Command::Generate(generate)) => done(block_on(generate::run(&generate))),
        Some(Command::Transcribe(transcribe)) => block_on(transcribe::run(&transcribe)),
        Some(Command::Plugin(plugin)) => plugin::run(plugin.command),
        Some(Command::Doctor(doctor)) => doctor::run(&doctor),
        Some(Command::Config(config)) => done(config::run(&config)),
    }
}

/// Runs a subcommand that only waits for a host; one thread is enough for that.
pub(crate) fn block_on<T>(future: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the event loop")?
        .block_on(future)
}
