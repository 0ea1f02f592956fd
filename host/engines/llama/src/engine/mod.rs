//! A model and all the sequences that run on it; one thread owns it and calls [`Engine::step`].

mod admission;
mod batch;

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine_protocol::{
    EngineError, ErrorCode, Event, EventKind, Finish, FromEngine, Generate, Load, LoadSettings,
    LoadedModel, RequestId, Tokenize, WorkerStats,
};

use crate::constraint::{Compiled, Follower, START, STEP_LIMIT, Trials, Workshop};
use crate::ledger::{Holder, Ledger};
use crate::load::{Model, load};
use crate::native::{Batch, Pulse};
use crate::pace::Pace;
use crate::pool::{Done, Job, Pool, work};
use crate::prefix::{Prefixes, Retained};
use crate::request::{Bounds, Preparer, Ready, is_long};
use crate::sampler::Candidates;
use crate::sequence::Sequence;
use crate::vocabulary::Vocabulary;

/// How long a grammar may take to compile before its request is given up.
const COMPILE_LIMIT: Duration = Duration::from_secs(10);
/// The weight of the newest interval between two requests that end.
const NEWEST: f64 = 0.2;

/// A model that generates for many requests at once.
pub struct Engine {
    model: Model,
    settings: LoadSettings,
    preparer: Arc<Preparer>,
    pool: Pool,
    preparing: HashMap<RequestId, Preparing>,
    workshop: Workshop<Ready, Arc<Compiled>>,
    follower: Follower,
    tokenizing: usize,
    waiting: VecDeque<Ready>,
    /// Sequences that were taken out of the KV cache to make room, the oldest first.
    parked: VecDeque<Sequence>,
    running: Vec<Sequence>,
    ledger: Ledger,
    prefixes: Prefixes,
    free_slots: Vec<u32>,
    /// The adapter that is applied, as a group.
    applied: usize,
    last_group: usize,
    pace: Pace,
    batch: Batch,
    candidates: Candidates,
    admitted: u64,
    drain: Drain,
    stats: WorkerStats,
    events: Vec<Event>,
    answers: Vec<FromEngine>,
    stopped: bool,
}

/// A request whose prompt is being tokenized.
struct Preparing {
    sequences: u32,
    /// Tells the thread that the request is still there.
    _alive: Arc<()>,
}

/// How fast requests end, for a client that has to come back.
#[derive(Default)]
struct Drain {
    interval: f64,
    last: Option<Instant>,
}

impl Drain {
    fn record(&mut self, now: Instant) {
        if let Some(last) = self.last.replace(now) {
            let interval = now.duration_since(last).as_secs_f64();
            self.interval += NEWEST * (interval - self.interval);
        }
    }

    /// Seconds until one of `queued` requests has left the queue.
    fn retry_after(&self) -> u32 {
        let seconds = Duration::try_from_secs_f64(self.interval.clamp(0.0, 60.0).ceil());
        seconds.map_or(1, |seconds| u32::try_from(seconds.as_secs()).unwrap_or(60)).clamp(1, 60)
    }
}

