//! One replica of a model: a worker, and the one that is started when it dies.

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwapOption;
use engine_protocol::{Hello, LoadedModel, WorkerStats};
use tokio::{sync::watch, time::Instant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Cause, ModelState, Options, ReplicaStatus, WorkerSpec,
    backoff::{Backoff, Verdict},
    link::Link,
    log::LogTail,
    status::add_counters,
    worker::{self, Exit},
};

/// What all replicas of a supervisor share.
#[derive(Clone, Debug)]
pub(crate) struct Common {
    pub(crate) options: Arc<Options>,
    /// Counts changes of any status.
    pub(crate) changes: watch::Sender<u64>,
    /// Everything that is in flight.
    pub(crate) in_flight: TaskTracker,
}

/// One replica, as seen from outside its task.
#[derive(Debug)]
pub(crate) struct Replica {
    spec: Arc<WorkerSpec>,
    common: Common,
    /// The way to the worker, while it is ready.
    link: ArcSwapOption<Link>,
    status: Mutex<Figures>,
    log: LogTail,
}

#[derive(Debug)]
struct Figures {
    status: ReplicaStatus,
    /// What the workers before this one had counted.
    past: WorkerStats,
}

impl Replica {
    pub(crate) fn new(spec: Arc<WorkerSpec>, index: u32, common: Common) -> Self {
        let figures = Figures { status: ReplicaStatus::new(index), past: WorkerStats::default() };
        Self {
            spec,
            common,
            link: ArcSwapOption::empty(),
            status: Mutex::new(figures),
            log: LogTail::default(),
        }
    }

    /// Keeps a worker running until `stop` fires or the model cannot run at all.
    pub(crate) async fn keep(&self, socket: &Path, stop: &CancellationToken) {
        let mut backoff = Backoff::new(self.spec.restart);
        loop {
            let exit = worker::run(self, socket, stop).await;
            self.retire();
            let uid = &self.spec.uid;
            let (cause, ready) = match exit {
                Exit::Stopped => break,
                // The model itself or its settings are at fault, and trying again mends neither.
                Exit::Refused(cause) if !self.has_served() => {
                    tracing::error!(model = %uid, %cause, "the model cannot run");
                    self.failed(cause);
                    break;
                }
                // What ran before fails for what may pass, such as a lack of memory.
                Exit::Refused(cause) => (cause, Duration::ZERO),
                Exit::Died { cause, ready } => (cause, ready),
            };
            let wait = match backoff.crashed(Instant::now(), ready, rand::random()) {
                Verdict::GiveUp(crashes) => {
                    let window = self.spec.restart.window;
                    let cause = cause.and(&format!(
                        "; given up after {crashes} crashes within {window:?}, and is tried again \
                         after as long"
                    ));
                    tracing::error!(model = %uid, %cause, "the worker died");
                    self.failed(cause);
                    window
                }
                Verdict::Wait(delay) => {
                    tracing::warn!(model = %uid, %cause, ?delay, "the worker died; it is started again");
                    self.waiting(cause);
                    delay
                }
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => self.restarting(),
                () = stop.cancelled() => break,
            }
        }
    }

    /// Whether a worker before this one had loaded the model.
    fn has_served(&self) -> bool {
        self.figures().status.loaded.is_some()
    }

    pub(crate) fn index(&self) -> u32 {
        self.figures().status.index
    }

    pub(crate) fn spec(&self) -> &WorkerSpec {
        &self.spec
    }

    pub(crate) fn options(&self) -> &Options {
        &self.common.options
    }

    pub(crate) fn in_flight(&self) -> TaskTracker {
        self.common.in_flight.clone()
    }

    pub(crate) fn log(&self) -> &LogTail {
        &self.log
    }

    /// The way to the worker, while it is ready.
    pub(crate) fn link(&self) -> Option<Arc<Link>> {
        self.link.load_full()
    }

    pub(crate) fn status(&self) -> ReplicaStatus {
        let in_flight = self.link().map_or(0, |link| link.in_flight());
        let figures = self.figures();
        let counted = add_counters(figures.past, figures.status.stats);
        let WorkerStats { running, waiting, kv_used, kv_total, .. } = figures.status.stats;
        let stats = WorkerStats { running, waiting, kv_used, kv_total, ..counted };
        ReplicaStatus { stats, in_flight, ..figures.status.clone() }
    }

    pub(crate) fn spawned(&self, pid: u32) {
        self.change(|status| status.pid = Some(pid));
    }

    pub(crate) fn greeted(&self, peer: &Hello) {
        self.change(|status| {
            enter(status, ModelState::Loading);
            status.engine = Some(format!("{} {}", peer.name, peer.version));
        });
    }

    pub(crate) fn loading(&self, fraction: f32) {
        let fraction = if fraction.is_finite() { fraction.clamp(0.0, 1.0) } else { 0.0 };
        self.change(|status| status.progress = fraction);
    }

    /// Opens the way to the worker.
    pub(crate) fn ready(&self, model: LoadedModel, link: Arc<Link>) {
        self.link.store(Some(link));
        self.change(|status| {
            enter(status, ModelState::Ready);
            status.progress = 1.0;
            status.error = None;
            status.loaded = Some(model);
        });
    }

    pub(crate) fn beat(&self, stats: WorkerStats) {
        if self.figures().status.stats != stats {
            self.change(|status| status.stats = stats);
        }
    }

    /// Closes the way to the worker.
    pub(crate) fn unlink(&self) {
        self.link.store(None);
    }

    pub(crate) fn terminating(&self) {
        self.change(|status| enter(status, ModelState::Terminating));
    }

    /// Keeps what a worker that has ended had counted, and forgets the rest of it.
    fn retire(&self) {
        let mut figures = self.figures();
        figures.past = add_counters(figures.past, figures.status.stats);
        figures.status.stats = WorkerStats::default();
        figures.status.pid = None;
        figures.status.progress = 0.0;
    }

    fn waiting(&self, cause: Cause) {
        self.change(|status| {
            enter(status, ModelState::Creating);
            status.error = Some(cause);
        });
    }

    fn restarting(&self) {
        self.log.clear();
        self.change(|status| status.restarts += 1);
    }

    fn failed(&self, cause: Cause) {
        self.change(|status| {
            enter(status, ModelState::Error);
            status.error = Some(cause);
        });
    }

    fn change(&self, change: impl FnOnce(&mut ReplicaStatus)) {
        change(&mut self.figures().status);
        self.common.changes.send_modify(|count| *count = count.wrapping_add(1));
    }

    fn figures(&self) -> MutexGuard<'_, Figures> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Enters a state; nothing leads out of [`ModelState::Terminating`].
fn enter(status: &mut ReplicaStatus, state: ModelState) {
    if status.state != ModelState::Terminating {
        status.state = state;
        status.since = SystemTime::now();
    }
}
