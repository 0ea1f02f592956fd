//! The README's commands, as a reader would type them.

use std::{fs, process::Command};

use serde_json::Value;

use crate::host::{Setup, binaries, root};

/// A document of the repository.
fn read(document: &str) -> String {
    fs::read_to_string(root().join(document)).unwrap()
}

/// The JSON bodies of the `curl` commands in a document.
fn bodies(document: &str) -> Vec<Value> {
    let text = read(document);
    text.split("-d '")
        .skip(1)
        .map(|rest| rest.split('\'').next().unwrap())
        .map(|body| serde_json::from_str(body).unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_curl_commands_get_sensible_answers() {
    let host = Setup::new().guide().start().await;
    for document in ["README.md", "README.zh.md"] {
        let bodies = bodies(document);
        assert!(!bodies.is_empty(), "{document} shows no request");
        for body in bodies {
            let (status, reply) = host.post("/v1/chat/completions", &body).await;
            assert_eq!(status, 200, "{reply}");
            let answer = reply["choices"][0]["message"]["content"].as_str().unwrap();
            assert!(answer.contains("models.toml"), "{document}: {answer}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_lists_and_chats() {
    let host = Setup::new().guide().start().await;
    let run = |arguments: &[&str]| {
        let output = Command::new(binaries().join("host"))
            .args(arguments)
            .args(["--endpoint", &host.url])
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let all = format!("{}{}", text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{arguments:?}: {all}");
        all
    };
    let list = run(&["list"]);
    assert!(list.contains("UID") && list.contains("guide") && list.contains("LLM"), "{list}");
    let chat = run(&["chat", "--model-uid", "guide", "How do I connect Dify?"]);
    assert!(chat.contains("Xinference"), "{chat}");
    let plugins = run(&["plugin", "list"]);
    assert!(plugins.contains("vicuna") && plugins.contains("chatglm"), "{plugins}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_for_speech_write_down_what_is_said() {
    let model = root().join("host/demo/digits.bin");
    if !model.exists() || !binaries().join("engine-whisper").exists() {
        eprintln!("skipped: the speech model or its engine is not built");
        return;
    }
    let setup = Setup::without_plugins().plugin("plugins/whisper.wasm");
    let host = setup.model("digits", &model, "").start().await;
    let folder = tempfile::tempdir().unwrap();
    for document in ["README.md", "README.zh.md"] {
        let text = read(document);
        let curl =
            text.lines().find(|line| line.starts_with("curl") && line.contains("-F ")).unwrap();
        let curl = curl.replace("http://127.0.0.1:9997", &host.url);
        let output = Command::new("sh").args(["-c", &curl]).current_dir(root()).output().unwrap();
        let reply: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(reply["text"], "three seven open window nine", "{document}");
        let line = text.lines().find(|line| line.contains("host transcribe host/demo")).unwrap();
        let mut words = line.split_whitespace().skip(1);
        let mut command = Command::new(binaries().join("host"));
        command.args(words.by_ref().take_while(|&word| word != "-o"));
        let srt = folder.path().join(words.next().unwrap());
        command.arg("-o").arg(&srt).args(["--endpoint", &host.url]).current_dir(root());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let srt = fs::read_to_string(srt).unwrap();
        assert!(srt.contains("-->") && srt.contains("open door"), "{document}: {srt}");
    }
}
