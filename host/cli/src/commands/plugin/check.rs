//! `host plugin check`: would the host load this file?

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use plugin_runtime::{Limits, Report};

use super::{facts::Facts, open};
use crate::output;

/// Loads a plugin as the host would and says what it finds.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Ends with an error where the host would refuse the file.

Examples:
  host plugin check plugins/my-family.wasm")]
pub(crate) struct Arguments {
    /// The component.
    #[arg(value_name = "FILE.wasm")]
    file: PathBuf,
}

/// Loads the file and prints.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    print(&arguments.file)
}

/// Prints the report of a file; the exit code tells whether the host would load it.
pub(super) fn print(file: &Path) -> anyhow::Result<ExitCode> {
    let report = report(file)?;
    output::text(describe(&report))?;
    Ok(if report.error.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Loads a file on its own, away from any plugin folder.
fn report(file: &Path) -> anyhow::Result<Report> {
    let empty = std::env::temp_dir().join(format!("modelhost-check-{}", std::process::id()));
    fs::create_dir(&empty).with_context(|| format!("cannot make `{}`", empty.display()))?;
    let runtime = open(empty.clone());
    // Left behind it does no harm.
    let _ = fs::remove_dir(&empty);
    Ok(runtime?.check(file))
}

/// The report as a person reads it.
fn describe(report: &Report) -> String {
    let mut facts = Facts::default();
    facts.add("file", report.file.display());
    facts.add("size", format!("{} bytes", report.bytes));
    facts.add("name", &report.name).add("version", &report.version);
    facts.add("summary", &report.summary);
    let abilities: Vec<String> =
        report.abilities.iter().map(|&ability| super::ability(ability)).collect();
    facts.add("abilities", abilities.join(", "));
    facts.add_list("exports", &report.exports).add_list("imports", &report.imports);
    if report.error.is_none() {
        let times =
            format!("loaded in {:.1?}, described in {:.1?}", report.compiled, report.described);
        facts.add("time", times);
    }
    let limits = Limits::default();
    facts.add_list(
        "limits",
        [
            format!("{} MB of memory", limits.memory >> 20),
            format!("{:?} to load, to recognise and to render", limits.render),
            format!("{:?} for a piece of a reply", limits.parse),
        ],
    );
    match &report.error {
        Some(error) => facts.add("refused", error),
        None => facts.add("verdict", "the host would load it"),
    };
    facts.text()
}
