//! Recordings, their transcripts, and clients that do not wait for them.

use std::{
    fs,
    io::Write as _,
    process::{Command, Stdio},
    time::Duration,
};

use futures::{StreamExt as _, future::join_all, stream};
use reqwest::{
    Body,
    multipart::{Form, Part},
};
use serde_json::{Value, json};

use crate::host::{Host, Setup, binaries, guide};

const PATH: &str = "/v1/audio/transcriptions";
const MODEL: &str = "engine = \"fake\"\nfamily = \"scribe\"";

fn setup() -> Setup {
    // Few plugins, because a host compiles those that it sees for the first time.
    let setup = Setup::without_plugins().plugin("plugins/vicuna.wasm");
    let setup = setup.plugin("tests/fixtures/plugins/scribe.wasm");
    setup.model("ears", &guide(), MODEL)
}

/// The head of a WAV file, and so many seconds of noise.
pub(crate) fn wav(seconds: u32) -> Vec<u8> {
    let rate = 16_000_u32;
    let length = seconds * rate * 2;
    let mut wav = b"RIFF".to_vec();
    wav.extend_from_slice(&(36 + length).to_le_bytes());
    wav.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    wav.extend_from_slice(&rate.to_le_bytes());
    wav.extend_from_slice(&(rate * 2).to_le_bytes());
    wav.extend_from_slice(b"\x02\0\x10\0data");
    wav.extend_from_slice(&length.to_le_bytes());
    wav.extend(
        (0..seconds * rate).flat_map(|at| (i16::try_from(at % 200).unwrap() * 50).to_le_bytes()),
    );
    wav
}

fn part(bytes: Vec<u8>) -> Part {
    Part::bytes(bytes).file_name("speech.wav")
}

fn script(script: &Value) -> String {
    json!({ "fake": script }).to_string()
}

fn form(script: Option<&Value>) -> Form {
    let form = Form::new().text("model", "ears");
    match script {
        Some(given) => form.text("prompt", self::script(given)),
        None => form,
    }
}

