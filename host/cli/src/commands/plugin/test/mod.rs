//! `host plugin test`: a component against its golden cases.
//!
//! The files are those of the SDK's test kit, so that a family in any language has the same tests:
//! `NAME.json` is a card and a request, `NAME.prompt` what the family renders of them,
//! `NAME.reply.txt` and `NAME.WORD.reply.txt` raw output of the model, and `*.events` what a reply
//! means.

mod case;
mod cost;
mod goldens;
mod replies;
mod show;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, anyhow, bail};
use plugin_runtime::{PluginError, PluginRuntime};

use self::{case::Case, cost::Cost, goldens::Goldens};
use super::{facts::Facts, open};
use crate::{output, problem::Hint as _};

/// Runs a plugin's golden cases through the component, as the host would run it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A case is a file NAME.json with a model's card and a request. Beside it NAME.prompt has the prompt
that must come of it, NAME.reply.txt what the model wrote, and NAME.events what that means. Every
reply is fed whole, character by character, cut in two at every place, and cut at random; the
events must be the same.

Examples:
  host plugin test .                              the plugin of this folder, with its `cases`
  host plugin test plugins/vicuna.wasm plugins/vicuna/cases
  host plugin test . --bless                      writes the prompts and events")]
pub(crate) struct Arguments {
    /// The component, or the folder of a plugin that has been built.
    #[arg(value_name = "FILE.wasm|DIR")]
    plugin: PathBuf,
    /// The folder of cases; otherwise `cases` beside the component.
    #[arg(value_name = "CASES")]
    cases: Option<PathBuf>,
    /// Writes what the plugin renders and parses now rather than comparing with it.
    #[arg(long)]
    bless: bool,
}

/// Runs the cases and prints; one that differs is a failure.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let component = component(&arguments.plugin)?;
    let beside = if arguments.plugin.is_dir() {
        arguments.plugin.join("cases")
    } else {
        component.with_file_name("cases")
    };
    let cases = case::read_all(arguments.cases.as_deref().unwrap_or(&beside))?;
    let runtime = alone(&component)?;
    let status = runtime.plugins().pop().context("the plugin was not found")?;
    if let Some(error) = &status.error {
        return Err(anyhow!("the host refuses `{}`: {error}", component.display()))
            .hint(format!("`host plugin check {}` tells more", component.display()));
    }

    let mut goldens = Goldens::new(arguments.bless);
    let mut cost = Cost::default();
    let (mut recognised, mut replies) = (0, 0);
    for case in &cases {
        recognised += usize::from(runtime.choose(&case.card, None).is_ok());
        replies += check(&runtime, &status.name, case, &mut goldens, &mut cost)?;
    }
    let mut facts = Facts::default();
    facts.add("file", component.display());
    facts.add("family", format!("{} {}", status.name, status.version));
    facts.add("cases", format!("{} prompts, {replies} replies", cases.len()));
    facts.add("recognised", format!("{recognised} of {} cards", cases.len()));
    cost.describe(&runtime, &status.name, &mut facts);
    facts.add("verdict", goldens.verdict());
    output::text(goldens.differences())?;
    output::text(facts.text())?;
    Ok(if goldens.passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Checks one case; returns how many replies it has.
fn check<'a>(
    runtime: &PluginRuntime,
    family: &str,
    case: &'a Case,
    goldens: &mut Goldens,
    cost: &mut Cost<'a>,
) -> anyhow::Result<usize> {
    let start = || runtime.chat(family, &case.card, &case.request);
    let rendered = start();
    let shown = match &rendered {
        Ok(turn) => show::prompt(turn.prompt()),
        Err(error) => show::error(error),
    };
    goldens.compare(&case.file.with_extension("prompt"), &shown)?;
    if rendered.is_ok() {
        cost.rendered(case);
    }
    for reply in &case.replies {
        let result = start().and_then(|mut turn| {
            let checked = replies::check(&mut turn, &reply.text, reply.finish, cost)?;
            cost.held(&turn);
            Ok(checked)
        });
        match result {
            Ok(Ok(events)) => goldens.compare(&reply.golden, &show::events(&events))?,
            Ok(Err(difference)) => goldens.differs(&reply.golden, &difference),
            Err(error) => goldens.differs(&reply.golden, &failure(&error)),
        }
    }
    Ok(case.replies.len())
}

fn failure(error: &PluginError) -> String {
    format!("the plugin failed: {error}\n")
}

/// The component of a plugin: the file itself, or the one that was built in the folder.
fn component(plugin: &Path) -> anyhow::Result<PathBuf> {
    let shown = plugin.display();
    if !plugin.is_dir() {
        return Ok(plugin.to_owned());
    }
    let places = [plugin.to_owned(), plugin.join("target/wasm32-unknown-unknown/release")];
    for place in places {
        let Ok(entries) = fs::read_dir(&place) else { continue };
        let files = entries.flatten().map(|entry| entry.path());
        let mut found: Vec<_> = files
            .filter(|path| path.extension().is_some_and(|extension| extension == "wasm"))
            .collect();
        match found.len() {
            0 => {}
            1 => return found.pop().context("one was found"),
            count => {
                return Err(anyhow!("`{}` has {count} components", place.display()))
                    .hint("name the file: `host plugin test FILE.wasm CASES`");
            }
        }
    }
    Err(anyhow!("`{shown}` has no component")).hint("build it first; its README.md says how")
}

/// A runtime with this plugin and no other.
fn alone(component: &Path) -> anyhow::Result<PluginRuntime> {
    let shown = component.display();
    if !component.is_file() {
        bail!("`{shown}` is not a file");
    }
    let folder = std::env::temp_dir().join(format!("modelhost-test-{}", std::process::id()));
    fs::create_dir(&folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
    let runtime = fs::copy(component, folder.join("plugin.wasm"))
        .with_context(|| format!("cannot read `{shown}`"))
        .and_then(|_| open(folder.clone()));
    // What the runtime has read it keeps; a folder left behind does no harm.
    let _ = fs::remove_dir_all(&folder);
    runtime
}
