//! Families in other languages, dropped into a running host.
//!
//! `cargo xtask languages` builds them and says where they are; they need tools of some hundred
//! megabytes.

use std::{env, fs, path::PathBuf};

use serde_json::json;

use crate::host::{Setup, guide};

/// The components that were built.
fn built() -> Vec<PathBuf> {
    let Some(folder) = env::var_os("MODELHOST_LANGUAGES") else {
        eprintln!("skipped: `cargo xtask languages` builds families in every language");
        return Vec::new();
    };
    let entries = fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
    let mut files: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|e| e == "wasm")).collect();
    files.sort();
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn a_family_in_each_language_serves_the_next_request() {
    let files = built();
    if files.is_empty() {
        return;
    }
    let names: Vec<String> =
        files.iter().map(|file| file.file_stem().unwrap().to_string_lossy().into()).collect();
    let mut setup = Setup::without_plugins();
    for name in &names {
        let more = format!("engine = \"fake\"\nfamily = \"{name}\"");
        setup = setup.model(&format!("{name}-7b"), &guide(), &more);
    }
    // None of the models is ready before its family is there.
    let host = setup.listen();
    for (file, name) in files.iter().zip(&names) {
        let model = format!("{name}-7b");
        let script = json!({"fake": {"text": "<think>Hm.</think>\nHello, you!"}}).to_string();
        let messages = json!([{"role": "user", "content": script}]);
        let body = json!({"model": model, "messages": messages});
        let (status, reply) = host.post("/v1/chat/completions", &body).await;
        assert!(status >= 400, "{name} is not installed yet: {reply}");

        let plugins = host.folder.path().join("plugins");
        fs::copy(file, plugins.join(".part")).unwrap();
        fs::rename(plugins.join(".part"), plugins.join(format!("{name}.wasm"))).unwrap();
        host.until(&format!("{name} serves"), async || {
            host.post("/v1/chat/completions", &body).await.0 == 200
        })
        .await;
        let (_, reply) = host.post("/v1/chat/completions", &body).await;
        let message = &reply["choices"][0]["message"];
        // Where the operator does not ask for a field of its own, reasoning is shown like this.
        assert_eq!(message["content"], "<think>\nHm.\n</think>\n\nHello, you!", "{name}: {reply}");
    }
}
