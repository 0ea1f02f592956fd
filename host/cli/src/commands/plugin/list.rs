//! `host plugin list`: the families that there are.

use std::{fmt::Write as _, path::PathBuf};

use client::Plugin;
use plugin_runtime::PluginStatus;

use super::{block_on, open_folder};
use crate::{connect::Connect, output, table};

/// Lists family plugins: those of a running host, or those in a folder.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  host plugin list
  host plugin list --plugins plugins")]
pub(crate) struct Arguments {
    /// Looks into this folder rather than asking a host.
    #[arg(long, value_name = "DIR")]
    plugins: Option<PathBuf>,
    #[command(flatten)]
    connect: Connect,
}

/// Finds the plugins and prints.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let plugins = match &arguments.plugins {
        Some(dir) => open_folder(dir)?.plugins().iter().map(plugin).collect(),
        None => block_on(async { Ok(arguments.connect.client()?.plugins().await?) })?,
    };
    if plugins.is_empty() {
        let place = match &arguments.plugins {
            Some(dir) => format!("`{}`", dir.display()),
            None => "the host's plugin folder".to_owned(),
        };
        return Ok(output::note(format!(
            "no plugins in {place}; `host plugin new NAME` makes one"
        ))?);
    }
    Ok(output::text(describe(&plugins))?)
}

fn describe(plugins: &[Plugin]) -> String {
    let rows: Vec<Vec<String>> = plugins
        .iter()
        .map(|plugin| {
            let name = if plugin.name.is_empty() { &plugin.file } else { &plugin.name };
            vec![
                name.clone(),
                plugin.version.clone(),
                plugin.abilities.join(", "),
                state(plugin).to_owned(),
                plugin.summary.clone(),
            ]
        })
        .collect();
    let mut text = table::simple(&["Name", "Version", "Abilities", "State", "Summary"], &rows);
    for plugin in plugins {
        if let Some(error) = &plugin.error {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "\n{}: {error}", plugin.file);
        }
    }
    text
}

fn state(plugin: &Plugin) -> &'static str {
    match (&plugin.error, plugin.still_serving) {
        _ if plugin.compiling => "being compiled",
        (None, _) => "serving",
        (Some(_), true) => "serving its last good version",
        (Some(_), false) => "broken",
    }
}

fn plugin(status: &PluginStatus) -> Plugin {
    Plugin {
        name: status.name.clone(),
        version: status.version.clone(),
        summary: status.summary.clone(),
        abilities: status.abilities.iter().map(|&ability| super::ability(ability)).collect(),
        file: status.file.display().to_string(),
        compiling: status.compiling,
        error: status.error.clone(),
        still_serving: status.still_serving,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_plugin_is_listed_with_its_cause() {
        let good = Plugin {
            name: "vicuna".into(),
            version: "0.1.0".into(),
            summary: "Vicuna.".into(),
            abilities: vec!["chat".into()],
            file: "vicuna.wasm".into(),
            ..Plugin::default()
        };
        let stale = Plugin {
            error: Some("it exports nothing".into()),
            still_serving: true,
            file: "plugins/orca.wasm".into(),
            name: "orca".into(),
            ..good.clone()
        };
        let broken = Plugin {
            file: "plugins/new.wasm".into(),
            error: Some("it is not a usable component".into()),
            ..Plugin::default()
        };
        let coming = Plugin {
            file: "plugins/next.wasm".into(),
            name: "next".into(),
            compiling: true,
            ..Plugin::default()
        };
        assert_eq!(
            describe(&[good, stale, broken, coming]),
            "\
Name              Version    Abilities    State                          Summary
----------------  ---------  -----------  -----------------------------  ---------
vicuna            0.1.0      chat         serving                        Vicuna.
orca              0.1.0      chat         serving its last good version  Vicuna.
plugins/new.wasm                          broken
next                                      being compiled

plugins/orca.wasm: it exports nothing

plugins/new.wasm: it is not a usable component
"
        );
    }
}
