//! Engines that die, and hosts that end.

use std::{fs, process::Command};

use futures::StreamExt as _;
use serde_json::json;

use reqwest::multipart::{Form, Part};

use crate::host::{Host, Setup, root};

fn signal(name: &str, pid: u32) {
    let sent = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status().unwrap();
    assert!(sent.success());
}

impl Host {
    /// Requests for a model that are being answered.
    async fn in_flight(&self, model: &str) -> u32 {
        let metrics = self.client.metrics().await.unwrap();
        let line = format!("modelhost_requests_in_flight{{model=\"{model}\"");
        let line = metrics.lines().find(|found| found.starts_with(&line));
        line.and_then(|line| line.rsplit(' ').next()).map_or(0, |number| number.parse().unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_engine_had_not_answered_is_answered_by_the_next() {
    let digits = root().join("host/demo/digits.bin");
    let host = Setup::new().guide().model("digits", &digits, "").start().await;
    let body = json!({
        "model": "guide", "temperature": 0,
        "messages": [{"role": "user", "content": "What is modelhost?"}],
    });
    let (status, answered) = host.post("/v1/chat/completions", &body).await;
    assert_eq!(status, 200, "{answered}");

    // Engines that stand still have answered nothing, however fast they are.
    let workers = host.workers();
    assert_eq!(workers.len(), 2, "{workers:?}");
    for pid in &workers {
        signal("STOP", *pid);
    }
    let recording = fs::read(root().join("host/demo/digits/samples/plain.flac")).unwrap();
    let part = Part::bytes(recording).file_name("plain.flac");
    let form = Form::new().text("model", "digits").part("file", part);
    let url = format!("{}/v1/audio/transcriptions", host.url);
    let heard = reqwest::Client::new().post(url).multipart(form).send();
    let killed = async {
        for model in ["guide", "digits"] {
            let busy = async || host.in_flight(model).await == 1;
            host.until(&format!("`{model}` has a request"), busy).await;
        }
        for pid in &workers {
            signal("KILL", *pid);
        }
    };
    let (heard, chat, ()) = futures::join!(heard, host.post("/v1/chat/completions", &body), killed);
    assert_eq!(chat.0, 200, "{}", chat.1);
    assert_eq!(chat.1["choices"], answered["choices"]);
    let heard = heard.unwrap();
    assert_eq!(heard.status(), 200);
    let heard: serde_json::Value = heard.json().await.unwrap();
    assert_eq!(heard["text"], "three seven open window nine", "{heard}");
    assert!(host.workers().iter().all(|pid| !workers.contains(pid)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_engine_ends_its_own_requests_and_comes_back() {
    let host = Setup::new().guide().fake("other").start().await;
    let before = host.workers();
    assert_eq!(before.len(), 2, "{before:?}");

    // A long constraint keeps the demo model talking for as long as the test needs.
    let body = json!({
        "model": "guide", "stream": true, "max_tokens": 400, "ignore_eos": true,
        "messages": [{"role": "user", "content": "What is modelhost?"}],
    });
    let request = reqwest::Client::new().post(format!("{}/v1/chat/completions", host.url));
    let mut stream = request.json(&body).send().await.unwrap().bytes_stream();
    let mut seen = String::from_utf8_lossy(&stream.next().await.unwrap().unwrap()).into_owned();

    let guides = before.iter().filter(|pid| {
        let command = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        command.contains("engine-llama")
    });
    for pid in guides {
        signal("KILL", *pid);
    }
    while let Some(piece) = stream.next().await {
        seen.push_str(&String::from_utf8_lossy(&piece.unwrap()));
    }
    let last = seen.lines().rfind(|line| line.starts_with("data: ")).unwrap();
    assert!(last.contains("\"error\""), "the stream ends without saying why: {last}");
    assert!(last.contains("guide"), "{last}");

    let body = json!({"model": "other", "messages": [{"role": "user", "content": "still there"}]});
    let (status, reply) = host.post("/v1/chat/completions", &body).await;
    assert_eq!(status, 200, "another model suffered: {reply}");

    host.ready("guide").await;
    let body = json!({
        "model": "guide", "temperature": 0,
        "messages": [{"role": "user", "content": "What is modelhost?"}],
    });
    host.until("the model answers again", async || {
        host.post("/v1/chat/completions", &body).await.0 == 200
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_ends_host_and_workers_cleanly() {
    let host = Setup::new().guide().start().await;
    let workers = host.workers();
    assert_eq!(workers.len(), 1);
    assert!(host.interrupt(), "the host ended with a failure");
    for pid in workers {
        assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists(), "worker {pid} lives on");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_cannot_load_says_why_and_leaves_the_others_alone() {
    let setup = Setup::new().fake("good");
    let host = setup.model("bad", &crate::host::root().join("Cargo.toml"), "").listen();
    host.ready("good").await;
    let body = json!({"model": "bad", "prompt": "x"});
    host.until("the bad model is refused with its cause", async || {
        let (status, reply) = host.post("/v1/completions", &body).await;
        (400..600).contains(&status) && reply["detail"].as_str().is_some_and(|d| d.contains("GGUF"))
    })
    .await;
}
