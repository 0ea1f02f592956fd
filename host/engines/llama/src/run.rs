//! The loop between the session and the engine.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use engine_ipc::Received;
use engine_protocol::{
    EngineError, ErrorCode, Event, EventKind, FromEngine, Load, RequestId, ToEngine, WorkerStats,
};

use crate::engine::Engine;
use crate::link::Link;

/// The host takes a worker for hung that is silent for as long as it is configured to wait, which
/// is five seconds at the least.
const BEAT: Duration = Duration::from_millis(400);
/// How often a step looks at the session.
const GLANCE: Duration = Duration::from_millis(20);
/// How often the loop looks for what other threads have made ready.
const POLL: Duration = Duration::from_millis(1);
/// Messages taken in while a step runs; the session holds the rest.
const MOST_PULLED: usize = 256;
/// Progress is reported in steps of this size.
const PROGRESS: f32 = 0.01;

/// The session, and what the loop and the pulse inside of a step share.
struct Port {
    link: Box<dyn Link>,
    inbox: RefCell<VecDeque<ToEngine>>,
    closed: Cell<bool>,
    beat: Cell<Instant>,
    glance: Cell<Instant>,
    stats: Cell<WorkerStats>,
}

impl Port {
    fn new(link: Box<dyn Link>) -> Self {
        let now = Instant::now();
        Self {
            link,
            inbox: RefCell::default(),
            closed: Cell::new(false),
            beat: Cell::new(now),
            glance: Cell::new(now),
            stats: Cell::default(),
        }
    }

    fn send(&self, message: FromEngine) {
        if self.link.send(message).is_err() {
            self.closed.set(true);
        }
    }

    fn keep(&self, received: Received) -> bool {
        match received {
            Received::Message(message) => {
                self.inbox.borrow_mut().push_back(message);
                true
            }
            Received::Nothing => false,
            Received::Closed => {
                self.closed.set(true);
                false
            }
        }
    }

    fn pull(&self) {
        while self.inbox.borrow().len() < MOST_PULLED && self.keep(self.link.try_recv()) {}
    }

    fn next(&self) -> Option<ToEngine> {
        self.inbox.borrow_mut().pop_front()
    }

    /// Tells the host that this thread is alive, if that is due.
    fn beat(&self) {
        if self.beat.get().elapsed() >= BEAT {
            self.beat.set(Instant::now());
            self.send(FromEngine::Heartbeat(self.stats.get()));
        }
    }

    /// Called all the time while the network runs; `true` ends the step.
    fn pulse(&self) -> bool {
        if self.glance.get().elapsed() < GLANCE {
            return false;
        }
        self.glance.set(Instant::now());
        self.beat();
        self.pull();
        self.ends()
    }

    /// Whether the engine is to end.
    fn ends(&self) -> bool {
        self.closed.get()
            || self.inbox.borrow().iter().any(|message| matches!(message, ToEngine::Shutdown))
    }
}

/// Serves a session: loads what the first message says, then generates until the host goes away
/// or asks for the end. `trials` is the program that tries constraints out, if any.
///
/// # Errors
/// The model cannot be loaded, and the host has been told.
pub fn run(link: impl Link + 'static, trials: Option<PathBuf>) -> Result<(), EngineError> {
    let port = Rc::new(Port::new(Box::new(link)));
    let request = loop {
        match port.link.recv() {
            None | Some(ToEngine::Shutdown) => return Ok(()),
            Some(ToEngine::Load(request)) => break request,
            Some(message) => refuse(&port, message),
        }
    };
    let engine = match load(&port, &request) {
        Ok(engine) => engine,
        // It was loading that the end of the session has stopped.
        Err(_) if port.ends() => return Ok(()),
        Err(error) => {
            port.send(FromEngine::LoadFailed(error.clone()));
            return Err(error);
        }
    };
    port.send(FromEngine::Loaded(engine.loaded().clone()));
    let engine = match trials {
        Some(program) => engine.with_trials(program, &request.path),
        None => engine,
    };
    generate(&port, engine);
    Ok(())
}

fn load(port: &Rc<Port>, request: &Load) -> Result<Engine, EngineError> {
    let mut reported = -PROGRESS;
    let mut progress = |fraction: f32| {
        if fraction - reported >= PROGRESS {
            reported = fraction;
            port.send(FromEngine::Loading { fraction });
        }
        !port.pulse()
    };
    let pulse = Rc::clone(port);
    Engine::load(request, &mut progress, Some(Box::new(move || pulse.pulse())))
}

