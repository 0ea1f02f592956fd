//! Bodies that are wrong in every way that a body can be: each is refused with a message that helps.

use std::time::Duration;

use axum::{body::Body, http::Request};
use serde_json::Value;

use crate::host::{Answer, Host};

const CHAT: &str = "/v1/chat/completions";
const COMPLETE: &str = "/v1/completions";
const HEAR: &str = "/v1/audio/transcriptions";
/// The content type of the forms here.
const KIND: &[u8] = b"multipart/form-data; boundary=b";

async fn send(host: &Host, path: &str, kind: &[u8], body: &[u8]) -> Answer {
    let request = Request::post(path).header("content-type", kind);
    let answer = host.send(request.body(Body::from(body.to_vec())).unwrap());
    tokio::time::timeout(Duration::from_secs(30), answer).await.expect("it hangs")
}

/// What is wrong with the refusal of a request, which is to name what is wrong with the request.
fn fault(answer: &Answer, body: &[u8], part: &str) -> Option<String> {
    let told = |what: &str| Some(format!("{}: {what}: {}", shown(body), answer.text));
    let status = answer.status.as_u16();
    if !(400..500).contains(&status) {
        return told(&format!("status {status}"));
    }
    let text = answer.json();
    let message = text["error"]["message"].as_str().unwrap();
    if !message.contains(part) || message.is_empty() {
        return told(&format!("it lacks `{part}`"));
    }
    if message.len() > 2000 {
        return Some(format!("{}: {} bytes", shown(body), message.len()));
    }
    None
}

