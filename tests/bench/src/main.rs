//! Prints the figures that the project promises: `cargo run --release --package bench`.
//!
//! The models are scripted ones behind `engine-fake`, which answers at once: what a request takes
//! is what gateway, family plugin and the way to the engine add, the engine's own part and the
//! loopback included.

mod connection;
mod driver;
mod gguf;
mod host;
mod load;
mod peer;

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use clap::Parser;

use crate::{host::Host, load::Summary};

/// Measures the host in `target/release`.
#[derive(Parser)]
struct Arguments {
    /// How long each load lasts, in seconds.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Connections that send requests at once.
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// A GGUF file to compare tokens per second on, with a peer that is installed.
    #[arg(long)]
    peer_model: Option<PathBuf>,
    /// A Python that has the peer's package.
    #[arg(long)]
    peer_python: Option<PathBuf>,
}

fn main() -> ExitCode {
    let result = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start the event loop")
        .and_then(|runtime| runtime.block_on(run(&Arguments::parse())));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where even standard error is gone, the exit code alone has to do.
            let _ = writeln!(io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let time = Duration::from_secs(arguments.seconds);
    let folder = tempfile::tempdir()?;

    // The first start compiles the plugins into the cache; the ones after it find them there.
    let (first, cold) = Host::start(folder.path()).await?;
    let begun = Instant::now();
    first.families().await?;
    let compiled = cold + begun.elapsed();
    first.stop().await?;
    let mut starts = Vec::new();
    for _ in 0..5 {
        let (host, start) = Host::start(folder.path()).await?;
        host.stop().await?;
        starts.push(start);
    }
    starts.sort();
    let warm = starts.get(starts.len() / 2).copied().unwrap_or(cold);
    say("start to listening, cold cache", &milliseconds(cold), "")?;
    say("start to all families, cold cache", &milliseconds(compiled), "")?;
    say("start to listening, warm cache", &milliseconds(warm), "below 300 ms")?;

    let (host, _) = Host::start(folder.path()).await?;
    host.ready().await?;
    let families = host.families().await?;
    let idle = host.memory()?;
    say(&format!("idle memory, {families} families"), &megabytes(idle), "below 50 MB")?;

    let (nothing, chat) = (load::nothing(), load::chat());
    // Warms connections, instance pools and branch predictors.
    load::saturate(&host, &chat, arguments.connections, Duration::from_secs(1)).await?;
    let full = load::saturate(&host, &chat, arguments.connections, time).await?;
    say("saturating rate", &format!("{:.0} chats/s", full.rate()), "")?;
    for (what, part, promise) in [
        ("chat at a quarter of it", 0.25, None),
        ("chat at half of it", 0.5, Some("p99 below 1 ms")),
        ("chat at three quarters of it", 0.75, None),
    ] {
        describe(what, &load::at_rate(&host, &chat, full.rate() * part, time).await?, promise)?;
    }
    // What this load and the machine cost without a model, to be seen beside the line above.
    let control = load::at_rate(&host, &nothing, full.rate() / 2.0, time).await?;
    describe("GET /health at half of it", &control, None)?;
    let alone = load::saturate(&host, &chat, 1, Duration::from_secs(1)).await?;
    describe("chat, one at a time", &alone, None)?;
    let empty = load::saturate(&host, &nothing, 1, Duration::from_secs(1)).await?;
    describe("GET /health, one at a time", &empty, None)?;
    let tokens = load::stream_tokens(&host, arguments.connections, time).await?;
    say("streamed", &format!("{tokens:.0} tokens/s"), "")?;
    say("memory after all that", &megabytes(host.memory()?), "")?;
    host.stop().await?;

    let (model, python) = (arguments.peer_model.as_deref(), arguments.peer_python.as_deref());
    let comparison = peer::compare(model, python, folder.path(), time).await?;
    say("beside a peer", &comparison, "")
}

fn describe(what: &str, summary: &Summary, promise: Option<&str>) -> anyhow::Result<()> {
    let missed = match summary.missed() {
        0 => String::new(),
        missed => format!(", {missed} missed"),
    };
    let text = format!(
        "p50 {}  p90 {}  p99 {}  max {}  ({} requests, {:.0}/s{missed})",
        milliseconds(summary.percentile(0.50)),
        milliseconds(summary.percentile(0.90)),
        milliseconds(summary.percentile(0.99)),
        milliseconds(summary.percentile(1.0)),
        summary.count(),
        summary.rate(),
    );
    say(what, &text, promise.unwrap_or_default())
}

fn say(what: &str, figure: &str, promise: &str) -> anyhow::Result<()> {
    let promise = if promise.is_empty() { String::new() } else { format!("  [{promise}]") };
    writeln!(io::stdout(), "{what:<34}{figure}{promise}").context("cannot print")
}

fn milliseconds(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1000.0)
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}
