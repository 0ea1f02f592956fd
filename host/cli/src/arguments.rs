//! What can be typed after `host`.

use std::ffi::OsString;

use clap::{Parser, Subcommand};

use crate::commands::{chat, config, doctor, generate, list, plugin, serve, transcribe};

const EXAMPLES: &str = "\
Examples:
  host --config models.toml              serve the models of that file
  host list                              what a running host serves
  host chat --model-uid guide            talk to a model
  host transcribe talk.mp3 -o talk.srt   write a recording down
  host plugin inspect models/tiny.gguf   which family would drive these weights, and why
  host doctor                            find out what is missing on this machine";

/// Serves language models over REST; what is particular to a model family lives in a
/// WebAssembly plugin.
///
/// Without a subcommand it serves, like `host serve`.
#[derive(Debug, Parser)]
#[command(name = "host", version, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) serve: serve::Arguments,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Serve(serve::Arguments),
    List(list::Arguments),
    Chat(chat::Arguments),
    Generate(generate::Arguments),
    Transcribe(transcribe::Arguments),
    Plugin(plugin::Arguments),
    Doctor(doctor::Arguments),
    Config(config::Arguments),
}

/// Reads the command line; help, versions and mistakes end the process here.
pub(crate) fn parse() -> Arguments {
    Arguments::parse_from(std::env::args_os().map(long_form))
}

/// Xinference has the option `-ak`; clap knows short options of one letter only.
fn long_form(argument: OsString) -> OsString {
    match argument.to_str() {
        Some("-ak") => "--api-key".into(),
        Some(text) => match text.strip_prefix("-ak=") {
            Some(key) => format!("--api-key={key}").into(),
            None => argument,
        },
        None => argument,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[track_caller]
    fn check(line: &str) -> Arguments {
        let words = line.split_whitespace().map(OsString::from).map(long_form);
        Arguments::try_parse_from(words).unwrap()
    }

    #[test]
    fn the_short_form_of_xinference_is_read() {
        for line in ["host list -ak xf-1", "host list -ak=xf-1", "host list --api-key xf-1"] {
            let Some(Command::List(list)) = check(line).command else { panic!("{line}") };
            assert_eq!(list.connect.api_key.as_deref(), Some("xf-1"), "{line}");
        }
    }

    #[test]
    fn serving_needs_no_subcommand() {
        let plain = check("host --config a.toml --listen 127.0.0.1:0");
        assert!(plain.command.is_none());
        let Some(Command::Serve(serve)) =
            check("host serve --config a.toml --listen 127.0.0.1:0").command
        else {
            panic!("no subcommand");
        };
        assert_eq!(format!("{serve:?}"), format!("{:?}", plain.serve));
    }
}