fn generate(port: &Port, mut engine: Engine) {
    port.stats.set(engine.stats());
    loop {
        port.pull();
        while let Some(message) = port.next() {
            match message {
                ToEngine::Generate(generate) => engine.submit(generate),
                ToEngine::Tokenize(tokenize) => engine.tokenize(tokenize),
                ToEngine::Transcribe(transcribe) => refuse_speech(port, transcribe.request),
                // Of a recording that was refused.
                ToEngine::Audio(_) => {}
                ToEngine::Cancel { request } => engine.cancel(request),
                ToEngine::Shutdown => return,
                ToEngine::Hello(_) | ToEngine::Load(_) => {
                    tracing::error!("the host repeated a message that comes once; ignored");
                }
            }
        }
        engine.step();
        port.stats.set(engine.stats());
        for message in engine.take_output() {
            port.send(message);
        }
        port.beat();
        if port.closed.get() || engine.is_stopped() {
            return;
        }
        if engine.is_idle() {
            let wait = if engine.is_preparing() { POLL } else { BEAT };
            port.keep(port.link.recv_timeout(wait));
        }
    }
}

/// Answers a request that only a speech model could serve.
fn refuse_speech(port: &Port, request: RequestId) {
    let error = EngineError::new(
        ErrorCode::Unsupported,
        "the llama engine runs language models: it cannot transcribe speech",
    );
    port.send(FromEngine::Step(vec![Event {
        request,
        sequence: 0,
        kind: EventKind::Failed(error),
    }]));
}

/// Answers what comes before there is a model.
fn refuse(port: &Port, message: ToEngine) {
    let error = || EngineError::new(ErrorCode::Invalid, "no model is loaded yet");
    match message {
        ToEngine::Generate(generate) => {
            let kind = EventKind::Failed(error());
            let request = generate.request;
            let event = Event { request, sequence: 0, kind };
            port.send(FromEngine::Step(vec![event]));
        }
        ToEngine::Tokenize(tokenize) => {
            let request = tokenize.request;
            port.send(FromEngine::Tokens { request, tokens: Err(error()) });
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

    use engine_ipc::Closed;

    use super::*;

    struct Wire {
        incoming: Receiver<ToEngine>,
        outgoing: SyncSender<FromEngine>,
    }

    impl Link for Wire {
        fn recv_timeout(&self, limit: Duration) -> Received {
            self.incoming.recv_timeout(limit).map_or(Received::Nothing, Received::Message)
        }

        fn try_recv(&self) -> Received {
            self.incoming.try_recv().map_or(Received::Nothing, Received::Message)
        }

        fn send(&self, message: FromEngine) -> Result<(), Closed> {
            self.outgoing.try_send(message).map_err(|_| Closed)
        }
    }

    fn port() -> (Port, SyncSender<ToEngine>, Receiver<FromEngine>) {
        let (to, incoming) = sync_channel(8);
        let (outgoing, from) = sync_channel(8);
        let port = Port::new(Box::new(Wire { incoming, outgoing }));
        // As if a step had been running for a second.
        let past = Instant::now().checked_sub(Duration::from_secs(1)).unwrap();
        port.beat.set(past);
        port.glance.set(past);
        (port, to, from)
    }

    #[test]
    fn a_long_step_still_beats() {
        let (port, _to, from) = port();
        assert!(!port.pulse());
        assert!(matches!(from.try_recv(), Ok(FromEngine::Heartbeat(_))));
        // And not more often than is due.
        assert!(!port.pulse());
        assert!(from.try_recv().is_err());
    }

    #[test]
    fn a_long_step_ends_when_the_engine_is_to_end_and_loses_no_message() {
        let (port, to, _from) = port();
        to.send(ToEngine::Cancel { request: 7 }).unwrap();
        to.send(ToEngine::Shutdown).unwrap();
        assert!(port.pulse());
        assert_eq!(port.next(), Some(ToEngine::Cancel { request: 7 }));
        assert_eq!(port.next(), Some(ToEngine::Shutdown));
    }

    #[test]
    fn a_long_step_ends_with_its_host() {
        let (port, _to, from) = port();
        drop(from);
        assert!(port.pulse());
    }
}
