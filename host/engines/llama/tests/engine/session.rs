//! The loop, as the host sees it.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::thread::{JoinHandle, spawn};
use std::time::{Duration, Instant};

use engine_ipc::{Closed, Received};
use engine_llama::{Link, run};
use engine_protocol::{
    EngineError, EventKind, Finish, FromEngine, Generate, Load, Sampling, ToEngine, Tokenize,
};

use crate::support::{generate, greedy, prompt, settings, tiny_model};

/// A session without a socket.
struct Wire {
    incoming: Mutex<Receiver<ToEngine>>,
    outgoing: SyncSender<FromEngine>,
}

impl Link for Wire {
    fn recv_timeout(&self, limit: Duration) -> Received {
        match self.incoming.lock().unwrap().recv_timeout(limit) {
            Ok(message) => Received::Message(message),
            Err(RecvTimeoutError::Timeout) => Received::Nothing,
            Err(RecvTimeoutError::Disconnected) => Received::Closed,
        }
    }

    fn try_recv(&self) -> Received {
        match self.incoming.lock().unwrap().try_recv() {
            Ok(message) => Received::Message(message),
            Err(TryRecvError::Empty) => Received::Nothing,
            Err(TryRecvError::Disconnected) => Received::Closed,
        }
    }

    fn send(&self, message: FromEngine) -> Result<(), Closed> {
        self.outgoing.send(message).map_err(|_| Closed)
    }
}

struct Host {
    to: Option<SyncSender<ToEngine>>,
    from: Receiver<FromEngine>,
    engine: JoinHandle<Result<(), EngineError>>,
    folder: tempfile::TempDir,
}

impl Host {
    fn start() -> Self {
        let (to, incoming) = sync_channel(64);
        let (outgoing, from) = sync_channel(1 << 16);
        let (folder, _) = tiny_model();
        let engine = spawn(move || run(Wire { incoming: Mutex::new(incoming), outgoing }, None));
        Self { to: Some(to), from, engine, folder }
    }

    fn loaded() -> Self {
        let host = Self::start();
        host.load("tiny.gguf");
        let mut fractions = Vec::new();
        let loaded = loop {
            match host.next() {
                FromEngine::Loading { fraction } => fractions.push(fraction),
                FromEngine::Loaded(loaded) => break loaded,
                FromEngine::Heartbeat(_) => {}
                other => panic!("{other:?}"),
            }
        };
        assert!(!fractions.is_empty() && fractions.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(loaded.context_length, crate::support::CONTEXT);
        assert!(loaded.parameters > 10_000 && loaded.weight_bytes > 40_000);
        assert!(loaded.devices.iter().any(|device| device.contains("CPU")), "{loaded:?}");
        host
    }

    fn load(&self, file: &str) {
        let path = self.folder.path().join(file).to_str().unwrap().to_owned();
        self.say(ToEngine::Load(Box::new(Load { path, settings: settings() })));
    }

    fn say(&self, message: ToEngine) {
        self.to.as_ref().unwrap().send(message).unwrap();
    }

    fn next(&self) -> FromEngine {
        self.from.recv_timeout(Duration::from_mins(1)).unwrap()
    }

    /// Reads until a sequence of a request ends.
    fn end(&self, request: u64) -> EventKind {
        loop {
            let FromEngine::Step(events) = self.next() else { continue };
            for event in events {
                let ends = matches!(event.kind, EventKind::Finished { .. } | EventKind::Failed(_));
                if event.request == request && ends {
                    return event.kind;
                }
            }
        }
    }

    fn ends(self) -> Result<(), EngineError> {
        let begun = Instant::now();
        while !self.engine.is_finished() {
            assert!(begun.elapsed() < Duration::from_secs(20), "the engine goes on");
            let _ = self.from.recv_timeout(Duration::from_millis(5));
        }
        self.engine.join().unwrap()
    }
}

#[test]
fn a_session_loads_generates_tokenizes_and_ends() {
    let host = Host::loaded();
    host.say(ToEngine::Tokenize(Tokenize { request: 1, prompt: prompt("the") }));
    host.say(ToEngine::Generate(Box::new(generate(2, "the", 5))));
    let tokens = loop {
        match host.next() {
            FromEngine::Tokens { request: 1, tokens } => break tokens.unwrap(),
            FromEngine::Heartbeat(_) | FromEngine::Step(_) => {}
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(tokens[0], 1);
    host.say(ToEngine::Generate(Box::new(generate(3, "the", 5))));
    assert!(matches!(host.end(3), EventKind::Finished { .. }));
    host.say(ToEngine::Shutdown);
    host.ends().unwrap();
}

#[test]
fn a_long_text_is_tokenized_on_another_thread() {
    let host = Host::loaded();
    let text = "the hand ".repeat(20_000);
    host.say(ToEngine::Tokenize(Tokenize { request: 1, prompt: prompt(&text) }));
    loop {
        if let FromEngine::Tokens { request: 1, tokens } = host.next() {
            assert!(tokens.unwrap().len() > 20_000);
            break;
        }
    }
    host.say(ToEngine::Shutdown);
    host.ends().unwrap();
}

#[test]
fn an_idle_engine_shows_that_it_is_alive() {
    let host = Host::loaded();
    let begun = Instant::now();
    let mut beats = 0;
    while beats < 3 {
        if let FromEngine::Heartbeat(stats) = host.next() {
            assert!(stats.kv_total > 0 || beats == 0);
            beats += 1;
        }
    }
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    host.say(ToEngine::Shutdown);
    host.ends().unwrap();
}

#[test]
fn a_model_that_cannot_be_loaded_ends_the_engine() {
    let host = Host::start();
    host.load("missing.gguf");
    let FromEngine::LoadFailed(error) = host.next() else { panic!("not refused") };
    assert!(error.message.contains("missing.gguf"), "{error}");
    assert_eq!(host.ends().unwrap_err(), error);
}

#[test]
fn nothing_runs_before_a_model_is_loaded() {
    let host = Host::start();
    host.say(ToEngine::Generate(Box::new(generate(1, "the", 5))));
    assert!(matches!(host.end(1), EventKind::Failed(_)));
    host.say(ToEngine::Shutdown);
    host.ends().unwrap();
}

fn endless(request: u64) -> ToEngine {
    let sampling = Sampling { ignore_eos: true, ..greedy() };
    ToEngine::Generate(Box::new(Generate {
        sampling,
        max_tokens: None,
        ..generate(request, "the", 0)
    }))
}

#[test]
fn cancelling_ends_a_request_and_leaves_the_others() {
    let host = Host::loaded();
    host.say(endless(1));
    host.say(endless(2));
    host.say(ToEngine::Cancel { request: 1 });
    let EventKind::Finished { reason, .. } = host.end(1) else { panic!("failed") };
    assert_eq!(reason, Finish::Cancelled);
    let EventKind::Finished { reason, .. } = host.end(2) else { panic!("failed") };
    assert_eq!(reason, Finish::Length);
    host.say(ToEngine::Shutdown);
    host.ends().unwrap();
}

#[test]
fn the_engine_ends_with_its_host() {
    let mut host = Host::loaded();
    host.say(endless(1));
    host.to = None;
    host.ends().unwrap();
}
