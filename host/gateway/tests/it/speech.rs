//! Recordings and their transcripts.

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use bytes::Bytes;
use futures::StreamExt as _;
use serde_json::{Value, json};

use crate::host::{Answer, Host, check_error};

const BOUNDARY: &str = "a boundary: 'x'";

/// A form as clients write it.
#[derive(Clone, Default)]
pub(crate) struct Form(Vec<u8>);

impl Form {
    fn new() -> Self {
        Self::default()
    }

    fn part(mut self, head: &str, body: &[u8]) -> Self {
        self.0.extend_from_slice(format!("--{BOUNDARY}\r\n{head}\r\n\r\n").as_bytes());
        self.0.extend_from_slice(body);
        self.0.extend_from_slice(b"\r\n");
        self
    }

    fn field(self, name: &str, value: &str) -> Self {
        self.part(&format!("content-disposition: form-data; name=\"{name}\""), value.as_bytes())
    }

    fn file(self, name: &str, bytes: &[u8]) -> Self {
        let head = format!(
            "Content-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: application/octet-stream"
        );
        self.part(&head, bytes)
    }

    fn request(self, path: &str) -> Request<Body> {
        let mut body = self.0;
        body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
        request(path, Body::from(body))
    }
}

fn request(path: &str, body: Body) -> Request<Body> {
    let kind = format!("multipart/form-data; boundary=\"{BOUNDARY}\"");
    Request::post(path).header("content-type", kind).body(body).unwrap()
}

/// A WAV file in which the seconds that are set are noise, and the others silence.
pub(crate) fn wav(seconds: &[bool]) -> Vec<u8> {
    let rate = 16_000_u32;
    let samples = seconds.iter().flat_map(|&loud| {
        (0..rate).map(move |at| if loud { i16::try_from(at % 200).unwrap() * 50 } else { 0 })
    });
    let data: Vec<u8> = samples.flat_map(i16::to_le_bytes).collect();
    let length = u32::try_from(data.len()).unwrap();
    let mut wav = Vec::new();
    wav.extend_from_slice(b"RIFF");
    wav.extend_from_slice(&(36 + length).to_le_bytes());
    wav.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    wav.extend_from_slice(&rate.to_le_bytes());
    wav.extend_from_slice(&(rate * 2).to_le_bytes());
    wav.extend_from_slice(b"\x02\0\x10\0data");
    wav.extend_from_slice(&length.to_le_bytes());
    wav.extend_from_slice(&data);
    wav
}

const PATH: &str = "/v1/audio/transcriptions";

impl Host {
    async fn hear(&self, fields: &[(&str, &str)]) -> Answer {
        let mut form = Form::new().field("model", "scribe");
        for (name, value) in fields {
            form = form.field(name, value);
        }
        self.send(form.file("a.wav", &wav(&[true, false, true])).request(PATH)).await
    }
}

fn script(script: &Value) -> String {
    json!({ "fake": script }).to_string()
}

#[tokio::test]
async fn a_recording_is_written_down_in_every_format() {
    let Some(host) = Host::hearing(|_| {}).await else { return };
    for format in ["json", "text", "srt", "verbose_json", "vtt"] {
        let fields =
            [("response_format", format), ("prompt", &*script(&json!({"text": "One two."})))];
        let answer = host.hear(&fields).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let kind = answer.headers["content-type"].to_str().unwrap();
        let shown = match serde_json::from_str::<Value>(&answer.text) {
            Ok(json) => serde_json::to_string_pretty(&json).unwrap(),
            Err(_) => answer.text.clone(),
        };
        insta::assert_snapshot!(format!("transcript_{format}"), format!("{kind}\n\n{shown}"));
    }
}

