//! One kept connection that costs as little as it can, so that the host is what is measured.

use std::net::SocketAddr;

use anyhow::{Context as _, bail};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// A kept connection.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(64 << 10) })
    }

    /// Sends a prepared request and returns the length of the answer's body.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> anyhow::Result<usize> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        loop {
            if let Some(body) = whole(&self.buffer)? {
                return Ok(body);
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the host closed the connection");
            }
        }
    }

    /// The JSON body of the last answer.
    pub(crate) fn json(&self) -> anyhow::Result<Value> {
        let body = find(&self.buffer, b"\r\n\r\n").map(|head| head + 4).unwrap_or_default();
        serde_json::from_slice(self.buffer.get(body..).unwrap_or_default())
            .context("the answer is no JSON")
    }

    /// The bytes of the last answer.
    pub(crate) fn answer(&self) -> &[u8] {
        &self.buffer
    }
}

/// A request with a JSON body, or one without any.
pub(crate) fn request(method: &str, path: &str, body: Option<&Value>) -> Vec<u8> {
    let body = body.map(Value::to_string).unwrap_or_default();
    format!(
        "{method} {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// The length of the body, once the whole answer is there.
pub(crate) fn whole(answer: &[u8]) -> anyhow::Result<Option<usize>> {
    let Some(head) = find(answer, b"\r\n\r\n") else { return Ok(None) };
    let head_text = String::from_utf8_lossy(answer.get(..head).unwrap_or_default());
    if !head_text.starts_with("HTTP/1.1 200") {
        let body = String::from_utf8_lossy(answer.get(head..).unwrap_or_default());
        bail!("{}: {}", head_text.lines().next().unwrap_or_default(), body.trim());
    }
    let body = answer.len() - head - 4;
    let whole = match content_length(&head_text) {
        Some(length) => body >= length,
        None => answer.ends_with(b"\r\n0\r\n\r\n"),
    };
    Ok(whole.then_some(body))
}

fn content_length(head: &str) -> Option<usize> {
    head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    })
}

fn find(bytes: &[u8], pattern: &[u8]) -> Option<usize> {
    bytes.windows(pattern.len()).position(|window| window == pattern)
}
