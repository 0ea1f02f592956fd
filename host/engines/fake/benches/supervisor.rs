//! What the supervisor and the session add to a request, with the fake engine as a real process.
//!
//! `cargo bench -p engine-fake` prints the figures; processor time is the host's alone.

use std::{
    fs,
    io::Write,
    time::{Duration, Instant},
};

use engine_protocol::{EventKind, Generate, Load, LoadSettings, Prompt, PromptPart, Sampling};
use futures::future::try_join_all;
use model::ModelUid;
use supervisor::{Options, Supervisor, WorkerSpec};

type Failure = Box<dyn std::error::Error>;

/// Short requests, one after another.
const REQUESTS: usize = 20_000;
/// Streams side by side, and tokens in each.
const STREAMS: u32 = 16;
const TOKENS: u32 = 20_000;

fn main() -> Result<(), Failure> {
    let dir = tempfile::TempDir::new()?;
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let options = Options { runtime_dir: dir.path().into(), ..Options::default() };
        let supervisor = Supervisor::new(options)?;
        let uid: ModelUid = "fake".parse()?;
        let load = Load { path: "fake.gguf".into(), settings: LoadSettings::default() };
        let spec = WorkerSpec::new(uid.clone(), env!("CARGO_BIN_EXE_engine-fake"), load);
        supervisor.launch(spec)?;
        supervisor.ready(&uid).await?;
        latency(&supervisor, &uid).await?;
        streams(&supervisor, &uid).await?;
        supervisor.shutdown(Duration::from_secs(5)).await;
        Ok(())
    })
}

async fn latency(supervisor: &Supervisor, uid: &ModelUid) -> Result<(), Failure> {
    let before = processor_time()?;
    let mut times = Vec::with_capacity(REQUESTS);
    for _ in 0..REQUESTS {
        let start = Instant::now();
        count(supervisor, uid, "one").await?;
        times.push(start.elapsed());
    }
    let processor = processor_time()?.saturating_sub(before);
    times.sort_unstable();
    let at = |percent: usize| times.get(times.len() * percent / 100).copied().unwrap_or_default();
    writeln!(
        std::io::stdout(),
        "a request of one token: p50 {:?}, p99 {:?}, {:?} of processor time",
        at(50),
        at(99),
        processor / u32::try_from(REQUESTS)?
    )?;
    Ok(())
}

async fn streams(supervisor: &Supervisor, uid: &ModelUid) -> Result<(), Failure> {
    let script = format!(r#"{{"fake": {{"text": "token ", "tokens": {TOKENS}, "delay_us": 50}}}}"#);
    let before = processor_time()?;
    let start = Instant::now();
    let all = try_join_all((0..STREAMS).map(|_| count(supervisor, uid, &script))).await?;
    let (wall, processor) = (start.elapsed(), processor_time()?.saturating_sub(before));
    let events: u32 = all.iter().sum();
    writeln!(
        std::io::stdout(),
        "{STREAMS} streams: {:.0} events/s, {:?} of processor time for each",
        f64::from(events) / wall.as_secs_f64(),
        processor / events.max(1)
    )?;
    Ok(())
}

/// Runs a request; returns how many events it had.
async fn count(supervisor: &Supervisor, uid: &ModelUid, text: &str) -> Result<u32, Failure> {
    let generate = Generate {
        request: 0,
        prompt: Prompt { parts: vec![PromptPart::Text(text.into())], ..Prompt::default() },
        sampling: Sampling::default(),
        sequences: 1,
        max_tokens: None,
        stop: vec![],
        stop_tokens: vec![],
        constraint: None,
        logprobs: None,
        lora: None,
        cache_salt: String::new(),
    };
    let mut generation = supervisor.generate(uid, generate).await?;
    let mut events = 0;
    while let Some(event) = generation.next().await {
        if let EventKind::Failed(error) = event.kind {
            return Err(error.into());
        }
        events += 1;
    }
    Ok(events)
}

/// Processor time of this process, user and system, to a hundredth of a second.
fn processor_time() -> Result<Duration, Failure> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The fields behind the program's name, which may hold spaces; times are the 12th and 13th.
    let fields = stat.rsplit_once(')').ok_or("no name")?.1.split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).map(str::parse::<u64>).sum::<Result<_, _>>()?;
    Ok(Duration::from_millis(ticks * 10))
}