#[tokio::test]
async fn words_come_where_they_are_asked_for() {
    let Some(host) = Host::hearing(|_| {}).await else { return };
    let verbose = ("response_format", "verbose_json");
    let words = ("timestamp_granularities[]", "word");
    let body = host.hear(&[verbose, words]).await.json();
    let expect = json!([
        {"word": "second", "start": 0.0, "end": 0.5}, {"word": "1", "start": 0.5, "end": 1.0},
        {"word": "second", "start": 2.0, "end": 2.5}, {"word": "3", "start": 2.5, "end": 3.0},
    ]);
    assert_eq!(body["words"], expect);
    assert!(body.get("segments").is_none(), "{body}");
    let both = host.hear(&[verbose, words, ("timestamp_granularities[]", "segment")]).await.json();
    assert_eq!(both["words"], expect);
    assert_eq!(both["segments"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_stream_gives_pieces_of_the_format_and_then_the_whole() {
    let Some(host) = Host::hearing(|_| {}).await else { return };
    for format in ["json", "srt", "vtt", "verbose_json"] {
        let fields = [("response_format", format), ("stream", "true"), ("include[]", "progress")];
        let answer = host.hear(&fields).await;
        assert_eq!(answer.headers["content-type"], "text/event-stream; charset=utf-8");
        // How many seconds are written down together is the engine's pace.
        let events: Vec<_> = answer
            .chunks()
            .into_iter()
            .filter(|event| event["type"] != "transcript.progress")
            .collect();
        let text: String = events.iter().filter_map(|event| event["delta"].as_str()).collect();
        assert_eq!(events.last().unwrap()["text"], text);
        let lines: Vec<_> = events.iter().map(Value::to_string).collect();
        insta::assert_snapshot!(format!("transcript_stream_{format}"), lines.join("\n"));
        let last =
            answer.chunks().into_iter().rfind(|event| event["type"] == "transcript.progress");
        assert_eq!(
            last.unwrap(),
            json!({"type": "transcript.progress", "seconds": 3.0, "of": 3.0})
        );
    }
}

#[tokio::test]
async fn what_the_client_wants_reaches_the_family_and_the_engine() {
    let Some(host) = Host::hearing(|_| {}).await else { return };
    let show = script(&json!({"show_request": true}));
    let fields = [
        ("prompt", show.as_str()),
        ("language", "german"),
        ("temperature", "0.5"),
        ("kwargs", r#"{"beam_size": 3}"#),
        ("response_format", "text"),
    ];
    let answer = host.hear(&fields).await;
    let text = answer.text.lines().next().unwrap();
    let mut plans = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let plan = plans.next().unwrap().unwrap();
    assert_eq!(plan["language"], "de");
    assert_eq!(plan["temperatures"], json!([0.5]));
    assert_eq!(plan["beam_size"], 3);
    assert_eq!(plan["task"], "transcribe");
    assert_eq!(plan["start"], json!(["detected_language"]));

    let form = Form::new().field("model", "scribe").field("response_format", "verbose_json");
    let form = form.file("a.wav", &wav(&[true]));
    let body = host.send(form.request("/v1/audio/translations")).await.json();
    assert_eq!(body["task"], "translate");
    assert_eq!(body["language"], "english");
}

#[tokio::test]
async fn the_order_of_the_parts_and_unknown_ones_do_not_matter() {
    let Some(host) = Host::hearing(|_| {}).await else { return };
    let form = Form::new()
        .part("content-disposition: form-data", b"no name")
        .file("speech.bin", &wav(&[true]))
        .field("whatever", "")
        .field("stream", "")
        .field("model", " scribe ");
    let answer = host.send(form.request(PATH)).await;
    assert_eq!(answer.json()["text"], "second 1", "{}", answer.text);
    // Some clients send the file as a field without a name of its own.
    let form = Form::new().field("model", "scribe");
    let form = form.part("content-disposition: form-data; name=file", &wav(&[true]));
    assert_eq!(host.send(form.request(PATH)).await.json()["text"], "second 1");
}

#[tokio::test]
async fn silence_is_an_empty_transcript() {
    let Some(host) = Host::hearing(|_| {}).await else { return };
    for (format, expect) in [("text", ""), ("srt", ""), ("vtt", "WEBVTT\n\n")] {
        let form = Form::new().field("model", "scribe").field("response_format", format);
        let answer = host.send(form.file("a.wav", &wav(&[false; 3])).request(PATH)).await;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, expect));
    }
    let form = Form::new().field("model", "scribe").field("response_format", "verbose_json");
    let body = host.send(form.file("a.wav", &wav(&[false; 3])).request(PATH)).await.json();
    let expect = json!({"task": "transcribe", "language": "unknown", "duration": 3.0, "text": "",
        "segments": [], "usage": {"type": "duration", "seconds": 3}});
    assert_eq!(body, expect);
}

#[tokio::test]
async fn what_is_missing_is_named_as_xinference_does() {
    let Some(host) = Host::hearing(|_| {}).await else { return };
    let entry = |field: &str| json!({"type": "missing", "loc": ["body", field], "msg": "Field required", "input": null});
    let answer = host.send(Form::new().field("model", "scribe").request(PATH)).await;
    assert_eq!(answer.status, 422);
    assert_eq!(answer.json()["detail"], json!([entry("file")]));
    assert_eq!(answer.json()["error"]["param"], "file");
    let answer = host.send(Form::new().file("a.wav", &wav(&[true])).request(PATH)).await;
    assert_eq!(answer.json()["detail"], json!([entry("model")]));
    let answer = host.send(Form::new().request(PATH)).await;
    assert_eq!(answer.json()["detail"], json!([entry("model"), entry("file")]));
    let json = Request::post(PATH).header("content-type", "application/json");
    let json = json.body(Body::from("{}")).unwrap();
    check_error(&host.send(json).await, 422, "multipart/form-data");
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_by_name() {
    let Some(host) = Host::hearing(|_| {}).await else { return };
    check_error(&host.hear(&[("response_format", "docx")]).await, 400, "`response_format`");
    check_error(&host.hear(&[("temperature", "7")]).await, 400, "`temperature`");
    check_error(&host.hear(&[("language", "klingon")]).await, 400, "klingon");
    check_error(&host.hear(&[("kwargs", "{\"beam_size\":\"x\"}")]).await, 400, "`beam-size`");
    let overloaded = script(&json!({"fail": "overloaded", "message": "full"}));
    let refused = host.hear(&[("prompt", &overloaded)]).await;
    check_error(&refused, 429, "full");
    assert!(refused.headers.contains_key("retry-after"));
    let ask = async |model: &str, file: &[u8]| {
        let form = Form::new().field("model", model).file("a.wav", file);
        host.send(form.request(PATH)).await
    };
    check_error(&ask("nosuch", &wav(&[true])).await, 404, "nosuch");
    check_error(&ask("tiny", &wav(&[true])).await, 400, "not for transcription");
    check_error(&ask("slow", &wav(&[true])).await, 400, "ask one of ['scribe']");
    check_error(&ask("scribe", b"").await, 400, "the file is empty");
    check_error(&ask("scribe", b"no sound at all, but text").await, 400, "`file`");
    check_error(&ask("scribe", &wav(&[true])[..20]).await, 400, "`file`");
    check_error(&host.chat("hi", json!({"model": "scribe"})).await, 400, "not for chat");
    let completion = host.complete("hi", json!({"model": "scribe"})).await;
    check_error(&completion, 400, "/v1/audio/transcriptions");
    check_error(&host.post("/v1/audio/speech", "{}").await, 501, "no route for making sounds");
}

#[tokio::test]
async fn broken_forms_are_refused() {
    let Some(host) = Host::hearing(|_| {}).await else { return };
    let send = async |body: &[u8]| host.send(request(PATH, Body::from(body.to_vec()))).await;
    check_error(&send(b"").await, 400, "form");
    check_error(&send(b"no form").await, 400, "form");
    let mut cut = Form::new().field("model", "scribe").file("a.wav", &wav(&[true])).0;
    cut.truncate(cut.len() - 100);
    check_error(&send(&cut).await, 400, "form");
    let twice = Form::new().field("model", "scribe").file("a", &wav(&[true])).file("b", b"x");
    check_error(&host.send(twice.request(PATH)).await, 400, "`file` comes twice");
    let long = Form::new().field("prompt", &"x".repeat(300 << 10));
    check_error(&host.send(long.request(PATH)).await, 400, "262144 bytes beside the file");
    let many = (0..300).fold(Form::new(), |form, _| form.field("a", "b"));
    check_error(&host.send(many.request(PATH)).await, 400, "256 parts");
    // The head of a part that never ends is given up before it fills the memory.
    let head = Form::new().part(&format!("x: {}", "y".repeat(2 << 20)), b"").0;
    let pieces = head.chunks(16 << 10).map(|piece| Ok::<_, std::io::Error>(piece.to_vec()));
    let pieces = Body::from_stream(futures::stream::iter(pieces.collect::<Vec<_>>()));
    check_error(&host.send(request(PATH, pieces)).await, 400, "head of a part is too long");
    let latin = Form::new().part("content-disposition: form-data; name=\"prompt\"", b"\xff");
    check_error(&host.send(latin.request(PATH)).await, 400, "`prompt` is no UTF-8");
}

#[tokio::test]
async fn an_upload_beyond_the_limit_is_refused_and_read_to_its_end() {
    let Some(host) = Host::hearing(|options| options.upload_limit = 50_000).await else { return };
    let form = |seconds: &[bool]| Form::new().field("model", "scribe").file("a.wav", &wav(seconds));
    let refused = host.send(form(&[true, true]).request(PATH)).await;
    check_error(&refused, 413, "at most 50000 bytes");
    assert_eq!(host.send(form(&[true]).request(PATH)).await.status, 200);
    // A file far beyond a JSON body's limit is none of that limit's business.
    let Some(host) = Host::hearing(|options| options.body_limit = 1000).await else { return };
    assert_eq!(host.send(form(&[true; 20]).request(PATH)).await.status, 200);
}

#[tokio::test]
async fn an_upload_that_stalls_is_given_up() {
    let patience = std::time::Duration::from_millis(300);
    let Some(host) = Host::hearing(|options| options.arrival_timeout = patience).await else {
        return;
    };
    let begun = Form::new().field("model", "scribe").file("a.wav", &wav(&[true])).0;
    let begun = futures::stream::iter([Ok::<_, std::io::Error>(Bytes::from(begun))]);
    let body = Body::from_stream(begun.chain(futures::stream::pending()));
    check_error(&host.send(request(PATH, body)).await, 408, "stalled");
}

#[tokio::test]
async fn a_dead_engine_costs_its_own_request() {
    let Some(host) = Host::hearing(|_| {}).await else { return };
    let crash = script(&json!({"crash_after": 1}));
    check_error(&host.hear(&[("prompt", &crash)]).await, 503, "`scribe` ended");
    let answer = host.chat("still here", json!({})).await;
    assert_eq!(answer.status, StatusCode::OK);
    host.inference.ready("scribe").await.unwrap();
    let answer =
        host.hear(&[("prompt", &*script(&json!({"fail": "internal", "fail_after": 1})))]).await;
    check_error(&answer, 500, "engine of model `scribe` failed");
    let stream = host
        .hear(&[
            ("stream", "true"),
            ("prompt", &script(&json!({"crash_after": 1, "delay_us": 6_000_000}))),
        ])
        .await;
    assert!(stream.events().last().unwrap().contains("\"error\""), "{}", stream.text);
}

#[tokio::test]
async fn a_model_that_hears_is_described_as_xinference_does() {
    let Some(host) = Host::hearing(|_| {}).await else { return };
    let body = host.get("/v1/models/scribe").await.json();
    let keys: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
    let expect = [
        "model_type",
        "address",
        "accelerators",
        "model_name",
        "model_lang",
        "model_family",
        "model_revision",
        "model_ability",
        "model_engine",
        "quantization",
        "n_worker",
        "replica",
    ];
    assert_eq!(keys, expect);
    assert_eq!(body["model_type"], "audio");
    assert_eq!(body["model_ability"], json!(["audio2text"]));
    assert_eq!(body["model_family"], "scribe");
    let models = host.get("/v1/models").await.json();
    let listed = models["data"].as_array().unwrap().iter().find(|model| model["id"] == "scribe");
    assert_eq!(listed.unwrap()["model_type"], "audio");
}
