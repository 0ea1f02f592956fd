//! `host plugin inspect`: what a plugin is, or which family is the one for a model file.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, bail};
use model::Fit;
use plugin_runtime::{Choice, PluginError, PluginRuntime};

use super::{check, facts::Facts, open_folder};
use crate::{output, problem::Hint};

/// Shows what a plugin is, or which family would drive a model file, and why.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  host plugin inspect chatglm
  host plugin inspect plugins/chatglm.wasm
  host plugin inspect models/vicuna-7b-v1.5.Q4_K_M.gguf
  host plugin inspect models/odd.gguf --family vicuna --name odd-vicuna-v1.3")]
pub(crate) struct Arguments {
    /// The name of an installed family, a component, or a GGUF file.
    #[arg(value_name = "NAME|FILE")]
    subject: String,
    /// The folder with the plugins.
    #[arg(long, value_name = "DIR", default_value = "plugins")]
    plugins: PathBuf,
    /// Asks this family alone, as `family` in `models.toml` does.
    #[arg(long, value_name = "NAME")]
    family: Option<String>,
    /// The name under which the model would be served; families may look at it.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

/// Finds out and prints; a component that the host would refuse is a failure.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let path = Path::new(&arguments.subject);
    let extension = path.extension().and_then(|extension| extension.to_str());
    if extension == Some("wasm") {
        return check::print(path);
    }
    if extension == Some("gguf") || path.is_file() {
        return inspect_model(arguments, path).map(|()| ExitCode::SUCCESS);
    }
    inspect_family(arguments)
}

fn inspect_family(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let name = &arguments.subject;
    let runtime = open_folder(&arguments.plugins)?;
    let plugins = runtime.plugins();
    let Some(plugin) = plugins.iter().find(|plugin| plugin.name == *name) else {
        let names: Vec<&str> = plugins.iter().map(|plugin| plugin.name.as_str()).collect();
        let shown = arguments.plugins.display();
        return Err(anyhow::anyhow!("`{name}` is no file and no family in `{shown}`")).hint(
            if names.is_empty() {
                "the folder has no plugins; name another one with `--plugins DIR`".to_owned()
            } else {
                format!("installed are: {}", names.join(", "))
            },
        );
    };
    check::print(&plugin.file)
}

fn inspect_model(arguments: &Arguments, path: &Path) -> anyhow::Result<()> {
    let file = catalog::inspect(path)?;
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let name = arguments.name.clone().or(stem).context("the path names no file")?;
    let card = file.card(&name, None, &[]);
    let mut facts = Facts::default();
    facts.add("file", path.display());
    facts.add("name", file.name().unwrap_or_default());
    facts.add("architecture", &card.architecture);
    facts.add("parameters", file.parameters());
    facts.add("quantization", file.quantization());
    facts.add("context length", card.context_length);
    facts.add("vocabulary", format!("{} tokens", card.vocabulary_size));
    facts.add_list("special tokens", special_tokens(&card));
    facts.add("chat template", if card.chat_template.is_some() { "in the file" } else { "none" });
    let chosen = open_folder(&arguments.plugins)
        .and_then(|runtime| choose(&runtime, &card, arguments.family.as_deref()));
    let chosen = match chosen {
        Ok(chosen) => chosen,
        Err(error) => {
            // What the file says is worth reading without a family, too.
            output::text(facts.text())?;
            return Err(error);
        }
    };
    match chosen {
        Chosen::Family(choice) => {
            facts.add("family", format!("{} {}", choice.family, choice.version));
            facts.add("why", &choice.reason);
            facts.add("style", &choice.profile.style);
            facts.add("features", choice.profile.features.join(", "));
            let advice = choice.profile.sampling.iter();
            facts.add_list("sampling", advice.map(|(key, value)| format!("{key} = {value}")));
            facts.add_list("considered", considered(&choice));
        }
        Chosen::None(considered) => {
            facts.add("family", "none; the model can complete plain text, and not chat");
            let width = considered.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
            let lines =
                considered.iter().map(|(name, why)| format!("{name:width$}  no       {why}"));
            facts.add_list("considered", lines);
        }
    }
    Ok(output::text(facts.text())?)
}

/// What came of the question.
enum Chosen {
    Family(Box<Choice>),
    /// None, and why each family is not the one.
    None(Vec<(String, String)>),
}

fn choose(
    runtime: &PluginRuntime,
    card: &model::ModelCard,
    wanted: Option<&str>,
) -> anyhow::Result<Chosen> {
    match runtime.choose(card, wanted) {
        Ok(choice) => Ok(Chosen::Family(Box::new(choice))),
        Err(PluginError::NoFamily { considered, .. }) if wanted.is_none() => {
            Ok(Chosen::None(considered))
        }
        Err(error) => bail!(error),
    }
}

fn considered(choice: &Choice) -> Vec<String> {
    let width = choice.considered.iter().map(|(name, ..)| name.len()).max().unwrap_or(0);
    let fit = |fit: &Fit| match fit {
        Fit::None => "no",
        Fit::Generic => "generic",
        Fit::Exact => "exact",
    };
    choice
        .considered
        .iter()
        .map(|(name, how, why)| format!("{name:width$}  {:7}  {why}", fit(how)))
        .collect()
}

/// The special tokens that families look at; vocabularies have hundreds of reserved ones.
fn special_tokens(card: &model::ModelCard) -> Vec<String> {
    const SHOWN: usize = 12;
    let tokens = &card.control_tokens;
    let mut lines: Vec<String> = tokens
        .chunks(4)
        .take(SHOWN / 4)
        .map(|chunk| {
            let shown: Vec<String> =
                chunk.iter().map(|token| format!("{} ({})", token.text, token.id)).collect();
            shown.join("  ")
        })
        .collect();
    if tokens.len() > SHOWN {
        lines.push(format!("and {} more", tokens.len() - SHOWN));
    }
    lines
}
