//! The engine's loop.

use std::{
    collections::VecDeque,
    fs,
    io::Write,
    thread,
    time::{Duration, Instant},
};

use engine_ipc::{Closed, Received, Session};
use engine_protocol::{
    EngineError, ErrorCode, Event, EventKind, Finish, FromEngine, Generate, Load, LoadSettings,
    LoadedModel, RequestId, ToEngine, Transcribe, WorkerStats,
};

use crate::{
    arguments::Arguments,
    recording::Recording,
    request::{Mischief, Request},
    tokens::{VOCABULARY, tokenize},
};

/// How often the loop shows that it is alive.
const HEARTBEAT: Duration = Duration::from_millis(250);
/// Steps without a pause between them share a write, but no more of them than this: whoever reads
/// a long answer is to see it grow.
const STEPS_A_WRITE: u64 = 32;
/// How often a slow start reports progress.
const PROGRESS: Duration = Duration::from_millis(20);

/// Why the loop ends; neither is a failure.
enum Over {
    /// The host wants so.
    Shutdown,
    /// The host is gone.
    Closed,
}

impl From<Closed> for Over {
    fn from(Closed: Closed) -> Self {
        Self::Closed
    }
}

/// The scripted engine.
pub(crate) struct Engine {
    session: Session,
    arguments: Arguments,
    settings: LoadSettings,
    /// Requests at work.
    running: Vec<Request>,
    /// Requests that wait for a place.
    waiting: VecDeque<Request>,
    /// Recordings, oldest first; those beyond the places that are free wait.
    recordings: Vec<Recording>,
    stats: WorkerStats,
    next_heartbeat: Instant,
}

impl Engine {
    pub(crate) fn new(session: Session, arguments: Arguments) -> Self {
        Self {
            session,
            arguments,
            settings: LoadSettings::default(),
            running: Vec::new(),
            waiting: VecDeque::new(),
            recordings: Vec::new(),
            stats: WorkerStats::default(),
            next_heartbeat: Instant::now(),
        }
    }

    /// Runs until the host is gone or says so.
    pub(crate) fn run(mut self) -> Result<(), EngineError> {
        if self.arguments.show_environment {
            for (name, _) in std::env::vars_os() {
                say(&format!("environment: {}", name.to_string_lossy()));
            }
        }
        let Some(ToEngine::Load(load)) = self.session.recv() else {
            return Err(EngineError::new(
                ErrorCode::Internal,
                "the host did not begin with `load`",
            ));
        };
        match self.load(*load) {
            Ok(true) => {}
            Ok(false) | Err(Over::Shutdown | Over::Closed) => return Ok(()),
        }
        loop {
            if let Err(Over::Shutdown | Over::Closed) = self.turn() {
                return Ok(());
            }
        }
    }

    /// Pretends to load; false: that failed.
    fn load(&mut self, load: Load) -> Result<bool, Over> {
        let crash_once = self.arguments.crash_once.take();
        if self.arguments.crash_on_load
            || crash_once.is_some_and(|file| fs::remove_file(file).is_ok())
        {
            crash("the fake engine crashes while it loads, as told");
        }
        let begin = Instant::now();
        let whole = Duration::from_millis(self.arguments.slow_start);
        while begin.elapsed() < whole {
            let fraction = begin.elapsed().as_secs_f32() / whole.as_secs_f32();
            self.session.send(&FromEngine::Loading { fraction })?;
            match self.session.recv_timeout(PROGRESS.min(whole)) {
                Received::Message(ToEngine::Shutdown) => return Err(Over::Shutdown),
                Received::Message(_) | Received::Nothing => {}
                Received::Closed => return Err(Over::Closed),
            }
        }
        if let Some(text) = self.arguments.load_fails.take() {
            let error = EngineError::new(ErrorCode::LoadFailed, text);
            self.session.send(&FromEngine::LoadFailed(error))?;
            return Ok(false);
        }
        self.settings = load.settings;
        if let Some(parallel) = self.arguments.parallel {
            self.settings.parallel = parallel;
        }
        let settings = &mut self.settings;
        settings.parallel = settings.parallel.max(1);
        if settings.context_length == 0 {
            settings.context_length = self.arguments.context;
        }
        if settings.kv_tokens == 0 {
            settings.kv_tokens = settings.context_length;
        }
        self.stats.kv_total = settings.kv_tokens;
        self.session.send(&FromEngine::Loaded(LoadedModel {
            context_length: settings.context_length,
            kv_tokens: settings.kv_tokens,
            parallel: settings.parallel,
            parameters: u64::from(VOCABULARY),
            weight_bytes: fs::metadata(&load.path).map_or(0, |file| file.len()),
            devices: vec!["fake".into()],
        }))?;
        Ok(true)
    }

