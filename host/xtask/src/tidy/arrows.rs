//! Who may depend on whom.

use std::path::Path;

use anyhow::Context as _;
use serde_json::Value;

use super::{Finding, TextFile, source};
use crate::step::{command, output};

/// The arrows of the map: a crate, and the crates of the workspace that it may depend on.
const ALLOWED: [(&str, &[&str]); 19] = [
    ("model", &[]),
    ("audio", &[]),
    ("client", &[]),
    ("telemetry", &[]),
    ("engine-protocol", &[]),
    ("config", &["model"]),
    ("catalog", &["model"]),
    ("plugin-runtime", &["model"]),
    ("engine-ipc", &["engine-protocol"]),
    ("engine-fake", &["engine-ipc", "engine-protocol"]),
    ("engine-llama", &["engine-ipc", "engine-protocol"]),
    ("engine-whisper", &["engine-ipc", "engine-protocol"]),
    ("supervisor", &["engine-ipc", "engine-protocol", "model"]),
    (
        "inference",
        &[
            "audio",
            "catalog",
            "engine-protocol",
            "model",
            "plugin-runtime",
            "supervisor",
            "telemetry",
        ],
    ),
    ("gateway", &["inference", "model", "telemetry"]),
    (
        "cli",
        &[
            "catalog",
            "client",
            "config",
            "engine-protocol",
            "gateway",
            "inference",
            "model",
            "plugin-runtime",
            "supervisor",
            "telemetry",
        ],
    ),
    ("xtask", &[]),
    ("e2e", &["client"]),
    ("bench", &["client"]),
];

/// Libraries that only some crates may use, and why.
const RESERVED: [(&[&str], &[&str], &str); 6] = [
    (
        &["axum", "http", "http-body-util", "hyper", "hyper-util", "tower-http", "utoipa"],
        &["gateway"],
        "`gateway` alone knows HTTP",
    ),
    (
        &["ropus", "rubato", "rvoip-codec-core", "symphonia"],
        &["audio"],
        "`audio` alone reads media files",
    ),
    (&["reqwest"], &["client"], "`client` alone calls the REST interface"),
    (
        &["llama-cpp-2", "llama-cpp-sys-2"],
        &["engine-llama"],
        "one executable holds at most one ggml",
    ),
    (
        &["whisper-rs", "whisper-rs-sys"],
        &["engine-whisper"],
        "one executable holds at most one ggml",
    ),
    (
        &["wasmtime", "wasmtime-wasi"],
        &["plugin-runtime"],
        "`plugin-runtime` alone runs WebAssembly",
    ),
];

/// Crates that do no I/O: the libraries that they may use.
const PURE: [(&str, &[&str]); 2] =
    [("model", &["thiserror"]), ("engine-protocol", &["serde", "serde_bytes", "thiserror"])];

/// Ways to do I/O that no library is needed for.
const IO: [&str; 5] = ["std::fs", "std::io", "std::net", "std::process", "std::env"];

pub(super) fn check(root: &Path, files: &[TextFile]) -> anyhow::Result<Vec<Finding>> {
    let mut findings = check_workspace(&metadata(root, "Cargo.toml")?);
    findings.extend(check_pure_sources(files));
    if root.join("plugins/Cargo.toml").exists() {
        let folder = root.join("plugins");
        findings.extend(check_plugins(&metadata(root, "plugins/Cargo.toml")?, &folder));
    }
    Ok(findings)
}

fn metadata(root: &Path, manifest: &str) -> anyhow::Result<Value> {
    let arguments = [
        "metadata",
        "--no-deps",
        "--offline",
        "--format-version",
        "1",
        "--manifest-path",
        manifest,
    ];
    let text = output(command("cargo", root).args(arguments))
        .with_context(|| format!("`cargo {}` failed", arguments.join(" ")))?;
    serde_json::from_str(&text).context("reading cargo's metadata")
}

/// A dependency as `cargo metadata` gives it.
struct Dependency<'a> {
    name: &'a str,
    /// `None` for a library of a registry.
    path: Option<&'a str>,
}

fn packages(metadata: &Value) -> impl Iterator<Item = (&str, Vec<Dependency<'_>>)> {
    let packages = metadata.get("packages").and_then(Value::as_array).into_iter().flatten();
    packages.filter_map(|package| {
        let name = package.get("name")?.as_str()?;
        let all = package.get("dependencies").and_then(Value::as_array).into_iter().flatten();
        // What tests use may point anywhere; what is built into the product may not.
        let shipped = all.filter(|dependency| dependency.get("kind").is_none_or(|k| k != "dev"));
        let dependencies = shipped.filter_map(|dependency| {
            let name = dependency.get("name")?.as_str()?;
            Some(Dependency { name, path: dependency.get("path").and_then(Value::as_str) })
        });
        Some((name, dependencies.collect()))
    })
}

