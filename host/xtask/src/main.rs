//! The project's own commands: `cargo xtask run | test | plugins | ...`.
//!
//! Everything that a shell script would do is here, so that it has types, errors and one language.

mod cargo;
mod check;
mod codegen;
mod conformance;
mod deny;
mod engines;
mod languages;
mod plugins;
mod run;
mod step;
mod system;
mod tidy;
mod wasm_toolchain;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::{Parser, Subcommand};

/// Builds, runs and checks modelhost.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Builds plugins, engines and the host, installing what the machine lacks, and serves.
    Run(run::Arguments),
    /// Builds everything that `run` builds, and serves nothing.
    Build(engines::Flags),
    /// Everything that CI checks: format, lints, policy, tests, conformance.
    Test(check::Arguments),
    /// Builds the family plugins into `plugins/*.wasm`, and the fixtures for the tests.
    Plugins,
    /// Builds the engines beside the `host` binary.
    Engines(engines::Flags),
    /// Writes the files that are generated from the code, or checks that they are fresh.
    Codegen {
        /// Fails where a file is stale rather than writing it.
        #[arg(long)]
        check: bool,
    },
    /// Makes, builds and tests a family in every language, with tools that it installs.
    Languages {
        /// Only these, of rust, python, javascript and c.
        languages: Vec<String>,
    },
    /// Checks the invariants of the map: arrows, file sizes, words.
    Tidy,
    /// Checks licences, bans and sources of all dependencies, without a network.
    Deny,
    /// Checks dependencies against the advisory database, which needs a network.
    Advisories,
    /// Runs the conformance suite with the real Python clients against a host of its own.
    Conformance,
    /// Prints what the host itself adds to a request, its idle memory and its start time.
    Bench,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match dispatch(arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            step::say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn dispatch(command: Command) -> anyhow::Result<()> {
    let root = root()?;
    match command {
        Command::Run(arguments) => run::run(&root, &arguments),
        Command::Build(flags) => run::build(&root, &flags),
        Command::Test(arguments) => check::run(&root, &arguments),
        Command::Plugins => plugins::build_all(&root),
        Command::Engines(flags) => engines::build(&root, &flags),
        Command::Codegen { check } => codegen::run(&root, check),
        Command::Languages { languages } => languages::run(&root, &languages),
        Command::Tidy => tidy::run(&root),
        Command::Deny => deny::check(&root),
        Command::Advisories => deny::advisories(&root),
        Command::Conformance => conformance::run(&root),
        Command::Bench => conformance::bench(&root),
    }
}

/// The root of the repository: two levels above this crate.
fn root() -> anyhow::Result<PathBuf> {
    let manifest = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let root = manifest.ancestors().nth(2).context("xtask lies two levels below the root")?;
    Ok(root.to_path_buf())
}