    /// Takes what has come, and makes one step.
    fn turn(&mut self) -> Result<(), Over> {
        let mut received = self.wait();
        loop {
            match received {
                Received::Message(message) => self.take(message)?,
                Received::Nothing => break,
                Received::Closed => return Err(Over::Closed),
            }
            received = self.session.try_recv();
        }
        self.step()?;
        let now = Instant::now();
        if now >= self.next_heartbeat {
            self.next_heartbeat = now + HEARTBEAT;
            self.session.send(&FromEngine::Heartbeat(self.stats()))?;
        }
        Ok(())
    }

    /// Waits until a message comes, a token is due, or the heartbeat.
    fn wait(&self) -> Received {
        let recordings = self.recordings.iter().take(self.free());
        let recordings = recordings.filter(|recording| recording.has_work());
        let due = self.running.iter().map(|request| request.due);
        let due = due.chain(recordings.map(|recording| recording.due)).min();
        let next = due.map_or(self.next_heartbeat, |due| due.min(self.next_heartbeat));
        match next.checked_duration_since(Instant::now()) {
            Some(left) if !left.is_zero() => match self.session.flush() {
                Ok(()) => self.session.recv_timeout(left),
                Err(Closed) => Received::Closed,
            },
            _ => self.session.try_recv(),
        }
    }

    fn take(&mut self, message: ToEngine) -> Result<(), Over> {
        match message {
            ToEngine::Generate(generate) => self.begin(&generate)?,
            ToEngine::Tokenize(asked) => {
                let tokens = Ok(tokenize(&asked.prompt));
                self.session.send(&FromEngine::Tokens { request: asked.request, tokens })?;
            }
            ToEngine::Transcribe(asked) => self.listen(*asked)?,
            ToEngine::Audio(audio) => {
                // A recording that has ended may still be on its way.
                let recordings = &mut self.recordings;
                if let Some(recording) = recordings.iter_mut().find(|r| r.id == audio.request) {
                    recording.take(&audio);
                }
            }
            ToEngine::Cancel { request } => self.cancel(request)?,
            ToEngine::Shutdown => return Err(Over::Shutdown),
            // A second greeting or load has no meaning.
            ToEngine::Hello(_) | ToEngine::Load(_) => {}
        }
        Ok(())
    }

    fn begin(&mut self, generate: &Generate) -> Result<(), Over> {
        let adapters: Vec<_> = self.settings.lora.iter().map(|lora| lora.name.clone()).collect();
        let interval = Duration::from_micros(self.arguments.token_interval_us);
        let request = Request::new(generate, self.settings.context_length, interval, &adapters);
        let full = self.waiting.len() >= self.settings.queue as usize;
        let error = match request {
            Ok(request) if self.has_place() => {
                self.admit(request);
                return Ok(());
            }
            Ok(request) if !full => {
                self.waiting.push_back(request);
                return Ok(());
            }
            Ok(_) => self.overloaded(),
            Err(error) => error,
        };
        self.refuse(generate.request, error)
    }

    fn listen(&mut self, asked: Transcribe) -> Result<(), Over> {
        let request = asked.request;
        let interval = Duration::from_micros(self.arguments.token_interval_us);
        let limit = self.free() + self.settings.queue as usize;
        let error = match Recording::new(asked, interval) {
            Ok(recording) if self.recordings.len() < limit => {
                self.recordings.push(recording);
                return Ok(());
            }
            Ok(_) => self.overloaded(),
            Err(error) => error,
        };
        self.refuse(request, error)
    }

    fn overloaded(&self) -> EngineError {
        EngineError {
            retry_after: Some(1),
            ..EngineError::new(
                ErrorCode::Overloaded,
                format!("{} requests wait already, the queue's limit", self.settings.queue),
            )
        }
    }

