//! The loop between the session, the engine and its workers.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use engine_ipc::Closed;
use engine_protocol::{
    EngineError, ErrorCode, Event, EventKind, FromEngine, RequestId, ToEngine, WorkerStats,
};

use crate::engine::Engine;
use crate::link::{Link, Outlet};
use crate::load::load;
use crate::pool::{Report, Sink};
use crate::worker::News;

/// The host takes a worker for hung that is silent for as long as it is configured to wait, which is
/// five seconds at the least.
const BEAT: Duration = Duration::from_millis(400);
/// Inputs that may wait for the loop, which takes each in a moment.
const INPUTS: usize = 64;
/// Inputs taken before work is given out.
const AT_ONCE: usize = 256;
/// Loading is reported in steps of this size.
const PROGRESS: f32 = 0.01;

/// What wakes the loop.
enum Input {
    Message(ToEngine),
    Report(Report<News>),
    Closed,
}

/// The way to the host.
struct Port {
    outlet: Outlet,
    beaten: Instant,
}

impl Port {
    fn send(&self, message: FromEngine) -> Result<(), Closed> {
        (self.outlet)(message)
    }

    /// Tells the host that the loop is alive, if that is due.
    fn beat(&mut self, stats: WorkerStats) -> Result<(), Closed> {
        if self.beaten.elapsed() < BEAT {
            return Ok(());
        }
        self.beaten = Instant::now();
        self.send(FromEngine::Heartbeat(stats))
    }

    /// Sends a failure that is all there is to say on a request.
    fn refuse(&self, request: RequestId, error: EngineError) -> Result<(), Closed> {
        let kind = EventKind::Failed(error);
        self.send(FromEngine::Step(vec![Event { request, sequence: 0, kind }]))
    }
}

/// Serves a session: loads what the first message says, then transcribes until the host goes away
/// or asks for the end.
///
/// # Errors
/// The model cannot be loaded, and the host has been told; or the engine can go on no longer.
pub fn run(link: impl Link) -> Result<(), EngineError> {
    let mut port = Port { outlet: link.outlet(), beaten: Instant::now() };
    let (inputs, from) = sync_channel(INPUTS);
    let reports = inputs.clone();
    read(link, inputs)?;
    let Some(engine) = start(&mut port, &from, reports)? else { return Ok(()) };
    // Where the host is gone there is nobody to tell.
    transcribe(&mut port, &from, engine).unwrap_or(Ok(()))
}

/// Passes the host's messages on, from a thread of their own.
fn read(link: impl Link, inputs: SyncSender<Input>) -> Result<(), EngineError> {
    let read = move || {
        while let Some(message) = link.recv() {
            if inputs.send(Input::Message(message)).is_err() {
                return;
            }
        }
        let _ = inputs.send(Input::Closed);
    };
    let started = thread::Builder::new().name("messages".into()).spawn(read);
    started.map(drop).map_err(|error| {
        EngineError::new(ErrorCode::Internal, format!("a thread cannot be started: {error}"))
    })
}

/// Loads the model; `None`: the session is over.
fn start(
    port: &mut Port,
    inputs: &Receiver<Input>,
    reports: SyncSender<Input>,
) -> Result<Option<Engine>, EngineError> {
    let request = loop {
        match inputs.recv() {
            Err(_) | Ok(Input::Closed | Input::Message(ToEngine::Shutdown)) => return Ok(None),
            Ok(Input::Message(ToEngine::Load(request))) => break request,
            Ok(Input::Message(message)) => {
                let error = EngineError::new(ErrorCode::Invalid, "no model is loaded yet");
                if refuse(port, message, &error).is_err() {
                    return Ok(None);
                }
            }
            Ok(Input::Report(_)) => {}
        }
    };
    let mut reported = -PROGRESS;
    let mut progress = |fraction: f32| {
        if fraction - reported >= PROGRESS {
            reported = fraction;
            // Without a host the process is ended from outside.
            let _ = port.send(FromEngine::Loading { fraction });
        }
        let _ = port.beat(WorkerStats::default());
    };
    let loaded = match load(&request, &mut progress) {
        Ok(loaded) => loaded,
        Err(error) => {
            let _ = port.send(FromEngine::LoadFailed(error.clone()));
            return Err(error);
        }
    };
    let sink: Sink<News> = Arc::new(move |report| reports.send(Input::Report(report)).is_ok());
    let engine = Engine::new(loaded, sink);
    if port.send(FromEngine::Loaded(engine.loaded().clone())).is_err() {
        return Ok(None);
    }
    Ok(Some(engine))
}

/// Transcribes; the outer error says that the host is gone.
fn transcribe(
    port: &mut Port,
    inputs: &Receiver<Input>,
    mut engine: Engine,
) -> Result<Result<(), EngineError>, Closed> {
    loop {
        let mut next = match inputs.recv_timeout(BEAT) {
            Ok(input) => Some(input),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return Err(Closed),
        };
        let mut taken = 0;
        while let Some(input) = next {
            match input {
                Input::Report(report) => engine.report(report),
                Input::Message(ToEngine::Transcribe(transcribe)) => engine.open(*transcribe),
                Input::Message(ToEngine::Audio(audio)) => engine.audio(&audio),
                Input::Message(ToEngine::Cancel { request }) => engine.cancel(request),
                Input::Message(ToEngine::Shutdown) => return Ok(Ok(())),
                Input::Message(message) => {
                    let text = "the whisper engine runs speech models: it transcribes, and does \
                                nothing else";
                    refuse(port, message, &EngineError::new(ErrorCode::Unsupported, text))?;
                }
                Input::Closed => return Err(Closed),
            }
            taken += 1;
            next = if taken < AT_ONCE { inputs.try_recv().ok() } else { None };
        }
        engine.watch();
        engine.dispatch();
        let events = engine.take_events();
        if !events.is_empty() {
            port.send(FromEngine::Step(events))?;
        }
        port.beat(engine.stats())?;
        if let Some(fault) = engine.fault() {
            return Ok(Err(fault));
        }
    }
}

/// Answers a message that cannot be served.
fn refuse(port: &Port, message: ToEngine, error: &EngineError) -> Result<(), Closed> {
    match message {
        ToEngine::Generate(generate) => port.refuse(generate.request, error.clone()),
        ToEngine::Transcribe(transcribe) => port.refuse(transcribe.request, error.clone()),
        ToEngine::Tokenize(tokenize) => {
            let (request, tokens) = (tokenize.request, Err(error.clone()));
            port.send(FromEngine::Tokens { request, tokens })
        }
        ToEngine::Hello(_) | ToEngine::Load(_) => {
            tracing::error!("the host repeated a message that comes once; ignored");
            Ok(())
        }
        ToEngine::Audio(_) | ToEngine::Cancel { .. } | ToEngine::Shutdown => Ok(()),
    }
}
