//! Everything that CI checks, in the order in which failures are cheapest to find.

use std::{path::Path, process::Command};

use clap::Args;

use crate::{
    cargo::{cargo, has_subcommand},
    codegen, conformance, deny, engines, plugins,
    step::{run as run_command, say, step},
    tidy,
};

/// What to leave out while working on something else.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Leaves out everything that needs the C++ engines.
    #[arg(long)]
    no_engines: bool,
    /// Leaves out the conformance suite, which needs Python.
    #[arg(long)]
    no_conformance: bool,
}

/// The same selection for every command, so that cargo unifies features once.
pub(crate) const HOST: &[&str] =
    &["--release", "--workspace", "--exclude", "engine-llama", "--exclude", "engine-whisper"];

/// Runs every check; the first that fails ends the run.
pub(crate) fn run(root: &Path, arguments: &Arguments) -> anyhow::Result<()> {
    let native = engines::Flags::default();
    let plugin_folders = [root.join("plugins"), root.join("tests/fixtures/plugins")];

    step("format", || {
        run_command(&mut cargo(root, &["fmt", "--all", "--check"]))?;
        for folder in &plugin_folders {
            run_command(&mut cargo(folder, &["fmt", "--all", "--check"]))?;
        }
        Ok(())
    })?;
    step("tidy", || tidy::run(root))?;
    plugins::build_all(root)?;
    step("lints", || {
        clippy(cargo(root, &["clippy"]).args(HOST))?;
        clippy(cargo(&root.join("plugins"), &["clippy"]).args(["--workspace"]))?;
        if !arguments.no_engines {
            crate::system::ensure(root, &[])?;
            for (package, _) in engines::NATIVE {
                clippy(engines::native(root, &native, &["clippy"]).args(selection(package)))?;
            }
        }
        Ok(())
    })?;
    step("binaries", || {
        // With the tests, because their dependencies take part in unifying features: the same
        // libraries then serve lints, binaries and tests.
        run_command(cargo(root, &["build"]).args(HOST).args(["--bins", "--tests"]))?;
        if !arguments.no_engines {
            for (package, _) in engines::NATIVE {
                let mut build = engines::native(root, &native, &["build"]);
                run_command(build.args(selection(package)).args(["--bins", "--tests"]))?;
            }
        }
        Ok(())
    })?;
    step("generated files", || codegen::run(root, true))?;
    step("tests", || {
        crate::system::ensure_curl(root)?;
        test(root, cargo(root, &[]), HOST)?;
        if !arguments.no_engines {
            for (package, _) in engines::NATIVE {
                test(root, engines::native(root, &native, &[]), &selection(package))?;
            }
        }
        test(root, cargo(&root.join("plugins"), &[]), &["--workspace"])
    })?;
    step("documentation", || {
        let mut doc = cargo(root, &["doc", "--no-deps", "--quiet"]);
        run_command(doc.args(HOST).env("RUSTDOCFLAGS", "-D warnings"))
    })?;
    deny::check(root)?;
    if !arguments.no_conformance {
        conformance::run(root)?;
    }
    say("==> everything is green");
    Ok(())
}

/// One of the engines in C++.
fn selection(package: &str) -> [&str; 3] {
    ["--release", "--package", package]
}

fn clippy(command: &mut Command) -> anyhow::Result<()> {
    run_command(command.args(["--all-targets", "--", "-D", "warnings"]))
}

/// Runs tests with nextest where it is installed, which gives each test its own process and time.
fn test(root: &Path, mut command: Command, selection: &[&str]) -> anyhow::Result<()> {
    if has_subcommand(root, "nextest") {
        command.args(["nextest", "run", "--no-tests", "pass"]).args(selection);
        run_command(&mut command)?;
        return Ok(());
    }
    // Whatever holds tests, and no benchmarks: with more targets it would run those for minutes.
    run_command(command.arg("test").args(selection).arg("--tests"))
}
