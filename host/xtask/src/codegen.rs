//! Files that are generated from the code and committed, so that readers need not build.

use std::{fs, path::Path};

use anyhow::{Context as _, bail};

use crate::step::{command, say};

/// Writes every generated file, or fails where one is stale.
pub(crate) fn run(root: &Path, check: bool) -> anyhow::Result<()> {
    let host = root.join("target/release/host");
    let generated: [(&str, &[&str]); 2] = [
        ("host/config/models.schema.json", &["config", "schema"]),
        ("host/config/REFERENCE.md", &["config", "reference"]),
    ];
    let mut stale = Vec::new();
    for (path, arguments) in generated {
        let output = command(&host, root).args(arguments).output().with_context(|| {
            format!("starting {} (build it with `cargo build --release`)", host.display())
        })?;
        if !output.status.success() {
            bail!("`host {}` failed", arguments.join(" "));
        }
        let file = root.join(path);
        if fs::read(&file).is_ok_and(|old| old == output.stdout) {
            continue;
        }
        if check {
            stale.push(path);
        } else {
            fs::write(&file, &output.stdout).with_context(|| format!("writing {path}"))?;
            say(&format!("    wrote {path}"));
        }
    }
    if !stale.is_empty() {
        bail!("stale: {}; run `cargo xtask codegen` and commit the result", stale.join(", "));
    }
    Ok(())
}
