//! Loads: as fast as possible, and at a given rate.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use tokio::{task::JoinSet, time::Instant};

use crate::{
    connection::{Connection, request},
    host::{Host, MODEL, script},
};

/// How long requests took.
pub(crate) struct Summary {
    /// In rising order.
    times: Vec<Duration>,
    lasted: Duration,
}

impl Summary {
    fn new(mut times: Vec<Duration>, lasted: Duration) -> Self {
        times.sort_unstable();
        Self { times, lasted }
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
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..connections {
        let request = Arc::clone(request);
        let mut connection = Connection::open(host.address).await?;
        tasks.spawn(async move {
            let mut times = Vec::new();
            while start.elapsed() < time {
                let sent = Instant::now();
                connection.exchange(&request).await?;
                times.push(sent.elapsed());
            }
            anyhow::Ok(times)
        });
    }
    collect(tasks, start).await
}

/// Requests leave on a schedule, whether or not earlier ones are answered.
///
/// Times count from the schedule: a host that stalls is charged for everyone who waits.
pub(crate) async fn at_rate(
    host: &Host,
    request: &Arc<[u8]>,
    rate: f64,
    time: Duration,
) -> anyhow::Result<Summary> {
    const CONNECTIONS: u32 = 16;
    let gap = Duration::from_secs_f64(f64::from(CONNECTIONS) / rate.max(1.0));
    let start = Instant::now() + Duration::from_millis(20);
    let mut tasks = JoinSet::new();
    for at in 0..CONNECTIONS {
        let request = Arc::clone(request);
        let mut connection = Connection::open(host.address).await?;
        let mut due = start + gap * at / CONNECTIONS;
        tasks.spawn(async move {
            let mut times = Vec::new();
            while due < start + time {
                // A connection that is late because the last answer was is charged for it; one that
                // the timer woke late is not.
                let idle = Instant::now() < due;
                sleep_finely(due).await?;
                let sent = if idle { Instant::now() } else { due };
                connection.exchange(&request).await?;
                times.push(sent.elapsed());
                due += gap;
            }
            anyhow::Ok(times)
        });
    }
    collect(tasks, start).await
}

/// Waits on a thread of its own: the event loop's timers go by whole milliseconds, and would let
/// requests leave in bunches.
async fn sleep_finely(due: Instant) -> anyhow::Result<()> {
    let wait = due.saturating_duration_since(Instant::now());
    if !wait.is_zero() {
        tokio::task::spawn_blocking(move || std::thread::sleep(wait)).await?;
    }
    Ok(())
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

async fn collect(
    mut tasks: JoinSet<anyhow::Result<Vec<Duration>>>,
    start: Instant,
) -> anyhow::Result<Summary> {
    let mut times = Vec::new();
    while let Some(done) = tasks.join_next().await {
        times.extend(done??);
    }
    Ok(Summary::new(times, start.elapsed()))
}
