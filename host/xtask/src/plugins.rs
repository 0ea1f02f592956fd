//! Building the family plugins, and the fixture plugins of the tests.

use std::{fs, path::Path};

use anyhow::{Context as _, bail};

use crate::{
    cargo::cargo,
    step::{run, say, step},
    wasm_toolchain,
};

/// The target that gives components without any import but the project's own.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// Builds every family into `plugins/*.wasm`.
pub(crate) fn build(root: &Path) -> anyhow::Result<()> {
    step("family plugins", || workspace(root, &root.join("plugins")))
}

/// Builds families and fixtures.
pub(crate) fn build_all(root: &Path) -> anyhow::Result<()> {
    build(root)?;
    step("fixture plugins", || workspace(root, &root.join("tests/fixtures/plugins")))
}

/// Builds a workspace of plugins and copies the components into its top folder.
fn workspace(root: &Path, folder: &Path) -> anyhow::Result<()> {
    let toolchain = wasm_toolchain::find(root)?;
    let mut command = cargo(folder, &["build", "--release", "--locked", "--target", TARGET]);
    command.env("CARGO_TARGET_DIR", folder.join("target"));
    toolchain.apply(&mut command);
    run(&mut command)?;
    let built = folder.join("target").join(TARGET).join("release");
    let mut names = Vec::new();
    for entry in fs::read_dir(&built).with_context(|| format!("reading {}", built.display()))? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "wasm") {
            continue;
        }
        let Some(name) = path.file_name() else { continue };
        let name = name.to_string_lossy().into_owned();
        replace(&path, &folder.join(&name))?;
        names.push(name);
    }
    if names.is_empty() {
        bail!("{} gave no components", folder.display());
    }
    names.sort();
    say(&format!("    {}", names.join(" ")));
    Ok(())
}

/// Copies by way of a rename, so that a running host never sees half a plugin.
fn replace(from: &Path, to: &Path) -> anyhow::Result<()> {
    let bytes = fs::read(from).with_context(|| format!("reading {}", from.display()))?;
    if fs::read(to).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    let partial = to.with_extension("wasm.part");
    fs::write(&partial, bytes).with_context(|| format!("writing {}", partial.display()))?;
    fs::rename(&partial, to).with_context(|| format!("renaming to {}", to.display()))
}