impl Host {
    async fn hear(&self, form: Form) -> (u16, Value) {
        let request = reqwest::Client::new().post(format!("{}{PATH}", self.url)).multipart(form);
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// Recordings that the engine works on.
    async fn heard(&self) -> u32 {
        let metrics = self.client.metrics().await.unwrap();
        let line = "modelhost_running_sequences{model=\"ears\"} ";
        let line = metrics.lines().find_map(|found| found.strip_prefix(line));
        line.map_or(0, |number| number.parse().unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_recordings_at_once_do_not_mix() {
    let host = setup().start().await;
    let asked = (1..=20).map(|number| {
        let words = json!({"text": format!("speaker {number} says"), "delay_us": 2000});
        let form = form(Some(&words)).part("file", part(wav(3)));
        let host = &host;
        async move { (number, host.hear(form).await) }
    });
    for (number, (status, reply)) in join_all(asked).await {
        assert_eq!(status, 200, "{reply}");
        assert_eq!(reply["text"], format!("speaker {number} says"));
        assert_eq!(reply["usage"], json!({"type": "duration", "seconds": 3}));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_dies_costs_its_own_requests_alone() {
    let host = setup().fake("other").start().await;
    let crash = json!({"crash_after": 2, "delay_us": 200_000});
    let crash = form(Some(&crash)).part("file", part(wav(5)));
    let chat = json!({"model": "other", "messages": [{"role": "user",
        "content": "{\"fake\":{\"text\":\"word \",\"tokens\":50,\"delay_us\":5000}}"}]});
    let slow = form(Some(&json!({"delay_us": 100_000}))).part("file", part(wav(9)));
    let ((status, reply), (other, _), bystander) =
        futures::join!(host.hear(crash), host.post("/v1/chat/completions", &chat), host.hear(slow));
    assert_eq!(status, 503, "{reply}");
    assert!(reply["detail"].as_str().unwrap().contains("ended while it answered"), "{reply}");
    assert_eq!(other, 200, "another model suffered");
    // What was written down of another recording is not written down again, and the rest is.
    let words: Vec<String> = (1..=9).map(|second| format!("second {second}")).collect();
    assert_eq!((bystander.0, &bystander.1["text"]), (200, &json!(words.join(" "))));
    // The next one waits until the engine is back.
    let (status, reply) = host.hear(form(None).part("file", part(wav(1)))).await;
    assert_eq!((status, &reply["text"]), (200, &json!("second 1")), "{reply}");

    // In a stream that has begun, the error is its last event.
    let late = json!({"crash_after": 2, "delay_us": 400_000});
    let late = form(Some(&late)).text("stream", "true").part("file", part(wav(5)));
    let (status, text) = host.hear(late).await;
    let text = text.as_str().unwrap();
    assert_eq!(status, 200);
    assert!(text.contains("second 1") && text.contains("\"error\""), "{text}");
    assert!(!text.contains("[DONE]"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn recordings_that_wait_are_written_down_by_the_engine_that_comes_next() {
    let single = format!("{MODEL}\nparallel = 1");
    let setup = Setup::without_plugins().plugin("tests/fixtures/plugins/scribe.wasm");
    let host = setup.model("ears", &guide(), &single).start().await;
    let crash = json!({"crash_after": 2, "delay_us": 300_000});
    let crash = host.hear(form(Some(&crash)).part("file", part(wav(5))));
    let others = async {
        host.until("the engine works", async || host.heard().await == 1).await;
        join_all((1..=3).map(|seconds| host.hear(form(None).part("file", part(wav(seconds))))))
            .await
    };
    let ((status, reply), others) = futures::join!(crash, others);
    assert_eq!(status, 503, "{reply}");
    for (seconds, (status, reply)) in (1..).zip(others) {
        let words: Vec<String> = (1..=seconds).map(|second| format!("second {second}")).collect();
        assert_eq!((status, &reply["text"]), (200, &json!(words.join(" "))), "{reply}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_hangs_costs_its_own_requests_alone() {
    let hangs = format!("{MODEL}\nhang-after = \"5s\"");
    let setup = Setup::without_plugins().plugin("plugins/vicuna.wasm");
    let setup = setup.plugin("tests/fixtures/plugins/scribe.wasm").fake("other");
    let host = setup.model("ears", &guide(), &hangs).start().await;
    let hang = form(Some(&json!({"hang_after": 2}))).part("file", part(wav(5)));
    let chat = json!({"model": "other", "messages": [{"role": "user", "content": "still there"}]});
    let ((status, reply), (other, _)) =
        futures::join!(host.hear(hang), host.post("/v1/chat/completions", &chat));
    assert_eq!(status, 503, "{reply}");
    assert_eq!(other, 200, "another model suffered");
    let (status, reply) = host.hear(form(None).part("file", part(wav(1)))).await;
    assert_eq!((status, &reply["text"]), (200, &json!("second 1")), "{reply}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_takes_its_work_along() {
    let host = setup().start().await;
    let slow = json!({"delay_us": 500_000});
    for stream in ["false", "true"] {
        let form = form(Some(&slow)).text("stream", stream).part("file", part(wav(600)));
        let request = reqwest::Client::new().post(format!("{}{PATH}", host.url)).multipart(form);
        let waiting = tokio::spawn(async move {
            let response = request.send().await.unwrap();
            response.bytes_stream().for_each(|_| async {}).await;
        });
        host.until("the engine works", async || host.heard().await == 1).await;
        waiting.abort();
        host.until("the engine is idle", async || host.heard().await == 0).await;
    }
    // One that leaves while it sends.
    for _ in 0..20 {
        let begun = stream::iter([Ok::<_, std::io::Error>(wav(1))]).chain(stream::pending());
        let form = form(None).part("file", Part::stream(Body::wrap_stream(begun)));
        let request = reqwest::Client::new().post(format!("{}{PATH}", host.url)).multipart(form);
        let sent = tokio::time::timeout(Duration::from_millis(50), request.send()).await;
        assert!(sent.is_err(), "half an upload was answered");
    }
    let (status, reply) = host.hear(form(None).part("file", part(wav(1)))).await;
    assert_eq!(status, 200, "{reply}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_of_an_hour_stays_out_of_memory() {
    let host = setup().start().await;
    assert_eq!(host.hear(form(None).part("file", part(wav(1)))).await.0, 200);
    let before = host.memory();
    let hour = wav(3600);
    let (status, reply) = host.hear(form(None).part("file", part(hour))).await;
    assert_eq!(status, 200, "{reply}");
    assert!(reply["text"].as_str().unwrap().ends_with("second 3600"));
    let grown = host.memory().saturating_sub(before) / 1024;
    assert!(grown < 64, "an upload of 110 MiB took {grown} MiB");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_upload_arrives() {
    let host = setup().start().await;
    let bytes = wav(1);
    let pieces: Vec<Vec<u8>> = bytes.chunks(4000).map(<[u8]>::to_vec).collect();
    let slow = stream::iter(pieces).then(|piece| async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        Ok::<_, std::io::Error>(piece)
    });
    let form = Form::new().part("file", Part::stream(Body::wrap_stream(slow)));
    let (status, reply) = host.hear(form.text("model", "ears")).await;
    assert_eq!((status, &reply["text"]), (200, &json!("second 1")));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_writes_recordings_down() {
    let host = setup().start().await;
    let folder = host.folder.path();
    for name in ["one.wav", "two.wav"] {
        fs::write(folder.join(name), wav(2)).unwrap();
    }
    fs::write(folder.join("no.wav"), "no sound").unwrap();
    let run = |arguments: &[&str], input: &[u8]| {
        let mut command = Command::new(binaries().join("host"));
        command.arg("transcribe").args(arguments).args(["--endpoint", &host.url]);
        command.current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.stderr(Stdio::piped()).spawn().unwrap();
        let _ = process.stdin.take().unwrap().write_all(input);
        let output = process.wait_with_output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.success(), text(&output.stdout), text(&output.stderr))
    };
    let words = "second 1 second 2\n".to_owned();
    let quiet = String::new;
    assert_eq!(run(&["one.wav"], b""), (true, words.clone(), quiet()));
    assert_eq!(run(&["-", "--stream=false"], &wav(2)), (true, words.clone(), quiet()));
    assert_eq!(run(&["one.wav", "-o", "one.srt"], b""), (true, quiet(), quiet()));
    let srt = "1\n00:00:00,000 --> 00:00:01,000\nsecond 1\n\n2\n00:00:01,000 --> 00:00:02,000\nsecond 2\n\n";
    assert_eq!(fs::read_to_string(folder.join("one.srt")).unwrap(), srt);
    assert_eq!(run(&["one.wav", "-f", "srt"], b""), (true, srt.to_owned(), quiet()));
    assert!(run(&["one.wav", "--word-timestamps", "-o", "one.json"], b"").0);
    let json: Value = serde_json::from_slice(&fs::read(folder.join("one.json")).unwrap()).unwrap();
    assert_eq!(json["words"][3], json!({"word": "2", "start": 1.5, "end": 2.0}));
    assert_eq!(json["text"], "second 1 second 2");
    let (ok, _, error) = run(&["one.wav", "no.wav", "two.wav", "-o", "texts/", "-f", "vtt"], b"");
    assert!(!ok && error.contains("cannot transcribe `no.wav`"), "{error}");
    assert!(error.contains("1 of 3 recordings"), "{error}");
    assert!(
        fs::read_to_string(folder.join("texts/two.vtt"))
            .unwrap()
            .starts_with("WEBVTT\n\n00:00:00.000 -->")
    );
    let (ok, _, error) = run(&["one.wav", "-o", "one.docx"], b"");
    assert!(!ok && error.contains("`.docx`"), "{error}");
    let (ok, _, error) = run(&["missing.wav"], b"");
    assert!(!ok && error.contains("cannot read `missing.wav`"), "{error}");
    let (ok, _, error) = run(&["one.wav", "-u", "nosuch"], b"");
    assert!(!ok && error.contains("nosuch") && error.contains("host list"), "{error}");
    let mut nobody = Command::new(binaries().join("host"));
    nobody
        .args(["transcribe", "-e", "http://127.0.0.1:1", "-u", "ears"])
        .arg(folder.join("one.wav"));
    let error = String::from_utf8(nobody.output().unwrap().stderr).unwrap();
    assert!(error.contains("no host answers") && error.contains("hint: start a host"), "{error}");
}
