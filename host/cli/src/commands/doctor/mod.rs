//! `host doctor`: what is ready on this machine, what is not, and what to do about it.

mod configuration;
mod engines;
mod finding;
mod machine;

use std::{path::PathBuf, process::ExitCode};

use self::finding::{Finding, Level};
use crate::output;

/// Checks this machine: configuration, plugins, engines, memory, port, folders, GPUs.
///
/// Every line says ok, warn or fail, and what to do where it is not ok. Ends with an error where
/// something would keep the host from serving.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  host doctor
  host doctor --config /etc/modelhost/models.toml")]
pub(crate) struct Arguments {
    /// The configuration to check.
    #[arg(long, value_name = "FILE", default_value = "models.toml")]
    config: PathBuf,
}

/// Runs every check and prints what it finds.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let mut failed = false;
    let mut show = |findings: Vec<Finding>| {
        findings.into_iter().try_for_each(|finding| {
            failed |= finding.level == Level::Fail;
            output::text(finding.text())
        })
    };
    let (settings, found) = configuration::settings(&arguments.config);
    show(found)?;
    let settings = settings.as_ref();
    show(configuration::plugins(settings))?;
    show(engines::check(settings))?;
    show(configuration::models(settings))?;
    show(machine::listen(settings))?;
    show(machine::sockets())?;
    show(machine::processor())?;
    show(machine::gpus())?;
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
