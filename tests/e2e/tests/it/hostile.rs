//! Bodies, clients and connections that mean no good.

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::host::Setup;

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_refused_by_name_and_never_a_fault_of_ours() {
    let host = Setup::new().fake("fake").start().await;
    let message = json!([{"role": "user", "content": "hi"}]);
    let check = async |body: Value, part: &str| {
        let (status, reply) = host.post("/v1/chat/completions", &body).await;
        assert!((400..500).contains(&status), "{status} {reply} for {body}");
        let detail = reply["detail"].as_str().unwrap_or_default();
        assert!(detail.contains(part), "`{detail}` does not name `{part}`");
        assert_eq!(reply["error"]["message"], reply["detail"], "{reply}");
    };
    check(json!({"messages": message}), "model").await;
    check(json!({"model": "fake"}), "messages").await;
    check(json!({"model": "fake", "messages": []}), "prompt").await;
    check(json!({"model": "fake", "messages": "hi"}), "messages").await;
    check(json!({"model": "fake", "messages": [{"role": "king", "content": "x"}]}), "role").await;
    check(json!({"model": "fake", "messages": message, "temperature": -1}), "temperature").await;
    check(json!({"model": "fake", "messages": message, "temperature": "hot"}), "temperature").await;
    check(json!({"model": "fake", "messages": message, "n": 1000}), "n").await;
    check(json!({"model": "fake", "messages": message, "top_p": 3}), "top_p").await;
    check(json!({"model": "fake", "messages": message, "max_tokens": -4}), "max_tokens").await;
    check(json!({"model": "nobody", "messages": message}), "nobody").await;
    let deep = (0..55).fold(json!({}), |inner, _| json!({"properties": {"a": inner}}));
    let format = json!({"type": "json_schema", "json_schema": {"name": "x", "schema": deep}});
    check(
        json!({"model": "fake", "messages": message, "response_format": format}),
        "response_format",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_forty_megabytes_is_refused_and_the_host_goes_on() {
    let host = Setup::new().fake("fake").start().await;
    let huge = "x".repeat(40 << 20);
    let body = json!({"model": "fake", "messages": [{"role": "user", "content": huge}]});
    let sent = reqwest::Client::new()
        .post(format!("{}/v1/chat/completions", host.url))
        .json(&body)
        .send()
        .await;
    // The host may close the connection before all of it is sent, which some clients see first.
    if let Ok(response) = sent {
        assert_eq!(response.status().as_u16(), 413);
    }
    let body = json!({"model": "fake", "messages": [{"role": "user", "content": "hi"}]});
    assert_eq!(host.post("/v1/chat/completions", &body).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn half_requests_and_vanishing_clients_leave_nothing_behind() {
    let host = Setup::new().fake("fake").start().await;
    let address = host.url.trim_start_matches("http://").to_owned();
    let body = json!({
        "model": "fake", "stream": true, "max_tokens": 4000, "messages": [{"role": "user",
            "content": "{\"fake\":{\"text\":\"word \",\"tokens\":4000,\"delay_us\":2000}}"}],
    })
    .to_string();
    for round in 0..40 {
        let mut socket = TcpStream::connect(&address).await.unwrap();
        let head = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: {address}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        socket.write_all(head.as_bytes()).await.unwrap();
        if round % 2 == 0 {
            // Half a body, and gone.
            socket.write_all(&body.as_bytes()[..body.len() / 2]).await.unwrap();
        } else {
            // A stream that nobody reads to its end.
            socket.write_all(body.as_bytes()).await.unwrap();
            let mut first = [0; 64];
            assert!(socket.read(&mut first).await.unwrap() > 0);
        }
    }
    host.until("no sequence runs any more", async || {
        let metrics = host.client.metrics().await.unwrap();
        let running: Vec<_> = metrics
            .lines()
            .filter(|line| line.starts_with("modelhost_running_sequences"))
            .collect();
        assert!(!running.is_empty(), "the gauge is gone:\n{metrics}");
        running.iter().all(|line| line.ends_with(" 0"))
    })
    .await;
    let body = json!({"model": "fake", "messages": [{"role": "user", "content": "hi"}]});
    assert_eq!(host.post("/v1/chat/completions", &body).await.0, 200);
}