#[track_caller]
fn check(faults: &[String]) {
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// The beginning of a body, for messages.
fn shown(body: &[u8]) -> String {
    String::from_utf8_lossy(body).chars().take(80).collect()
}

/// A chat with more fields.
fn chat(fields: &str) -> Vec<u8> {
    let start = r#"{"model":"tiny","messages":[{"role":"user","content":"hi"}],"max_tokens":2,"#;
    format!("{start}{fields}}}").into_bytes()
}

fn many(count: usize, part: &str) -> String {
    vec![part; count].join(",")
}

#[tokio::test]
async fn what_is_no_json_is_refused_with_its_place() {
    let Some(host) = Host::start().await else { return };
    let deep = |open: &str, close: &str| {
        chat(&format!(r#""guided_json":{}1{}"#, open.repeat(5000), close.repeat(5000)))
    };
    let utf16: Vec<u8> = r#"{"model":"tiny"}"#.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let table: Vec<(Vec<u8>, &str)> = vec![
        (b"".to_vec(), "line 1 column 0"),
        (b" \n\t ".to_vec(), "line 2"),
        (b"hello".to_vec(), "must be a JSON object"),
        (b"model=tiny&messages=hi".to_vec(), "must be a JSON object"),
        (b"--x\r\ncontent-disposition: form-data\r\n\r\n".to_vec(), "must be a JSON object"),
        (b"<model>tiny</model>".to_vec(), "must be a JSON object"),
        (b"null".to_vec(), "must be a JSON object"),
        (b"\"{}\"".to_vec(), "must be a JSON object"),
        (b"{".to_vec(), "line 1 column 1"),
        (b"{\"model\"".to_vec(), "line 1 column 8"),
        (b"{\"model\":\"tiny\",}".to_vec(), "line 1 column 17"),
        (b"{'model':'tiny'}".to_vec(), "line 1 column 2"),
        (b"{model:1}".to_vec(), "line 1 column 2"),
        (b"{} {}".to_vec(), "line 1 column 4"),
        (b"{\"model\":\"ti\0ny\"}".to_vec(), "line 1 column"),
        (b"{\"model\":\"ti\nny\"}".to_vec(), "line 2 column"),
        (b"{\"model\":\"\xff\xfe\"}".to_vec(), "line 1 column"),
        (b"{\"\xc3\x28\":1}".to_vec(), "line 1 column"),
        (b"{\"model\":\"\xed\xa0\x80\"}".to_vec(), "line 1 column"),
        (b"{\"model\":\"\\x\"}".to_vec(), "line 1 column"),
        (b"{\"model\":\"\\ud83\"}".to_vec(), "line 1 column"),
        (utf16, ""),
        (vec![0; 1000], ""),
        (vec![0x1f, 0x8b, 8, 0, 0], ""),
        (chat(r#""temperature":NaN"#), "line 1 column"),
        (chat(r#""temperature":Infinity"#), "line 1 column"),
        (chat(r#""temperature":1e400"#), "out of range"),
        (chat(r#""temperature":01"#), "line 1 column"),
        (chat(r#""temperature":0x10"#), "line 1 column"),
        (deep("[", "]"), "recursion limit"),
        (deep(r#"{"a":"#, "}"), "recursion limit"),
        (format!(r#"{{"guided_json":{}"#, "[".repeat(100_000)).into_bytes(), "recursion limit"),
    ];
    let kinds: [&[u8]; 4] =
        [b"application/json", b"text/plain", b"application/x-www-form-urlencoded", b"\xff"];
    let mut faults = Vec::new();
    for (body, part) in table {
        for path in [CHAT, COMPLETE, "/v1/render"] {
            for kind in kinds {
                faults.extend(fault(&send(&host, path, kind, &body).await, &body, part));
            }
        }
    }
    check(&faults);
    assert_eq!(host.chat("well", serde_json::json!({})).await.status, 200);
}

#[tokio::test]
async fn fields_that_cannot_be_are_named() {
    let Some(host) = Host::start().await else { return };
    let huge = "9".repeat(400);
    let messages = |inner: &str| format!(r#"{{"model":"tiny","messages":{inner}}}"#).into_bytes();
    let schema = format!("{}1{}", r#"{"items":"#.repeat(100), "}".repeat(100));
    let name = "n".repeat(1 << 20);
    let table: Vec<(Vec<u8>, &str)> = vec![
        (b"{}".to_vec(), "`model`"),
        (br#"{"model":[]}"#.to_vec(), "`model`"),
        (br#"{"model":""}"#.to_vec(), "`model`"),
        (br#"{"model":"a\u0000b","messages":[{"role":"user","content":"x"}]}"#.to_vec(), "uid: a"),
        (br#"{"model":"\ud800","messages":[{"role":"user","content":"x"}]}"#.to_vec(), "uid: "),
        (
            br#"{"model":"../../etc/passwd","messages":[{"role":"user","content":"x"}]}"#.to_vec(),
            "uid: ",
        ),
        (
            format!(r#"{{"model":"{name}","messages":[{{"role":"user","content":"x"}}]}}"#).into(),
            "",
        ),
        (br#"{"model":"tiny"}"#.to_vec(), "`messages`"),
        (br#"{"model":"tiny","model":{}}"#.to_vec(), "`model`"),
        (messages("[]"), "prompt"),
        (messages("{}"), "`messages`"),
        (messages("[7]"), "`messages[0]`"),
        (messages("[[]]"), "`messages[0]`"),
        (messages(r#"[{"role":"user","content":{}}]"#), "`messages[0].content`"),
        (messages(r#"[{"role":"\u0000","content":"x"}]"#), "`messages[0].role`"),
        (messages(r#"[{"role":"user","content":[{"type":"\ud800"}]}]"#), "`messages[0].content"),
        (messages(&format!("[{}]", many(5000, r#"{"role":"user","content":"x"}"#))), "`messages`"),
        (chat(&format!(r#""max_tokens":-{huge}"#)), ""),
        (chat(&format!(r#""temperature":{huge}"#)), ""),
        (chat(r#""max_tokens":-2"#), "`max_tokens`"),
        (chat(r#""max_tokens":1.5"#), "`max_tokens`"),
        (chat(r#""max_tokens":"many""#), "`max_tokens`"),
        (chat(r#""temperature":1e300"#), "`temperature`"),
        (chat(r#""temperature":"NaN""#), "`temperature`"),
        (chat(r#""temperature":"inf""#), "`temperature`"),
        (chat(r#""temperature":-1"#), "`temperature`"),
        (chat(r#""top_p":2"#), "`top_p`"),
        (chat(r#""top_p":{}"#), "`top_p`"),
        (chat(r#""top_k":1e30"#), "`top_k`"),
        (chat(r#""n":0"#), "`n`"),
        (chat(r#""n":1e18"#), "`n`"),
        (chat(r#""n":99999999999999999999"#), "`n`"),
        (chat(r#""n":1000"#), "`n`"),
        (chat(r#""n":1,"n":[]"#), "`n`"),
        (chat(r#""seed":1e40"#), "`seed`"),
        (chat(r#""seed":[]"#), "`seed`"),
        (chat(r#""frequency_penalty":1e39"#), "`frequency_penalty`"),
        (chat(r#""stop_token_ids":[1e20]"#), "`stop_token_ids"),
        (chat(r#""stop_token_ids":[-1]"#), "`stop_token_ids"),
        (chat(&format!(r#""stop":[{}]"#, many(100, r#""x""#))), "`stop`"),
        (chat(&format!(r#""stop":"{}""#, "x".repeat(10_000))), "`stop"),
        (chat(r#""logit_bias":{"99999999999999999999":1}"#), "`logit_bias"),
        (chat(r#""logit_bias":{"x":1}"#), "`logit_bias"),
        (chat(r#""logit_bias":[1]"#), "`logit_bias"),
        (chat(r#""logprobs":true,"top_logprobs":1000"#), "`top_logprobs`"),
        (chat(r#""tools":{}"#), "`tools`"),
        (chat(r#""tools":[7]"#), "`tools[0]`"),
        (chat(r#""response_format":{"type":"yaml"}"#), "`response_format"),
        (chat(&format!(r#""guided_json":{schema}"#)), "guided_json"),
        (chat(r#""stream":"perhaps""#), "`stream`"),
        (chat(r#""extra_body":7"#), "`extra_body`"),
        (chat(r#""extra_body":{"top_k":"many"}"#), "`extra_body.top_k`"),
        (chat(&format!(r#""cache_salt":"{}""#, "x".repeat(1000))), "`cache_salt`"),
    ];
    let mut faults = Vec::new();
    for (body, part) in table {
        faults.extend(fault(&send(&host, CHAT, b"application/json", &body).await, &body, part));
    }
    check(&faults);
    assert_eq!(host.chat("well", serde_json::json!({})).await.status, 200);
}

#[tokio::test]
async fn what_is_odd_but_clear_is_answered() {
    let Some(host) = Host::start().await else { return };
    let said = |text: &str| {
        let messages = format!(r#"[{{"role":"user","content":"{text}"}}]"#);
        format!(r#"{{"model":"tiny","messages":{messages}}}"#).into_bytes()
    };
    let table: Vec<(Vec<u8>, &str)> = vec![
        (said(r"a\u0000b"), "a\0b"),
        (said(r"a\ud83d"), "a\u{fffd}"),
        (said(r"\ud83d\ude00"), "\u{1f600}"),
        (chat(r#""unknown":{"a":[1e308,null]},"unknown":7"#), "hi"),
        (chat(r#""temperature":-0.0"#), "hi"),
        (chat(r#""temperature":1e-400"#), "hi"),
        (chat(r#""max_tokens":99999999999"#), "hi"),
        (chat(r#""n":7,"n":1"#), "hi"),
    ];
    for (body, expect) in table {
        for kind in ["application/json", "application/json; charset=utf-8", "text/plain", ""] {
            let answer = send(&host, CHAT, kind.as_bytes(), &body).await;
            assert_eq!(answer.status, 200, "{}: {}", shown(&body), answer.text);
            let said: Value = answer.json()["choices"][0]["message"]["content"].clone();
            assert_eq!(said, expect, "{}", shown(&body));
        }
    }
}

#[tokio::test]
async fn forms_that_cannot_be_are_refused_by_name() {
    let Some(host) = Host::hearing(|_| {}).await else { return };
    let part = |head: &[u8], value: &[u8]| {
        [b"--b\r\ncontent-disposition: form-data; ", head, b"\r\n\r\n", value, b"\r\n--b--\r\n"]
            .concat()
    };
    let with = |name: &str, value: &[u8]| {
        let head = format!("name=\"{name}\"");
        let last = [
            b"--b\r\ncontent-disposition: form-data; name=file; filename=a\r\n\r\n",
            &crate::speech::wav(&[true])[..],
            b"\r\n--b\r\ncontent-disposition: form-data; name=model\r\n\r\nscribe\r\n",
        ]
        .concat();
        [last, part(head.as_bytes(), value)].concat()
    };
    let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
    let table: Vec<(&[u8], Vec<u8>, &str)> = vec![
        (b"application/json", b"{}".to_vec(), "multipart/form-data"),
        (b"text/plain", b"x".to_vec(), "multipart/form-data"),
        (b"multipart/form-data", b"--b--".to_vec(), "boundary"),
        (b"multipart/form-data; boundary=", b"--b--".to_vec(), "form"),
        (b"multipart/form-data; boundary=\xff\xfe", b"--b--".to_vec(), "boundary"),
        (b"multipart/mixed; boundary=b", b"--b--".to_vec(), "multipart/form-data"),
        (KIND, b"".to_vec(), "form"),
        (KIND, b"{}".to_vec(), "form"),
        (KIND, b"--b".to_vec(), "form"),
        (KIND, b"--b\r\n\r\n".to_vec(), "form"),
        (KIND, b"--b--\r\n".to_vec(), "`model` and `file`"),
        (KIND, part(b"name=\"prompt\"", b"\xff\xfe"), "`prompt` is no UTF-8"),
        (KIND, part(b"name=\"model\"", b"\xed\xa0\x80"), "`model` is no UTF-8"),
        (KIND, part(b"name=\"\xff\"", b"x"), ""),
        (KIND, part(b"name=\"model\"", b"a\0b"), "`file`"),
        (KIND, with("model", b"a\0b"), ""),
        (KIND, with("temperature", b"NaN"), "`temperature`"),
        (KIND, with("temperature", b"1e400"), "`temperature`"),
        (KIND, with("temperature", b"\0"), "`temperature`"),
        (KIND, with("response_format", b"\0"), "`response_format`"),
        (KIND, with("language", b"\0"), ""),
        (KIND, with("kwargs", b"{"), "`kwargs`"),
        (KIND, with("kwargs", b"[]"), "`kwargs`"),
        (KIND, with("kwargs", b"{\"a\":1e400}"), "`kwargs`"),
        (KIND, with("kwargs", deep.as_bytes()), "`kwargs`"),
        (KIND, with("file", b"x"), "`file` comes twice"),
    ];
    let mut faults = Vec::new();
    for (kind, body, part) in table {
        faults.extend(fault(&send(&host, HEAR, kind, &body).await, &body, part));
    }
    check(&faults);
}
