//! Forms that come in pieces, in part, or not as forms.

use std::time::Duration;

use axum::{body::Body, http::Request};
use proptest::{prelude::*, test_runner::TestRunner};

use crate::{
    host::{Answer, Host},
    speech::wav,
};

const BOUNDARY: &str = "--x--";

/// A form in which everything comes that a form can have: fields, a file, lines like borders.
fn form() -> Vec<u8> {
    let mut form = format!(
        "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nscribe\r\n\
         --{BOUNDARY}\r\ncontent-disposition: form-data; name=\"note\"\r\n\r\n\r\n--{}\r\n--\r\n\
         --{BOUNDARY}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\
         content-type: audio/wav\r\n\r\n",
        &BOUNDARY[..BOUNDARY.len() - 1]
    )
    .into_bytes();
    form.extend_from_slice(&wav(&[true]));
    form.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    form
}

async fn send(host: &Host, kind: &[u8], body: Body) -> Answer {
    let request = Request::post("/v1/audio/transcriptions").header("content-type", kind);
    let answer = host.send(request.body(body).unwrap());
    tokio::time::timeout(Duration::from_secs(30), answer).await.expect("it hangs")
}

fn kind() -> Vec<u8> {
    format!("multipart/form-data; boundary=\"{BOUNDARY}\"").into_bytes()
}

/// Runs a property on many values, with a host that hears.
fn check<S: Strategy>(cases: u32, strategy: &S, property: impl Fn(&Host, S::Value) -> Answered<'_>)
where
    S::Value: std::fmt::Debug,
{
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let Some(host) = runtime.block_on(Host::hearing(|_| {})) else { return };
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) };
    let outcome = TestRunner::new(config).run(strategy, |value| {
        let Answered { send, least, most } = property(&host, value);
        let answer = runtime.block_on(send);
        let status = answer.status.as_u16();
        prop_assert!((least..=most).contains(&status), "{status}: {}", answer.text);
        if status < 400 {
            prop_assert_eq!(&answer.json()["text"], "second 1");
        } else {
            prop_assert!(!answer.json()["error"]["message"].as_str().unwrap().is_empty());
        }
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

/// A request on its way, and which statuses it may get.
struct Answered<'a> {
    send: std::pin::Pin<Box<dyn Future<Output = Answer> + 'a>>,
    least: u16,
    most: u16,
}

#[test]
fn a_form_means_the_same_however_it_is_cut() {
    let form = form();
    let heads = form.len() - wav(&[true]).len();
    // Most cuts go where the form has its structure.
    let cut = prop_oneof![3 => 0..heads, 1 => 0..form.len(), 1 => form.len() - 20..form.len()];
    let cuts = prop::collection::vec(cut, 0..60);
    check(60, &cuts, |host, mut cuts| {
        cuts.push(form.len());
        cuts.sort_unstable();
        let mut start = 0;
        let mut pieces = Vec::new();
        for end in cuts {
            pieces.push(Ok::<_, std::io::Error>(form[start..end].to_vec()));
            start = end;
        }
        let body = Body::from_stream(futures::stream::iter(pieces));
        Answered {
            send: Box::pin(async move { send(host, &kind(), body).await }),
            least: 200,
            most: 200,
        }
    });
}

#[test]
fn a_form_that_is_cut_short_is_refused() {
    let form = form();
    // Without the last line break it is still whole.
    let length = prop_oneof![0..form.len() - 4, 0..600_usize, form.len() - 30..form.len() - 4];
    check(80, &length, |host, length| {
        let body = Body::from(form[..length].to_vec());
        Answered {
            send: Box::pin(async move { send(host, &kind(), body).await }),
            least: 400,
            most: 422,
        }
    });
}

#[test]
fn a_form_with_a_wrong_byte_is_never_the_hosts_fault() {
    let form = form();
    let heads = form.len() - wav(&[true]).len();
    let changes = prop::collection::vec((0..heads, any::<u8>()), 1..4);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let Some(host) = runtime.block_on(Host::hearing(|_| {})) else { return };
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(120) };
    let outcome = TestRunner::new(config).run(&changes, |changes| {
        let mut body = form.clone();
        for (at, byte) in changes {
            body[at] = byte;
        }
        let answer = runtime.block_on(send(&host, &kind(), Body::from(body)));
        prop_assert!(answer.status.as_u16() < 500, "{}", answer.text);
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn absurd_boundaries_are_refused_or_followed() {
    let boundary = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..80),
        prop::collection::vec(prop::sample::select(b"-;\"= \\\t'x,".to_vec()), 0..20),
        Just(vec![b'-'; 70]),
        Just(vec![b'x'; 4000]),
    ];
    check(120, &(boundary, any::<bool>()), |host, (boundary, quoted)| {
        let quote = if quoted { "\"" } else { "" };
        let mut kind = format!("multipart/form-data; boundary={quote}").into_bytes();
        kind.extend_from_slice(&boundary);
        kind.extend_from_slice(quote.as_bytes());
        // What no header can hold no client can send.
        kind.retain(|byte| *byte == b'\t' || (*byte >= 32 && *byte != 127));
        let mut body = b"--".to_vec();
        body.extend_from_slice(&boundary);
        body.extend_from_slice(
            b"\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nx\r\n--",
        );
        body.extend_from_slice(&boundary);
        body.extend_from_slice(b"--\r\n");
        let body = Body::from(body);
        Answered {
            send: Box::pin(async move { send(host, &kind, body).await }),
            least: 400,
            most: 422,
        }
    });
}
