//! The configuration, the plugins that it names, and the models' files.

use std::path::Path;

use config::Settings;
use plugin_runtime::{Limits, Options, PluginRuntime};
use sysinfo::System;

use super::finding::Finding;
use crate::{
    commands::serve::{load_settings, user_cache},
    problem,
};

/// Whether the configuration can be read.
pub(crate) fn settings(file: &Path) -> (Option<Settings>, Vec<Finding>) {
    const TOPIC: &str = "config";
    match load_settings(file, None, None) {
        Ok(settings) => {
            let models = settings.models.len();
            let s = if models == 1 { "" } else { "s" };
            let what = format!("`{}` names {models} model{s}", file.display());
            let finding = if models == 0 {
                Finding::warn(
                    TOPIC,
                    what,
                    "add a [[model]] table; `host config reference` explains each key",
                )
            } else {
                Finding::ok(TOPIC, what)
            };
            (Some(settings), vec![finding])
        }
        Err(error) => {
            let text = problem::describe(&error);
            let text = text.trim_start_matches("error: ");
            let (what, remedy) = match text.split_once("\nhint: ") {
                Some((what, remedy)) => (what.trim_end(), remedy),
                None => (text, "`host config reference` explains each key"),
            };
            (None, vec![Finding::fail(TOPIC, what, remedy)])
        }
    }
}

/// Whether the families load.
pub(crate) fn plugins(settings: Option<&Settings>) -> Vec<Finding> {
    const TOPIC: &str = "plugins";
    let dir = settings.map_or_else(|| "plugins".into(), |settings| settings.plugins.dir.clone());
    let shown = dir.display().to_string();
    let build = "build the project's own with `cargo xtask plugins`, or name another folder with `dir` under [plugins]";
    if !dir.is_dir() {
        return vec![Finding::fail(TOPIC, format!("there is no folder `{shown}`"), build)];
    }
    let options =
        Options { dir, cache_dir: user_cache(), compiler: None, limits: Limits::default() };
    let plugins = match PluginRuntime::open(options) {
        Ok(runtime) => runtime.plugins(),
        Err(error) => {
            let remedy = "make the folder readable, or name another one with `dir` under [plugins]";
            return vec![Finding::fail(TOPIC, error.to_string(), remedy)];
        }
    };
    let mut findings = Vec::new();
    let good: Vec<&str> =
        plugins.iter().filter(|p| p.error.is_none()).map(|p| p.name.as_str()).collect();
    findings.push(if good.is_empty() {
        Finding::warn(TOPIC, format!("no family in `{shown}`: models only complete text"), build)
    } else {
        Finding::ok(TOPIC, format!("{} in `{shown}`", good.join(", ")))
    });
    for plugin in &plugins {
        if let Some(error) = &plugin.error {
            let file = plugin.file.display();
            let remedy =
                format!("`host plugin check {file}` says more; build it again or remove it");
            findings.push(Finding::warn(TOPIC, format!("`{file}`: {error}"), remedy));
        }
    }
    findings
}

/// Whether the models' files are sound and fit into memory.
pub(crate) fn models(settings: Option<&Settings>) -> Vec<Finding> {
    const TOPIC: &str = "models";
    let mut needed: u64 = 0;
    let mut findings = Vec::new();
    for model in settings.map(|settings| settings.models.as_slice()).unwrap_or_default() {
        match catalog::inspect(&model.path) {
            Ok(file) => {
                let replicas = u64::from(model.replicas);
                // Mapped weights are shared by the replicas; read ones are not.
                let copies = if model.mmap { 1 } else { replicas };
                needed += file.weight_bytes() * copies;
                let kv = model.kv_tokens.or(model.context_length);
                let tokens = u64::from(kv.unwrap_or_else(|| file.context_length()));
                needed += file.kv_bytes_per_token(2.0) * tokens * replicas;
                let what = format!(
                    "`{}`: {}, {} parameters, {}",
                    model.name,
                    file.architecture(),
                    file.parameters(),
                    file.quantization()
                );
                findings.push(Finding::ok(TOPIC, what));
            }
            Err(error) => {
                let remedy = "download or convert the file again";
                findings.push(Finding::fail(TOPIC, format!("`{}`: {error}", model.name), remedy));
            }
        }
    }
    findings.push(memory(needed));
    findings
}

fn memory(needed: u64) -> Finding {
    const TOPIC: &str = "memory";
    let mut system = System::new();
    system.refresh_memory();
    let (free, total) = (system.available_memory(), system.total_memory());
    let what = format!(
        "models need about {}, {} of {} are free",
        gigabytes(needed),
        gigabytes(free),
        gigabytes(total)
    );
    if needed > free {
        let remedy = "lower `context-length` or `kv-tokens`, take a smaller quantization, or move layers to a GPU";
        return Finding::warn(TOPIC, what, remedy);
    }
    Finding::ok(TOPIC, what)
}

fn gigabytes(bytes: u64) -> String {
    format!("{:.1} GB", bytes as f64 / 1e9)
}
