//! The README's commands, as a reader would type them.

use std::{fs, process::Command};

use serde_json::Value;

use crate::host::{Setup, binaries, root};

/// The JSON bodies of the `curl` commands in a document.
fn bodies(document: &str) -> Vec<Value> {
    let text = fs::read_to_string(root().join(document)).unwrap();
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
