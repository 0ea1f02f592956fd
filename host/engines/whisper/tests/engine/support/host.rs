//! The host's side of a session that has no socket.

use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{JoinHandle, spawn};
use std::time::{Duration, Instant};

use engine_ipc::Closed;
use engine_protocol::{
    Audio, DecodedSegment, DecodingPlan, EngineError, EventKind, Finish, FromEngine, Load,
    LoadSettings, LoadedModel, RequestId, ToEngine, Transcribe,
};
use engine_whisper::{Link, Outlet, run};

use super::sound::pcm;

/// Nothing in these tests takes a minute.
const PATIENCE: Duration = Duration::from_mins(2);

/// A session without a socket.
struct Wire {
    incoming: Mutex<Receiver<ToEngine>>,
    outgoing: SyncSender<FromEngine>,
}

impl Link for Wire {
    fn outlet(&self) -> Outlet {
        let outgoing = self.outgoing.clone();
        Box::new(move |message| outgoing.send(message).map_err(|_| Closed))
    }

    fn recv(&self) -> Option<ToEngine> {
        self.incoming.lock().unwrap().recv().ok()
    }
}

/// What came of a recording.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) segments: Vec<DecodedSegment>,
    /// The times up to which everything was decoded, as they came.
    pub(crate) until: Vec<u32>,
    pub(crate) finish: Option<Finish>,
    pub(crate) tokens: u32,
    pub(crate) error: Option<EngineError>,
}

impl Outcome {
    fn is_over(&self) -> bool {
        self.finish.is_some() || self.error.is_some()
    }

    /// The bytes of all tokens.
    pub(crate) fn text(&self) -> String {
        let tokens = self.segments.iter().flat_map(|segment| &segment.tokens);
        let bytes: Vec<u8> = tokens.flat_map(|token| token.bytes.clone()).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Where the segments begin and end, in seconds.
    pub(crate) fn spans(&self) -> Vec<(f64, f64)> {
        let seconds = |ms: u32| f64::from(ms) / 1000.0;
        self.segments.iter().map(|s| (seconds(s.start_ms), seconds(s.end_ms))).collect()
    }
}

/// A host.
pub(crate) struct Host {
    to: SyncSender<ToEngine>,
    from: Receiver<FromEngine>,
    engine: JoinHandle<Result<(), EngineError>>,
    pub(crate) loaded: LoadedModel,
    outcomes: Vec<(RequestId, Outcome)>,
}

impl Host {
    /// Loads a model.
    pub(crate) fn start(path: &Path, settings: LoadSettings) -> Result<Self, EngineError> {
        let (to, incoming) = sync_channel(64);
        let (outgoing, from) = sync_channel(1 << 16);
        let engine = spawn(move || run(Wire { incoming: Mutex::new(incoming), outgoing }));
        let path = path.to_str().unwrap().to_owned();
        to.send(ToEngine::Load(Box::new(Load { path, settings }))).unwrap();
        let mut fractions = Vec::new();
        let loaded = loop {
            match from.recv_timeout(PATIENCE).unwrap() {
                FromEngine::Loading { fraction } => fractions.push(fraction),
                FromEngine::Heartbeat(_) => {}
                FromEngine::Loaded(loaded) => break loaded,
                FromEngine::LoadFailed(error) => {
                    assert_eq!(engine.join().unwrap().unwrap_err(), error);
                    return Err(error);
                }
                other => panic!("{other:?}"),
            }
        };
        assert!(!fractions.is_empty() && fractions.windows(2).all(|pair| pair[0] < pair[1]));
        Ok(Self { to, from, engine, loaded, outcomes: Vec::new() })
    }

    pub(crate) fn say(&self, message: ToEngine) {
        self.to.send(message).unwrap();
    }

    pub(crate) fn next(&self) -> FromEngine {
        self.from.recv_timeout(PATIENCE).unwrap()
    }

    /// Opens a recording.
    pub(crate) fn open(&mut self, request: RequestId, plan: DecodingPlan) {
        self.outcomes.push((request, Outcome::default()));
        self.say(ToEngine::Transcribe(Box::new(Transcribe { request, plan })));
    }

    /// Sends sound.
    pub(crate) fn send(&self, request: RequestId, samples: &[i16], last: bool) {
        // Pieces of a second and a bit, so that stretches and messages do not fall together.
        let mut pieces = samples.chunks(17_001).peekable();
        while let Some(piece) = pieces.next() {
            let last = last && pieces.peek().is_none();
            self.say(ToEngine::Audio(Audio { request, samples: pcm(piece), last }));
        }
        if last && samples.is_empty() {
            self.say(ToEngine::Audio(Audio { request, samples: Vec::new(), last: true }));
        }
    }

    /// Reads until every open recording has ended; gives them in the order of their ends.
    pub(crate) fn ends(&mut self) -> Vec<(RequestId, Outcome)> {
        self.ends_of(usize::MAX)
    }

    /// Reads until so many recordings have ended, or none is left.
    pub(crate) fn ends_of(&mut self, count: usize) -> Vec<(RequestId, Outcome)> {
        let begun = Instant::now();
        let mut ended = Vec::new();
        while !self.outcomes.is_empty() && ended.len() < count {
            assert!(begun.elapsed() < PATIENCE, "{:?} do not end", self.outcomes);
            let FromEngine::Step(events) = self.next() else { continue };
            for event in events {
                assert_eq!(event.sequence, 0);
                let at = self.outcomes.iter().position(|(request, _)| *request == event.request);
                let (_, outcome) = &mut self.outcomes[at.unwrap()];
                enter(outcome, event.kind);
                if outcome.is_over() {
                    ended.push(self.outcomes.remove(at.unwrap()));
                }
            }
        }
        ended
    }

    /// Transcribes one recording.
    pub(crate) fn transcribe(&mut self, plan: DecodingPlan, samples: &[i16]) -> Outcome {
        self.open(1, plan);
        self.send(1, samples, true);
        self.ends().remove(0).1
    }

    /// Ends the session.
    pub(crate) fn shut(self) -> Result<(), EngineError> {
        self.say(ToEngine::Shutdown);
        self.engine.join().unwrap()
    }

    /// Goes away.
    pub(crate) fn leave(self) -> Result<(), EngineError> {
        let Self { to, from, engine, .. } = self;
        drop((to, from));
        engine.join().unwrap()
    }
}

fn enter(outcome: &mut Outcome, kind: EventKind) {
    match kind {
        EventKind::Segments { segments, until_ms } => {
            assert!(outcome.until.last().is_none_or(|last| *last <= until_ms));
            for segment in &segments {
                assert!(segment.start_ms <= segment.end_ms, "{segment:?}");
                let before = outcome.segments.last().map_or(0, |before| before.start_ms);
                assert!(segment.start_ms >= before, "{segment:?} after {before}");
                assert!(segment.window_ms <= segment.end_ms, "{segment:?}");
                for token in &segment.tokens {
                    assert!(token.start_ms >= segment.start_ms && token.end_ms <= segment.end_ms);
                    assert!((0.0..=1.0).contains(&token.probability));
                }
            }
            outcome.segments.extend(segments);
            outcome.until.push(until_ms);
        }
        EventKind::Finished { reason, completion_tokens } => {
            outcome.finish = Some(reason);
            outcome.tokens = completion_tokens;
        }
        EventKind::Failed(error) => outcome.error = Some(error),
        other => panic!("{other:?}"),
    }
}