    fn refuse(&self, request: RequestId, error: EngineError) -> Result<(), Over> {
        let event = Event { request, sequence: 0, kind: EventKind::Failed(error) };
        Ok(self.session.send(&FromEngine::Step(vec![event]))?)
    }

    fn has_place(&self) -> bool {
        self.running.len() < self.settings.parallel as usize
    }

    /// Places for recordings.
    fn free(&self) -> usize {
        (self.settings.parallel as usize).saturating_sub(self.running.len())
    }

    fn admit(&mut self, mut request: Request) {
        request.due = Instant::now();
        self.stats.prompt_tokens += u64::from(request.prompt_tokens);
        self.running.push(request);
    }

    fn cancel(&mut self, id: RequestId) -> Result<(), Over> {
        if let Some(at) = self.recordings.iter().position(|recording| recording.id == id) {
            let mut events = Vec::new();
            self.recordings.remove(at).finish(Finish::Cancelled, &mut events);
            return Ok(self.session.send(&FromEngine::Step(events))?);
        }
        let at = self.running.iter().position(|request| request.id == id);
        let waiting = self.waiting.iter().position(|request| request.id == id);
        let request = match (at, waiting) {
            (Some(at), _) => Some(self.running.swap_remove(at)),
            (None, Some(at)) => self.waiting.remove(at),
            (None, None) => None,
        };
        if let Some(request) = request {
            let mut events = Vec::new();
            request.finish(Finish::Cancelled, &mut events);
            self.session.send(&FromEngine::Step(events))?;
        }
        Ok(())
    }

    /// Says one token of every sequence that is due.
    fn step(&mut self) -> Result<(), Over> {
        while self.has_place()
            && let Some(request) = self.waiting.pop_front()
        {
            self.admit(request);
        }
        let now = Instant::now();
        let mut events = Vec::new();
        let (session, stats) = (&self.session, &mut self.stats);
        self.running.retain_mut(|request| {
            if request.due > now {
                return true;
            }
            if let Some(mischief) = request.mischief() {
                misbehave(session, mischief, std::mem::take(&mut events));
            }
            let (said, ended) = request.step(now, &mut events);
            stats.completion_tokens += u64::from(said);
            !ended
        });
        let mut free = self.free();
        let session = &self.session;
        self.recordings.retain_mut(|recording| {
            if free == 0 {
                return true;
            }
            free -= 1;
            if recording.due > now || !recording.has_work() {
                return true;
            }
            if let Some(mischief) = recording.mischief() {
                misbehave(session, mischief, std::mem::take(&mut events));
            }
            !recording.step(now, &mut events)
        });
        if !events.is_empty() {
            self.stats.steps += 1;
            self.session.feed(&FromEngine::Step(events))?;
            if self.stats.steps.is_multiple_of(STEPS_A_WRITE) {
                self.session.flush()?;
            }
        }
        Ok(())
    }

    fn stats(&self) -> WorkerStats {
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let heard = self.recordings.len().min(self.free());
        let sequences: u32 = self.running.iter().map(Request::running).sum();
        WorkerStats {
            running: sequences + count(heard),
            waiting: count(self.waiting.len() + self.recordings.len() - heard),
            kv_used: self.running.iter().map(Request::cells).fold(0, u32::saturating_add),
            ..self.stats
        }
    }
}

/// Does what a script wants, after what was said before has reached the host.
fn misbehave(session: &Session, mischief: Mischief, events: Vec<Event>) {
    // Without a host there is nobody to show it to.
    let _ = session.send(&FromEngine::Step(events)).and_then(|()| session.flush());
    match mischief {
        Mischief::Crash => crash("the fake engine crashes, as told"),
        Mischief::Hang => loop {
            thread::park();
        },
        // The first byte is one that MessagePack never uses.
        Mischief::Garbage => drop(session.send_raw(b"\xc1 garbage")),
    }
}

fn crash(text: &str) -> ! {
    say(&format!("fatal: {text}"));
    std::process::abort()
}

fn say(text: &str) {
    // A closed standard error is no reason to stop.
    let _ = writeln!(std::io::stderr(), "{text}");
}