impl Engine {
    /// Loads a model. `pulse` is called while the network runs, and stops the step with `true`.
    ///
    /// # Errors
    /// Says why the model cannot run, with llama.cpp's complaint.
    pub fn load(
        request: &Load,
        progress: &mut dyn FnMut(f32) -> bool,
        pulse: Option<Box<dyn Fn() -> bool>>,
    ) -> Result<Self, EngineError> {
        let pulse: Option<Pulse> = pulse;
        let model = load(request, progress, pulse)?;
        let settings = request.settings.clone();
        let loaded = &model.loaded;
        let bounds = Bounds {
            context_length: usize::try_from(loaded.context_length).unwrap_or(usize::MAX),
            parallel: usize::try_from(loaded.parallel).unwrap_or(usize::MAX),
            adapters: model.names.clone(),
        };
        let preparer = Arc::new(Preparer::new(Arc::clone(&model.vocabulary), bounds));
        let places = usize::try_from(settings.queue.saturating_add(loaded.parallel));
        let places = places.unwrap_or(usize::MAX).min(1 << 16);
        let no_thread = |error: std::io::Error| {
            EngineError::new(ErrorCode::LoadFailed, format!("no thread can be started: {error}"))
        };
        let worker = Arc::clone(&preparer);
        let pool = Pool::new(move |job| work(&worker, job), places).map_err(no_thread)?;
        let compiler = Arc::clone(&preparer);
        let workshop = Workshop::new(move |constraint| compiler.compile(constraint), COMPILE_LIMIT);
        let follower = Follower::new().map_err(no_thread)?;
        let target = Duration::from_millis(u64::from(settings.step_target_ms.max(1)));
        Ok(Self {
            preparer,
            pool,
            preparing: HashMap::new(),
            workshop,
            follower,
            tokenizing: 0,
            waiting: VecDeque::new(),
            parked: VecDeque::new(),
            running: Vec::new(),
            ledger: Ledger::new(loaded.kv_tokens),
            prefixes: Prefixes::default(),
            free_slots: (0..model.slots).rev().collect(),
            applied: 0,
            last_group: 0,
            pace: Pace::new(target, model.batch),
            batch: Batch::default(),
            candidates: Candidates::new(),
            admitted: 0,
            drain: Drain::default(),
            stats: WorkerStats { kv_total: loaded.kv_tokens, ..WorkerStats::default() },
            events: Vec::new(),
            answers: Vec::new(),
            stopped: false,
            settings,
            model,
        })
    }

    /// Has constraints tried out by another process of an engine's program before they are compiled
    /// here.
    #[must_use]
    pub fn with_trials(mut self, program: PathBuf, model: &str) -> Self {
        self.preparer.try_out(Trials::new(program, model.into(), COMPILE_LIMIT));
        // A trial that has to wait for a core may take several times its limit.
        self.workshop.set_limit(START + 10 * COMPILE_LIMIT);
        self
    }

    /// What was loaded.
    pub fn loaded(&self) -> &LoadedModel {
        &self.model.loaded
    }