fn check_workspace(metadata: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, dependencies) in packages(metadata) {
        let place = format!("crate {name}");
        let Some((_, allowed)) = ALLOWED.iter().find(|(known, _)| *known == name) else {
            let message =
                "it is not in the table of arrows: add it to host/xtask/src/tidy/arrows.rs";
            findings.push(Finding::new(place, 0, message));
            continue;
        };
        for dependency in dependencies {
            let other = dependency.name;
            if dependency.path.is_some() && !allowed.contains(&other) {
                let message = format!("it may not depend on `{other}`");
                findings.push(Finding::new(&place, 0, message));
            }
            let reserved = RESERVED.iter().find(|(libraries, ..)| libraries.contains(&other));
            if let Some((_, users, why)) = reserved
                && !users.contains(&name)
            {
                let message = format!("it may not use `{other}`: {why}");
                findings.push(Finding::new(&place, 0, message));
            }
            let pure = PURE.iter().find(|(known, _)| *known == name);
            if let Some((_, libraries)) = pure
                && !libraries.contains(&other)
            {
                let message = format!("it may not use `{other}`: it does no I/O, and stays small");
                findings.push(Finding::new(&place, 0, message));
            }
        }
    }
    findings
}

fn check_pure_sources(files: &[TextFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files {
        let pure = PURE.iter().any(|(name, _)| file.path.starts_with(&format!("host/{name}/src/")));
        if !pure {
            continue;
        }
        for (number, line) in (1..).zip(source::code(&file.text).lines()) {
            if let Some(way) = IO.iter().find(|way| line.contains(*way)) {
                findings.push(Finding::new(&file.path, number, format!("`{way}`: no I/O here")));
            }
        }
    }
    findings
}

/// Plugins know the SDK and the WIT package, and nothing of the host.
fn check_plugins(metadata: &Value, folder: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, dependencies) in packages(metadata) {
        for dependency in dependencies {
            let outside = dependency.path.is_some_and(|path| !Path::new(path).starts_with(folder));
            if outside {
                let message = format!("it may not depend on `{}`, being a plugin", dependency.name);
                findings.push(Finding::new(format!("plugin {name}"), 0, message));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn package(name: &str, dependencies: &[(&str, Option<&str>, Option<&str>)]) -> Value {
        let dependency = |(name, kind, path): &(&str, Option<&str>, Option<&str>)| json!({ "name": name, "kind": kind, "path": path });
        let dependencies: Vec<Value> = dependencies.iter().map(dependency).collect();
        json!({ "packages": [{ "name": name, "dependencies": dependencies }] })
    }

    #[track_caller]
    fn check_one(name: &str, dependency: (&str, Option<&str>, Option<&str>), expect: Option<&str>) {
        let found = check_workspace(&package(name, &[dependency]));
        match (found.as_slice(), expect) {
            ([], None) => {}
            ([finding], Some(part)) => {
                let message = finding.to_string();
                assert!(message.contains(part), "`{message}` lacks `{part}`");
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn arrows() {
        let local = Some("/x");
        check_one("gateway", ("inference", None, local), None);
        check_one(
            "gateway",
            ("supervisor", None, local),
            Some("crate gateway: it may not depend on"),
        );
        check_one("engine-llama", ("model", None, local), Some("may not depend on `model`"));
        check_one("engine-whisper", ("llama-cpp-2", None, None), Some("at most one ggml"));
        check_one("engine-llama", ("whisper-rs-sys", None, None), Some("at most one ggml"));
        check_one("engine-fake", ("supervisor", Some("dev"), local), None);
        check_one("engine-fake", ("supervisor", Some("build"), local), Some("may not depend"));
        check_one("surprise", ("serde", None, None), Some("not in the table"));
        check_one("supervisor", ("axum", None, None), Some("`gateway` alone knows HTTP"));
        check_one("gateway", ("axum", None, None), None);
        check_one("supervisor", ("llama-cpp-2", None, None), Some("at most one ggml"));
        check_one("model", ("tokio", None, None), Some("it does no I/O"));
        check_one("engine-protocol", ("serde", None, None), None);
    }

    #[test]
    fn plugins_stay_in_their_folder() {
        let folder = Path::new("/x/plugins");
        let inside = package("orchid", &[("plugin-sdk", None, Some("/x/plugins/sdk"))]);
        assert_eq!(check_plugins(&inside, folder), []);
        let outside = package("orchid", &[("model", None, Some("/x/host/model"))]);
        assert_eq!(check_plugins(&outside, folder).len(), 1);
    }

    #[test]
    fn sources_without_io() {
        let file = |path: &str| TextFile { path: path.into(), text: "use std::fs;\n".into() };
        assert_eq!(check_pure_sources(&[file("host/model/src/id.rs")]).len(), 1);
        assert_eq!(check_pure_sources(&[file("host/catalog/src/lib.rs")]), []);
    }
}
