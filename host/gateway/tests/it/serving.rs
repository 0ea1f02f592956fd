//! Connections: how they end, and what happens to those who vanish.

use std::time::Duration;

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
};

use crate::host::Host;

struct Served {
    host: Host,
    address: std::net::SocketAddr,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<std::io::Result<()>>,
}

async fn serve(drain: Duration, change: impl FnOnce(&mut gateway::Options)) -> Option<Served> {
    let host = Host::start_with(change).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let app = host.app.clone();
    let shutdown = async {
        let _ = stopped.await;
    };
    let ended = tokio::spawn(gateway::serve(listener, app, shutdown, drain));
    Some(Served { host, address, stop, ended })
}

async fn ask(address: std::net::SocketAddr, text: &str) -> TcpStream {
    let body = json!({"model": "tiny", "stream": true,
        "messages": [{"role": "user", "content": text}]})
    .to_string();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body.as_bytes()).await.unwrap();
    stream
}

/// Reads until the answer holds a text.
async fn read_until(stream: &mut TcpStream, part: &str) -> String {
    let mut all = String::new();
    let mut buffer = [0; 4096];
    while !all.contains(part) {
        let count = stream.read(&mut buffer).await.unwrap();
        assert_ne!(count, 0, "`{part}` is not in:\n{all}");
        all.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
    }
    all
}

/// Waits until no sequence is being generated for the model.
async fn idle(host: &Host) {
    let idle = async {
        while host.inference.model("tiny").unwrap().replicas.iter().any(|r| r.in_flight > 0) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), idle).await.expect("the request goes on");
}

const ENDLESS: &str = r#"{"fake": {"text": "on and ", "tokens": 1000000, "delay_us": 1000}}"#;

#[tokio::test]
async fn a_client_that_vanishes_ends_its_request() {
    let Some(served) = serve(Duration::from_secs(5), |_| {}).await else { return };
    let mut stream = ask(served.address, ENDLESS).await;
    read_until(&mut stream, "on ").await;
    drop(stream);
    idle(&served.host).await;
    served.stop.send(()).unwrap();
    served.ended.await.unwrap().unwrap();
}

#[tokio::test]
async fn what_runs_may_end_while_the_server_drains() {
    let Some(served) = serve(Duration::from_secs(20), |_| {}).await else { return };
    let text = r#"{"fake": {"text": "a b c d e f", "delay_us": 50000}}"#;
    let mut stream = ask(served.address, text).await;
    read_until(&mut stream, "a ").await;
    served.stop.send(()).unwrap();
    let rest = read_until(&mut stream, "[DONE]").await;
    assert!(rest.contains("\"stop\""), "{rest}");
    served.ended.await.unwrap().unwrap();
    assert!(TcpStream::connect(served.address).await.is_err());
}

#[tokio::test]
async fn what_does_not_end_in_time_ends_with_an_error() {
    let Some(served) = serve(Duration::from_millis(200), |_| {}).await else { return };
    let mut stream = ask(served.address, ENDLESS).await;
    read_until(&mut stream, "on ").await;
    served.stop.send(()).unwrap();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.unwrap();
    assert!(rest.contains("shutting_down") && !rest.contains("[DONE]"), "{rest}");
    assert!(rest.ends_with("\r\n0\r\n\r\n"), "{rest}");
    served.ended.await.unwrap().unwrap();
    idle(&served.host).await;
}

#[tokio::test]
async fn more_connections_than_places_are_told_so() {
    let few = |options: &mut gateway::Options| options.max_connections = 1;
    let Some(served) = serve(Duration::from_secs(5), few).await else { return };
    let mut first = TcpStream::connect(served.address).await.unwrap();
    first.write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    read_until(&mut first, "\"ok\"").await;
    let mut second = TcpStream::connect(served.address).await.unwrap();
    let refused = read_until(&mut second, "too many connections").await;
    assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
    served.stop.send(()).unwrap();
    served.ended.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_head_that_does_not_come_is_not_waited_for() {
    let soon = |options: &mut gateway::Options| options.head_timeout = Duration::from_millis(300);
    let Some(served) = serve(Duration::from_secs(5), soon).await else { return };
    let start = "GET /health HTTP/1.1\r\nhost: localhost\r\n";
    // One that sends nothing, one that stops, and one that sends a byte from time to time.
    for (sent, drips) in [("", false), (start, false), (start, true)] {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        stream.write_all(sent.as_bytes()).await.unwrap();
        let (mut near, mut far) = stream.into_split();
        let dripping = tokio::spawn(async move {
            while drips && far.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            // What is not dropped does not end the connection.
            std::future::pending::<()>().await;
            drop(far);
        });
        let mut answer = Vec::new();
        let ended = near.read_to_end(&mut answer);
        let ended = tokio::time::timeout(Duration::from_secs(20), ended).await;
        ended.expect("the connection is kept").ok();
        assert!(!answer.starts_with(b"HTTP/1.1 200"), "{answer:?}");
        dripping.abort();
    }
    let mut other = TcpStream::connect(served.address).await.unwrap();
    other.write_all(format!("{start}\r\n").as_bytes()).await.unwrap();
    read_until(&mut other, "\"ok\"").await;
    served.stop.send(()).unwrap();
    served.ended.await.unwrap().unwrap();
}

#[tokio::test]
async fn too_many_headers_are_refused() {
    let Some(served) = serve(Duration::from_secs(5), |_| {}).await else { return };
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    let many = "x-many: y\r\n".repeat(500);
    let head = format!("GET /health HTTP/1.1\r\nhost: localhost\r\n{many}\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let refused = read_until(&mut stream, "HTTP/1.1 431").await;
    assert!(refused.starts_with("HTTP/1.1 431"), "{refused}");
    served.stop.send(()).unwrap();
    served.ended.await.unwrap().unwrap();
}

/// A chat whose head announces a body of so many bytes.
fn head(length: usize, more: &str) -> String {
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\n{more}content-length: {length}\r\n\r\n"
    )
}

#[tokio::test]
async fn who_sends_too_much_is_told_so_and_may_ask_again() {
    let small = |options: &mut gateway::Options| options.body_limit = 1000;
    let Some(served) = serve(Duration::from_secs(5), small).await else { return };
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    let length = 4 << 20;
    stream.write_all(head(length, "").as_bytes()).await.unwrap();
    // The answer is there before anything has been sent.
    let refused = read_until(&mut stream, "body_too_large").await;
    assert!(refused.starts_with("HTTP/1.1 413"), "{refused}");
    stream.write_all(&vec![b' '; length]).await.unwrap();
    stream.write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    read_until(&mut stream, "\"ok\"").await;
    served.stop.send(()).unwrap();
    served.ended.await.unwrap().unwrap();
}

#[tokio::test]
async fn who_asks_before_sending_too_much_is_not_asked_to_send() {
    let small = |options: &mut gateway::Options| options.body_limit = 1000;
    let Some(served) = serve(Duration::from_secs(5), small).await else { return };
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    let head = head(1 << 40, "expect: 100-continue\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    served.stop.send(()).unwrap();
    served.ended.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_body_within_the_limit_is_asked_for() {
    let Some(served) = serve(Duration::from_secs(5), |_| {}).await else { return };
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(head(2, "expect: 100-continue\r\n").as_bytes()).await.unwrap();
    let asked = read_until(&mut stream, "\r\n\r\n").await;
    assert!(asked.starts_with("HTTP/1.1 100"), "{asked}");
    stream.write_all(b"{}").await.unwrap();
    read_until(&mut stream, "`model`").await;
    served.stop.send(()).unwrap();
    served.ended.await.unwrap().unwrap();
}
