//! The supervisor itself.

mod retry;

use std::{
    collections::HashMap,
    sync::{
        Arc, OnceLock, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use engine_protocol::{Generate, Prompt, RequestId, Tokenize, Transcribe};
use model::ModelUid;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio_util::task::TaskTracker;

use crate::{
    AudioSender, Generation, ModelState, ModelStatus, Options, Retry, SupervisorError,
    Transcription, WorkerSpec,
    folder::SocketFolder,
    generation::Course,
    link::{Link, Refused, Work},
    model_entry::ModelEntry,
    replica::Common,
    requests::Sink,
};
use retry::Turn;

/// After how long another try makes sense when a worker's queue is full.
const OVERLOAD_RETRY: Duration = Duration::from_secs(1);

/// Runs workers; a cheap handle.
///
/// When the last handle is gone, the workers end.
#[derive(Clone, Debug)]
pub struct Supervisor(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    common: Common,
    models: RwLock<HashMap<ModelUid, Arc<ModelEntry>>>,
    /// Holds the sockets; nobody but this user can enter it.
    sockets: SocketFolder,
    next_request: AtomicU64,
    next_socket: AtomicU64,
    /// Places for requests that wait for a worker that is started again.
    waiting: Semaphore,
    closing: AtomicBool,
}

impl Drop for Inner {
    fn drop(&mut self) {
        let models = self.models.get_mut().unwrap_or_else(PoisonError::into_inner);
        for entry in models.values() {
            entry.stop();
        }
    }
}

impl Supervisor {
    /// A supervisor without models.
    ///
    /// # Errors
    /// Where the folder for sockets cannot be made.
    pub fn new(options: Options) -> Result<Self, SupervisorError> {
        let sockets = SocketFolder::make(&options.runtime_dir).map_err(|error| {
            let path = options.runtime_dir.clone();
            SupervisorError::RuntimeDir { path, reason: error.to_string() }
        })?;
        let waiting = Semaphore::new(options.command_queue.min(Semaphore::MAX_PERMITS));
        let common = Common {
            options: Arc::new(options),
            changes: watch::Sender::new(0),
            in_flight: TaskTracker::new(),
        };
        Ok(Self(Arc::new(Inner {
            common,
            models: RwLock::default(),
            sockets,
            next_request: AtomicU64::new(1),
            next_socket: AtomicU64::new(1),
            waiting,
            closing: AtomicBool::new(false),
        })))
    }

    /// Makes a model desired: its workers are started, and started again when they die.
    ///
    /// Returns at once; [`ready`](Self::ready) waits, [`status`](Self::status) tells. A model that
    /// has failed for good makes place for a new one of its name. Must be called within a tokio
    /// runtime.
    ///
    /// # Errors
    /// Where the name is taken, or the supervisor is shutting down.
    pub fn launch(&self, spec: WorkerSpec) -> Result<(), SupervisorError> {
        let mut models = self.0.models.write().unwrap_or_else(PoisonError::into_inner);
        if self.0.closing.load(Ordering::SeqCst) {
            return Err(SupervisorError::ShuttingDown);
        }
        if models.get(&spec.uid).is_some_and(|entry| !entry.is_over()) {
            return Err(SupervisorError::AlreadyLaunched { uid: spec.uid });
        }
        let serial = self.0.next_socket.fetch_add(1, Ordering::Relaxed);
        let uid = spec.uid.clone();
        let entry = ModelEntry::start(spec, &self.0.common, self.0.sockets.path(), serial);
        if let Some(failed) = models.insert(uid, Arc::new(entry)) {
            failed.stop();
        }
        drop(models);
        self.changed();
        Ok(())
    }

    /// Ends a model's workers and forgets it; requests that run fail.
    ///
    /// Goes on when the future is dropped.
    ///
    /// # Errors
    /// Where no such model is launched.
    pub async fn terminate(&self, uid: &ModelUid) -> Result<(), SupervisorError> {
        let entry = self.entry(uid)?;
        entry.stop();
        let (supervisor, uid) = (self.clone(), uid.clone());
        let ended = tokio::spawn(async move {
            entry.stopped().await;
            let mut models = supervisor.0.models.write().unwrap_or_else(PoisonError::into_inner);
            // Another call may have ended this one already, and a new one may have its name.
            if models.get(&uid).is_some_and(|found| Arc::ptr_eq(found, &entry)) {
                models.remove(&uid);
            }
            drop(models);
            supervisor.changed();
        });
        // The task can only fail with the runtime.
        let _ = ended.await;
        Ok(())
    }

    /// What is known of a model now.
    pub fn status(&self, uid: &ModelUid) -> Option<ModelStatus> {
        self.entry(uid).ok().map(|entry| entry.status())
    }

    /// What is known of all models now, by name.
    pub fn statuses(&self) -> Vec<ModelStatus> {
        let mut statuses: Vec<_> = self.entries().iter().map(|entry| entry.status()).collect();
        statuses.sort_by(|a, b| a.uid.cmp(&b.uid));
        statuses
    }

    /// The last lines that a model's workers have written, oldest first.
    ///
    /// # Errors
    /// Where no such model is launched.
    pub fn log(&self, uid: &ModelUid) -> Result<Vec<String>, SupervisorError> {
        Ok(self.entry(uid)?.log())
    }

    /// Counts changes of any model's status; its value means nothing.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.common.changes.subscribe()
    }

    /// Waits until a model's status is as wanted; `None`: the model is not, or no longer, launched.
    pub async fn until(
        &self,
        uid: &ModelUid,
        mut wanted: impl FnMut(&ModelStatus) -> bool,
    ) -> Option<ModelStatus> {
        let mut changes = self.changes();
        loop {
            changes.mark_unchanged();
            let status = self.status(uid)?;
            if wanted(&status) {
                return Some(status);
            }
            // The sender lives as long as this supervisor.
            changes.changed().await.ok()?;
        }
    }

    /// Waits until a model is ready, through restarts if need be.
    ///
    /// # Errors
    /// Where it does not run and nobody tries any more, or it is terminated.
    pub async fn ready(&self, uid: &ModelUid) -> Result<(), SupervisorError> {
        let entry = self.entry(uid)?;
        let settled = |status: &ModelStatus| {
            matches!(status.state, ModelState::Ready | ModelState::Error | ModelState::Terminating)
        };
        match self.until(uid, settled).await {
            Some(status) if status.state == ModelState::Ready => Ok(()),
            Some(_) => Err(entry.unready()),
            None => Err(SupervisorError::Terminated { uid: uid.clone() }),
        }
    }

    /// Starts a request on the ready replica with the fewest; its number is chosen here.
    ///
    /// Returns as soon as the request is on its way, after a while where workers are being started
    /// again. What the engine refuses, a full queue included, comes as the only event. Where the
    /// worker dies before it has said anything of the request, the request is begun once more.
    ///
    /// # Errors
    /// Where no replica is ready, or too much waits already.
    pub async fn generate(
        &self,
        uid: &ModelUid,
        mut generate: Generate,
    ) -> Result<Generation, SupervisorError> {
        let request = self.next_request();
        generate.request = request;
        generate.sequences = generate.sequences.max(1);
        self.restarted(uid).await;
        let generate = Box::new(generate);
        let again = self.again(uid, generate.clone());
        let course = self.begin(uid, None, |sink| Work::Generate { generate, sink })?;
        Ok(Generation::new(request, course, Some(again)))
    }

    /// Opens a recording on the ready replica with the fewest requests; its number is chosen here.
    ///
    /// Waits as [`generate`](Self::generate) does, and returns as soon as the request is on its
    /// way: the audio goes by the sender, what becomes of it comes back by the transcription. What
    /// the engine refuses comes as the only event.
    ///
    /// # Errors
    /// Where no replica is ready, or too much waits already.
    pub async fn transcribe(
        &self,
        uid: &ModelUid,
        transcribe: Transcribe,
    ) -> Result<(AudioSender, Transcription), SupervisorError> {
        self.restarted(uid).await;
        self.open(uid, None, transcribe)
    }

    /// Opens a recording once more, as [`Transcription::retry`] says that it may be: the audio has
    /// to be sent again, which only its owner can do. What lies before `past_ms` was written down
    /// already, and its owner passes it over.
    ///
    /// # Errors
    /// Where no replica is ready in time.
    pub async fn transcribe_again(
        &self,
        uid: &ModelUid,
        transcribe: Transcribe,
        retry: Retry,
        past_ms: u32,
    ) -> Result<(AudioSender, Transcription), SupervisorError> {
        let turn = self.turn(uid, retry, past_ms).await?;
        self.open(uid, turn, transcribe)
    }

    fn open(
        &self,
        uid: &ModelUid,
        turn: Option<Turn>,
        mut transcribe: Transcribe,
    ) -> Result<(AudioSender, Transcription), SupervisorError> {
        let request = self.next_request();
        transcribe.request = request;
        let work = |sink| Work::Transcribe { transcribe: Box::new(transcribe), sink };
        let course = self.begin(uid, turn, work)?;
        let sender = AudioSender::new(request, Arc::clone(&course.link));
        Ok((sender, Transcription::new(Generation::new(request, course, None))))
    }

    /// Waits while a model that has served before is started again: a crash that is over in a moment
    /// should cost those alone that it met. A first load can take minutes, and is not waited for.
    async fn restarted(&self, uid: &ModelUid) {
        let Ok(entry) = self.entry(uid) else { return };
        if entry.idlest().is_some() || !entry.status().is_restarting() {
            return;
        }
        let Ok(_place) = self.0.waiting.try_acquire() else { return };
        let over = |status: &ModelStatus| entry.idlest().is_some() || !status.is_restarting();
        let limit = self.0.common.options.restart_wait;
        // Whatever came of it shows when the request is handed over.
        let _ = tokio::time::timeout(limit, self.until(uid, over)).await;
    }

    /// Starts a request whose events come back; its turn ends with the first one.
    fn begin(
        &self,
        uid: &ModelUid,
        turn: Option<Turn>,
        work: impl FnOnce(Sink) -> Work,
    ) -> Result<Course, SupervisorError> {
        let (sender, events) = mpsc::channel(self.0.common.options.event_queue.max(1));
        let ending = Arc::new(OnceLock::new());
        let past_ms = turn.as_ref().map_or(0, |turn| turn.past_ms);
        let (link, turn) = turn.map(|turn| (turn.link, turn.place)).unzip();
        let work = work(Sink { events: sender, ending: Arc::clone(&ending), turn, past_ms });
        let link = match link {
            Some(link) => match link.send(work) {
                Ok(()) => link,
                // It has ended in this moment.
                Err(_) => return Err(self.entry(uid)?.unready()),
            },
            None => self.dispatch(uid, work)?,
        };
        Ok(Course { events, ending, link })
    }

    /// The tokens of a prompt.
    ///
    /// # Errors
    /// Where no replica is ready, too much waits already, or the engine refuses the prompt.
    pub async fn tokenize(
        &self,
        uid: &ModelUid,
        prompt: Prompt,
    ) -> Result<Vec<u32>, SupervisorError> {
        let request = self.next_request();
        self.restarted(uid).await;
        let (answer, tokens) = oneshot::channel();
        self.dispatch(uid, Work::Tokenize { tokenize: Tokenize { request, prompt }, answer })?;
        // The sender is dropped unanswered only where the worker's task is torn down.
        tokens.await.unwrap_or(Err(SupervisorError::ShuttingDown))
    }

    /// Refuses what is new, waits until `deadline` for what runs, then ends all workers.
    pub async fn shutdown(&self, deadline: Duration) {
        self.0.closing.store(true, Ordering::SeqCst);
        self.0.common.in_flight.close();
        if tokio::time::timeout(deadline, self.0.common.in_flight.wait()).await.is_err() {
            let left = self.0.common.in_flight.len();
            tracing::warn!(left, ?deadline, "requests were cut off at shutdown");
        }
        let entries = self.entries();
        for entry in &entries {
            entry.stop();
        }
        for entry in &entries {
            entry.stopped().await;
        }
        self.0.models.write().unwrap_or_else(PoisonError::into_inner).clear();
        self.changed();
    }

    /// Hands work to the idlest ready worker; one that ends in this moment is passed over.
    fn dispatch(&self, uid: &ModelUid, mut work: Work) -> Result<Arc<Link>, SupervisorError> {
        if self.0.closing.load(Ordering::SeqCst) {
            return Err(SupervisorError::ShuttingDown);
        }
        let entry = self.entry(uid)?;
        loop {
            let Some(link) = entry.idlest() else { return Err(entry.unready()) };
            work = match link.send(work) {
                Ok(()) => return Ok(link),
                Err(Refused::Full) => {
                    let (uid, retry_after) = (uid.clone(), OVERLOAD_RETRY);
                    return Err(SupervisorError::Overloaded { uid, retry_after });
                }
                // A worker's link is taken down before its queue is closed, so it is not met again.
                Err(Refused::Gone(work)) => work,
            };
        }
    }

    fn next_request(&self) -> RequestId {
        self.0.next_request.fetch_add(1, Ordering::Relaxed)
    }

    fn entry(&self, uid: &ModelUid) -> Result<Arc<ModelEntry>, SupervisorError> {
        let models = self.0.models.read().unwrap_or_else(PoisonError::into_inner);
        models.get(uid).cloned().ok_or_else(|| {
            let mut launched: Vec<_> = models.keys().cloned().collect();
            launched.sort();
            SupervisorError::UnknownModel { uid: uid.clone(), launched }
        })
    }

    fn entries(&self) -> Vec<Arc<ModelEntry>> {
        let models = self.0.models.read().unwrap_or_else(PoisonError::into_inner);
        models.values().cloned().collect()
    }

    fn changed(&self) {
        self.0.common.changes.send_modify(|count| *count = count.wrapping_add(1));
    }
}
