//! Loads: as fast as possible, and at a given rate.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use tokio::{task::JoinSet, time::Instant};

use crate::{
    connection::{Connection, request},
    driver::{Driver, Pace, Taken},
    host::{Host, MODEL, script},
};

/// How long requests took.
pub(crate) struct Summary {
    /// In rising order.
    times: Vec<Duration>,
    missed: u64,
    lasted: Duration,
}

impl Summary {
    fn new(taken: Taken) -> Self {
        let Taken { mut times, missed, lasted } = taken;
        times.sort_unstable();
        Self { times, missed, lasted }
    }

    /// Requests that the load itself was too late for.
    pub(crate) fn missed(&self) -> u64 {
        self.missed
    }

    pub(crate) fn count(&self) -> usize {
        self.times.len()
    }

    pub(crate) fn rate(&self) -> f64 {
        self.times.len() as f64 / self.lasted.as_secs_f64()
    }

    pub(crate) fn percentile(&self, part: f64) -> Duration {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a part of a length is an index"
        )]
        let at = (self.times.len().saturating_sub(1) as f64 * part).round() as usize;
        self.times.get(at).copied().unwrap_or_default()
    }
}

/// A short conversation.
pub(crate) fn chat() -> Arc<[u8]> {
    let messages = json!([
        {"role": "system", "content": "You are a helpful assistant."},
        {"role": "user", "content": script("Hello! How can I help you today?", None)},
    ]);
    let body = json!({"model": MODEL, "messages": messages, "max_tokens": 16});
    request("POST", "/v1/chat/completions", Some(&body)).into()
}

/// A request that no model and no plugin sees: what connection, HTTP and this load cost alone.
pub(crate) fn nothing() -> Arc<[u8]> {
    request("GET", "/health", None).into()
}

/// Each connection sends its next request when the last one is answered.
pub(crate) async fn saturate(
    host: &Host,
    request: &Arc<[u8]>,
    connections: usize,
    time: Duration,
) -> anyhow::Result<Summary> {
    drive(host, request, connections, Pace::Saturate, time).await
}

/// Requests leave on a schedule, whether or not earlier ones are answered.
///
/// One that finds no free connection is charged for its wait: a host that stalls pays for everyone
/// who waits. One whose time this load itself has missed does not leave: what the system gives to
/// others is not the host's doing.
pub(crate) async fn at_rate(
    host: &Host,
    request: &Arc<[u8]>,
    rate: f64,
    time: Duration,
) -> anyhow::Result<Summary> {
    const CONNECTIONS: usize = 64;
    let gap = Duration::from_secs_f64(1.0 / rate.max(1.0));
    drive(host, request, CONNECTIONS, Pace::Every(gap), time).await
}

async fn drive(
    host: &Host,
    request: &Arc<[u8]>,
    connections: usize,
    pace: Pace,
    time: Duration,
) -> anyhow::Result<Summary> {
    let (address, request) = (host.address, Arc::clone(request));
    let drive = move || Driver::open(address, &request, connections)?.run(pace, time);
    Ok(Summary::new(tokio::task::spawn_blocking(drive).await??))
}

/// Streams long answers on all connections and counts the tokens per second of them together.
pub(crate) async fn stream_tokens(
    host: &Host,
    connections: usize,
    time: Duration,
) -> anyhow::Result<f64> {
    let messages = json!([{"role": "user", "content": script("word ", Some(256))}]);
    let body = json!({"model": MODEL, "messages": messages, "max_tokens": 256, "stream": true});
    let request: Arc<[u8]> = request("POST", "/v1/chat/completions", Some(&body)).into();
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..connections {
        let request = Arc::clone(&request);
        let mut connection = Connection::open(host.address).await?;
        tasks.spawn(async move {
            let mut chunks = 0;
            while start.elapsed() < time {
                connection.exchange(&request).await?;
                chunks += connection.answer().windows(6).filter(|w| w == b"data: ").count();
            }
            anyhow::Ok(chunks)
        });
    }
    let mut chunks = 0;
    while let Some(done) = tasks.join_next().await {
        chunks += done??;
    }
    Ok(chunks as f64 / start.elapsed().as_secs_f64())
}
