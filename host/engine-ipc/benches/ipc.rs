//! What a session costs: round trips and streamed events, in time and in processor time of both
//! ends together.
//!
//! `cargo bench -p engine-ipc` prints the figures. Both ends run in this process, on threads of
//! their own, as they would in two.

use std::{
    fs,
    time::{Duration, Instant},
};

use engine_ipc::{HostSession, Listener, Received, Session};
use engine_protocol::{Event, EventKind, FromEngine, Hello, ToEngine, WorkerStats};
use tokio::runtime::Builder;

/// Events of the streaming cases.
const EVENTS: u64 = 2_000_000;
/// Round trips one after another.
const ROUND_TRIPS: u64 = 100_000;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let dir = tempfile::TempDir::new()?;
    let path = dir.path().join("run/socket");
    let runtime = Builder::new_current_thread().enable_all().build()?;
    for (name, in_flight) in [("one at a time", 1), ("16 in flight", 16)] {
        let listener = runtime.block_on(async { Listener::bind(&path) })?;
        let engine = spawn(&path, echo);
        let cost = runtime.block_on(async {
            let mut session = listener.accept(&Hello::new("host", "1"), PATIENCE).await?;
            round_trips(&mut session, in_flight).await
        })?;
        join(engine)?;
        report(&format!("round trip, {name}"), ROUND_TRIPS, &cost)?;
    }
    for per_step in [1, 16] {
        let listener = runtime.block_on(async { Listener::bind(&path) })?;
        let engine = spawn(&path, move |session| stream(session, per_step));
        let cost = runtime.block_on(async {
            let mut session = listener.accept(&Hello::new("host", "1"), PATIENCE).await?;
            drain(&mut session).await
        })?;
        join(engine)?;
        report(&format!("streamed event, {per_step} in a step"), EVENTS, &cost)?;
    }
    Ok(())
}

const PATIENCE: Duration = Duration::from_secs(30);

type Engine = std::thread::JoinHandle<std::process::ExitCode>;

fn spawn(path: &std::path::Path, run: impl FnOnce(&Session) + Send + 'static) -> Engine {
    let path = path.to_owned();
    std::thread::spawn(move || {
        engine_ipc::serve_with(&Hello::new("bench", "1"), &path, |session| {
            run(&session);
            Ok(())
        })
    })
}

fn join(engine: Engine) -> Result<(), Failure> {
    engine.join().map(drop).map_err(|_| "the engine's thread panicked".into())
}

/// Answers each message with one.
fn echo(session: &Session) {
    while let Some(ToEngine::Cancel { request }) = session.recv() {
        let stats = WorkerStats { steps: request, ..WorkerStats::default() };
        if session.send(&FromEngine::Heartbeat(stats)).is_err() {
            return;
        }
    }
}

/// Streams events as fast as they are taken.
fn stream(session: &Session, per_step: u64) {
    for step in 0..EVENTS / per_step {
        let events = (0..per_step)
            .map(|request| Event {
                request: step + request,
                sequence: 0,
                kind: EventKind::Text { text: " token".into(), tokens: 1, logprobs: vec![] },
            })
            .collect();
        if session.send(&FromEngine::Step(events)).is_err()
            || session.try_recv() == Received::Closed
        {
            return;
        }
    }
}

async fn round_trips(session: &mut HostSession, in_flight: u64) -> Result<Cost, Failure> {
    let start = Start::now()?;
    for round in 0..ROUND_TRIPS / in_flight {
        for request in 0..in_flight {
            session.sender.feed(&ToEngine::Cancel { request: round + request }).await?;
        }
        session.sender.flush().await?;
        for _ in 0..in_flight {
            session.receiver.next().await.ok_or("the engine is gone")??;
        }
    }
    let cost = start.cost()?;
    session.sender.send(&ToEngine::Shutdown).await?;
    Ok(cost)
}

async fn drain(session: &mut HostSession) -> Result<Cost, Failure> {
    let start = Start::now()?;
    let mut events = 0;
    while let Some(message) = session.receiver.next().await {
        if let FromEngine::Step(step) = message? {
            events += step.len() as u64;
        }
    }
    if events < EVENTS {
        return Err(format!("{events} of {EVENTS} events have come").into());
    }
    start.cost()
}

struct Start {
    wall: Instant,
    processor: Duration,
}

struct Cost {
    wall: Duration,
    processor: Duration,
}

impl Start {
    fn now() -> Result<Self, Failure> {
        Ok(Self { processor: processor_time()?, wall: Instant::now() })
    }

    fn cost(self) -> Result<Cost, Failure> {
        let processor = processor_time()?.saturating_sub(self.processor);
        Ok(Cost { wall: self.wall.elapsed(), processor })
    }
}

/// Processor time of this process, user and system, to a hundredth of a second.
fn processor_time() -> Result<Duration, Failure> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The fields behind the program's name, which may hold spaces; times are the 12th and 13th.
    let fields = stat.rsplit_once(')').ok_or("no name")?.1.split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).map(str::parse::<u64>).sum::<Result<_, _>>()?;
    Ok(Duration::from_millis(ticks * 10))
}

fn report(name: &str, count: u64, cost: &Cost) -> Result<(), Failure> {
    use std::io::Write;
    let each = |time: Duration| time.as_secs_f64() * 1e6 / count as f64;
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{name:32} {:7.2} us, {:7.2} us of processor time",
        each(cost.wall),
        each(cost.processor)
    )?;
    Ok(())
}
