//! The suite in `tests/conformance`, and the benchmarks in `tests/bench`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;

use crate::{
    cargo::cargo,
    step::{command, run as run_command, step},
    system,
};

/// Runs the real Python clients against a host that the suite starts itself.
pub(crate) fn run(root: &Path) -> anyhow::Result<()> {
    let python = environment(root)?;
    step("conformance with the real clients", || {
        let mut pytest = command(&python, root);
        pytest.args(["-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/conformance"]);
        run_command(&mut pytest)
    })
}

/// Prints the figures that the project promises.
pub(crate) fn bench(root: &Path) -> anyhow::Result<()> {
    let binaries = ["build", "--release", "--package", "cli", "--package", "engine-fake"];
    run_command(&mut cargo(root, &binaries))?;
    run_command(&mut cargo(root, &["run", "--release", "--package", "bench"]))
}

/// A virtual environment with the pinned packages, made anew when they change.
fn environment(root: &Path) -> anyhow::Result<PathBuf> {
    let folder = root.join("target/conformance-venv");
    let python = folder.join("bin/python");
    let wanted = root.join("tests/conformance/requirements.txt");
    let wanted = fs::read_to_string(&wanted).with_context(|| wanted.display().to_string())?;
    let stamp = folder.join("requirements.installed");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    step("Python clients (once)", || {
        system::ensure_python(root)?;
        run_command(command("python3", root).args(["-m", "venv", "--clear"]).arg(&folder))?;
        let mut pip = command(&python, root);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]);
        run_command(pip.arg("tests/conformance/requirements.txt"))?;
        fs::write(&stamp, wanted)?;
        Ok(())
    })?;
    Ok(python)
}
