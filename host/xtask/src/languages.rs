//! Families in every language that `host plugin new` knows: made, built and tested as its README
//! says, then dropped into a running host.
//!
//! Not a part of `test`: the tools of Python and JavaScript are some hundred megabytes.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};

use crate::{
    cargo::{cargo, has_subcommand},
    step::{command, run as run_command, say, step},
    system, wasm_toolchain,
};

/// A language, and what must be there before its README's first command.
struct Language {
    name: &'static str,
    prepare: fn(&Path) -> anyhow::Result<()>,
}

const LANGUAGES: [Language; 4] = [
    Language { name: "rust", prepare: rust },
    Language { name: "python", prepare: system::ensure_python },
    Language { name: "javascript", prepare: node },
    Language { name: "c", prepare: system::ensure_c },
];

/// Tests every language, or those that are named.
pub(crate) fn run(root: &Path, wanted: &[String]) -> anyhow::Result<()> {
    if let Some(odd) = wanted.iter().find(|name| LANGUAGES.iter().all(|l| l.name != **name)) {
        let names: Vec<&str> = LANGUAGES.iter().map(|language| language.name).collect();
        bail!("there is no template for `{odd}`; there are: {}", names.join(", "));
    }
    step("host and engines", || {
        run_command(cargo(root, &["build"]).args(crate::check::HOST).args(["--bins", "--tests"]))
    })?;
    let place = root.join("target/languages");
    fs::create_dir_all(&place).with_context(|| place.display().to_string())?;
    for language in &LANGUAGES {
        if wanted.is_empty() || wanted.iter().any(|name| name == language.name) {
            step(&format!("a family in {}", language.name), || make(root, &place, language))?;
        }
    }
    step("dropped into a running host", || {
        let mut command = cargo(root, &[]);
        if has_subcommand(root, "nextest") {
            command.args(["nextest", "run"]).args(crate::check::HOST);
            command.args(["-E", "package(e2e) and test(languages)", "--success-output", "final"]);
        } else {
            command.arg("test").args(crate::check::HOST);
            command.args(["--test", "it", "languages", "--", "--nocapture"]);
        }
        run_command(command.env("MODELHOST_LANGUAGES", &place))
    })
}

/// Makes a family and follows its README to the letter.
fn make(root: &Path, place: &Path, language: &Language) -> anyhow::Result<()> {
    (language.prepare)(root)?;
    let folder = place.join(language.name);
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
    }
    let host = root.join("target/release/host");
    let name = format!("{}-family", language.name);
    let mut new = command(&host, root);
    new.args(["plugin", "new", &name, "--language", language.name, "--path"]).arg(&folder);
    run_command(&mut new)?;

    let readme = fs::read_to_string(folder.join("README.md"))?;
    let mut script = command("sh", &folder);
    script.args(["-e", "-x", "-c", commands(&readme).context("README.md has no commands")?]);
    script.env("PATH", path(root, place)?).env("CARGO_INSTALL_ROOT", place.join("tools"));
    run_command(&mut script)?;

    // Without the cache, so that it says how long compiling takes.
    let component = component(&folder)?;
    let mut check = command(&host, &folder);
    check.args(["plugin", "check"]).arg(&component).env("XDG_CACHE_HOME", folder.join("cache"));
    run_command(&mut check)?;
    fs::copy(&component, place.join(format!("{name}.wasm")))?;
    Ok(())
}

/// The first block of commands.
fn commands(readme: &str) -> Option<&str> {
    let (_, rest) = readme.split_once("```sh\n")?;
    rest.split_once("```").map(|(commands, _)| commands)
}

/// This repository's `host` first, then the tools that the commands install.
fn path(root: &Path, place: &Path) -> anyhow::Result<std::ffi::OsString> {
    let own = [root.join("target/release"), place.join("tools/bin")];
    let inherited = env::var_os("PATH").unwrap_or_default();
    Ok(env::join_paths(own.into_iter().chain(env::split_paths(&inherited)))?)
}

fn component(folder: &Path) -> anyhow::Result<PathBuf> {
    for place in [folder.to_owned(), folder.join("target/wasm32-unknown-unknown/release")] {
        let Ok(entries) = fs::read_dir(place) else { continue };
        let mut files = entries.flatten().map(|entry| entry.path());
        if let Some(file) = files.find(|file| file.extension().is_some_and(|e| e == "wasm")) {
            return Ok(file);
        }
    }
    bail!("{} has no component", folder.display())
}

fn rust(root: &Path) -> anyhow::Result<()> {
    match wasm_toolchain::find(root)? {
        wasm_toolchain::Toolchain::Active => Ok(()),
        // `cargo xtask plugins` builds with it, but the README's commands know nothing of it.
        wasm_toolchain::Toolchain::Private { .. } => {
            bail!("the README's commands need `rustup target add {}`", crate::plugins::TARGET)
        }
    }
}

fn node(_: &Path) -> anyhow::Result<()> {
    if system::has("npm") {
        return Ok(());
    }
    say("    Node.js comes from your distribution or from its own site");
    bail!("npm is missing: install Node.js 20 or later")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_block_of_commands() {
        assert_eq!(commands("# a\n\n```sh\nb\nc\n```\n\n```sh\nd\n```\n"), Some("b\nc\n"));
        assert_eq!(commands("# a\n"), None);
    }
}
