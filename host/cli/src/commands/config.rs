//! `host config`: what can be configured.

use crate::output;

/// Explains the configuration.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  host config example > models.toml
  host config reference | less
  host config schema > models.schema.json")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Copy, Debug, clap::Subcommand)]
enum Command {
    /// Prints the JSON schema of `models.toml`, for editors.
    Schema,
    /// Prints every key, its meaning and its default, as Markdown.
    Reference,
    /// Prints a configuration to begin with.
    Example,
}

/// Prints what was asked for.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let text = match arguments.command {
        Command::Schema => format!("{}\n", serde_json::to_string_pretty(&config::schema())?),
        Command::Reference => config::reference(),
        Command::Example => config::example().to_owned(),
    };
    Ok(output::text(text)?)
}