    /// The model's vocabulary.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.model.vocabulary
    }

    /// Whether a step would do nothing until something is submitted.
    pub fn is_idle(&self) -> bool {
        self.running.is_empty()
            && self.parked.is_empty()
            && self.waiting.is_empty()
            && self.events.is_empty()
            && self.answers.is_empty()
    }

    /// Whether something is being made ready on another thread, without a sign when it is.
    pub fn is_preparing(&self) -> bool {
        self.tokenizing > 0 || self.being_prepared() > 0
    }

    /// Whether the pulse has stopped a step; the engine is of no use from then on.
    pub fn is_stopped(&self) -> bool {
        self.stopped
    }

    fn being_prepared(&self) -> usize {
        self.preparing.len() + self.workshop.waiting()
    }

    /// The state for metrics.
    pub fn stats(&self) -> WorkerStats {
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        WorkerStats {
            running: count(self.running.iter().map(Sequence::seats).sum()),
            waiting: count(self.waiting.len() + self.parked.len() + self.being_prepared()),
            kv_used: count(self.ledger.used()),
            ..self.stats
        }
    }

    /// Takes what has been produced since the last call.
    pub fn take_output(&mut self) -> Vec<FromEngine> {
        let mut output = std::mem::take(&mut self.answers);
        if !self.events.is_empty() {
            output.push(FromEngine::Step(std::mem::take(&mut self.events)));
        }
        output
    }

    /// Takes up a request; a full queue refuses it at once.
    pub fn submit(&mut self, generate: Box<Generate>) {
        let request = generate.request;
        let known = self.preparing.contains_key(&request)
            || self.workshop.holds(request)
            || self.waiting.iter().any(|ready| ready.generate.request == request)
            || self.sequences().any(|sequence| sequence.request.id() == request);
        if known {
            tracing::error!(request, "the host used a request's number twice; ignored");
            return;
        }
        let count = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        let taken: usize = self.running.iter().map(Sequence::seats).sum();
        let seats = count(self.model.loaded.parallel).saturating_sub(taken);
        let waits = self.waiting.len() + self.parked.len() + self.being_prepared();
        // Who finds a free seat does not wait.
        if waits >= count(self.settings.queue).saturating_add(seats) {
            self.refuse(request, overloaded(waits, self.drain.retry_after()));
            return;
        }
        let sequences = generate.sequences;
        let alive = Arc::new(());
        if !is_long(&generate.prompt) {
            let ready = self.preparer.prepare(generate);
            self.constrain(request, ready);
        } else if self.pool.start(Job::Generate(generate, Arc::downgrade(&alive))) {
            self.preparing.insert(request, Preparing { sequences, _alive: alive });
        } else {
            self.refuse(request, overloaded(waits, self.drain.retry_after()));
        }
    }

    /// Tokenizes a prompt.
    pub fn tokenize(&mut self, tokenize: Tokenize) {
        let request = tokenize.request;
        if !is_long(&tokenize.prompt) {
            let tokens = self.preparer.tokenize(&tokenize.prompt);
            self.answers.push(FromEngine::Tokens { request, tokens });
        } else if self.pool.start(Job::Tokenize(tokenize)) {
            self.tokenizing += 1;
        } else {
            let tokens = Err(overloaded(self.tokenizing, 1));
            self.answers.push(FromEngine::Tokens { request, tokens });
        }
    }

    /// Ends a request; its cells are free when this returns.
    pub fn cancel(&mut self, request: RequestId) {
        if let Some(preparing) = self.preparing.remove(&request) {
            self.report_cancelled(request, 0..preparing.sequences);
        }
        if let Some(ready) = self.workshop.cancel(request) {
            self.report_cancelled(request, 0..ready.generate.sequences);
        }
        if let Some(at) = self.waiting.iter().position(|ready| ready.generate.request == request)
            && let Some(ready) = self.waiting.remove(at)
        {
            self.report_cancelled(request, 0..ready.generate.sequences);
        }
        for sequence in self.remove(request) {
            let reason = Finish::Cancelled;
            let completion_tokens = sequence.generated();
            self.events.push(sequence.event(EventKind::Finished { reason, completion_tokens }));
            self.report_cancelled(request, sequence.index + 1..=sequence.index + sequence.forks);
        }
    }

    fn report_cancelled(&mut self, request: RequestId, sequences: impl Iterator<Item = u32>) {
        for sequence in sequences {
            let kind = EventKind::Finished { reason: Finish::Cancelled, completion_tokens: 0 };
            self.events.push(Event { request, sequence, kind });
        }
    }

    /// One round: takes in what is ready, runs one batch, and reports what it brought.
    pub fn step(&mut self) {
        self.collect();
        self.give_up();
        self.admit();
        self.run_batch();
    }

    fn sequences(&self) -> impl Iterator<Item = &Sequence> {
        self.running.iter().chain(&self.parked)
    }

    /// Takes in what other threads have made ready.
    fn collect(&mut self) {
        while let Some(done) = self.pool.finished() {
            match done {
                Done::Generate(request, ready) => {
                    // One that was cancelled has been answered already.
                    if self.preparing.remove(&request).is_some() {
                        self.constrain(request, ready);
                    }
                }
                Done::Tokenize(request, tokens) => {
                    self.tokenizing = self.tokenizing.saturating_sub(1);
                    self.answers.push(FromEngine::Tokens { request, tokens });
                }
            }
        }
        for (request, outcome) in self.workshop.settle() {
            match outcome {
                Ok((ready, compiled)) => {
                    self.waiting.push_back(Ready { compiled: Some(compiled), ..ready });
                }
                Err(error) => self.refuse(request, error),
            }
        }
    }

    /// Ends the requests whose guides will not come back.
    fn give_up(&mut self) {
        for (order, error) in self.follower.give_up(STEP_LIMIT) {
            let waits = self.sequences().find(|sequence| sequence.order == order);
            if let Some(request) = waits.map(|sequence| sequence.request.id()) {
                self.fail(request, error);
            }
        }
    }

    /// Sees to the constraint of a request whose prompt is ready.
    fn constrain(&mut self, request: RequestId, ready: Result<Ready, EngineError>) {
        let mut ready = match ready {
            Ok(ready) => ready,
            Err(error) => return self.refuse(request, error),
        };
        let Some(constraint) = ready.generate.constraint.clone() else {
            self.waiting.push_back(ready);
            return;
        };
        match self.preparer.known(&constraint) {
            Ok(Some(compiled)) => {
                ready.compiled = Some(compiled);
                self.waiting.push_back(ready);
            }
            Ok(None) => {
                if let Err(error) = self.workshop.take(request, constraint, ready) {
                    self.refuse(request, error);
                }
            }
            Err(error) => self.refuse(request, error),
        }
    }

    fn refuse(&mut self, request: RequestId, error: EngineError) {
        self.events.push(Event { request, sequence: 0, kind: EventKind::Failed(error) });
    }

    /// Ends a request with all its sequences.
    fn fail(&mut self, request: RequestId, error: EngineError) {
        if !self.remove(request).is_empty() {
            self.refuse(request, error);
        }
    }

    /// Takes a request's sequences out and frees what they hold.
    fn remove(&mut self, request: RequestId) -> Vec<Sequence> {
        let belongs = |sequence: &Sequence| sequence.request.id() == request;
        let (mut removed, rest): (Vec<_>, Vec<_>) = self.running.drain(..).partition(belongs);
        self.running = rest;
        for sequence in &mut removed {
            self.release(sequence);
        }
        let (parked, rest): (Vec<_>, Vec<_>) = self.parked.drain(..).partition(belongs);
        self.parked = rest.into();
        removed.extend(parked);
        removed
    }

    /// Frees a running sequence's cells and its slot.
    fn release(&mut self, sequence: &mut Sequence) {
        sequence.drop_held();
        self.model.context.forget(sequence.slot);
        self.ledger.release(&std::mem::take(&mut sequence.cells), Holder::Running);
        self.free_slots.push(sequence.slot);
    }

    /// Frees a kept sequence's cells and its slot.
    fn drop_retained(&mut self, retained: &Retained) {
        self.model.context.forget(retained.slot);
        self.ledger.release(&retained.cells, Holder::Retained);
        self.free_slots.push(retained.slot);
    }

    /// Gives up the kept prefix that was used least recently.
    fn evict(&mut self) -> bool {
        let Some(oldest) = self.prefixes.evict() else { return false };
        self.drop_retained(&oldest);
        true
    }

    /// A slot for a sequence, taken from a kept prefix if need be.
    fn slot(&mut self) -> Option<u32> {
        loop {
            if let Some(slot) = self.free_slots.pop() {
                return Some(slot);
            }
            if !self.evict() {
                return None;
            }
        }
    }

    /// Ends a sequence in good order, and keeps its prefix.
    fn finish(&mut self, mut sequence: Sequence, reason: Finish) {
        let completion_tokens = sequence.generated();
        self.events.push(sequence.event(EventKind::Finished { reason, completion_tokens }));
        let request = Rc::clone(&sequence.request);
        if !self.sequences().any(|other| other.request.id() == request.id()) {
            self.drain.record(Instant::now());
        }
        if !self.model.shares || sequence.cells.is_empty() {
            self.release(&mut sequence);
            return;
        }
        let mut tokens = sequence.tokens;
        tokens.truncate(sequence.cells.len());
        self.ledger.hold(&sequence.cells, Holder::Retained);
        self.ledger.release(&sequence.cells, Holder::Running);
        let superfluous = self.prefixes.keep(Retained {
            slot: sequence.slot,
            realm: request.realm.clone(),
            tokens,
            cells: sequence.cells,
        });
        for retained in &superfluous {
            self.drop_retained(retained);
        }
    }

    /// Gives up everything in the KV cache and ends all that runs, after a fault that may have
    /// left it in disorder.
    fn start_over(&mut self, error: &EngineError) {
        let requests: Vec<RequestId> =
            self.running.iter().map(|sequence| sequence.request.id()).collect();
        for request in requests {
            self.fail(request, error.clone());
        }
        for retained in self.prefixes.clear() {
            self.drop_retained(&retained);
        }
        self.model.context.forget_all();
    }
}

fn overloaded(waiting: usize, retry_after: u32) -> EngineError {
    let message = format!(
        "{waiting} requests wait already, which is as many as may; try again in {retry_after} s"
    );
    EngineError {
        retry_after: Some(retry_after),
        ..EngineError::new(ErrorCode::Overloaded, message)
    }
}
