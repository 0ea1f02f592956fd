//! The models that are served, and the families that drive them.

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::SystemTime,
};

use arc_swap::ArcSwap;
use engine_protocol::Load;
use model::ModelUid;
use plugin_runtime::{PluginRuntime, PluginStatus};
use supervisor::{Cause, ModelState, Supervisor, WorkerSpec};
use telemetry::metric;
use tokio::sync::{Semaphore, watch};

use crate::{
    InferenceError, ModelDefinition, ModelInfo,
    family::Family,
    figures::Figures,
    info::brief,
    places::Places,
    served::{ARRIVAL, Served, Weights, adapters, unreadable},
};

/// How much of the host's own work may go on at once.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Plugin calls at the same time that are not over at once; each keeps one thread busy.
    pub calls: usize,
    /// Requests that may wait for that; more are refused at once.
    pub render_queue: usize,
    /// Recordings that are decoded at the same time; each keeps one thread busy.
    pub decodes: usize,
}

impl Default for Options {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self { calls: cores.max(2), render_queue: 1024, decodes: cores.max(2) }
    }
}

/// The request pipeline and the models that it serves; clones share them.
#[derive(Clone)]
pub struct Inference {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) supervisor: Supervisor,
    pub(crate) plugins: PluginRuntime,
    /// In the order in which they were added.
    pub(crate) models: ArcSwap<Vec<Arc<Served>>>,
    /// Models that will be added.
    expected: ArcSwap<Vec<ModelUid>>,
    /// Goes up whenever families were chosen again.
    choices: watch::Sender<u64>,
    /// Places for recordings that are decoded at the same time.
    pub(crate) decodes: Arc<Semaphore>,
    /// Places for plugin calls that leave the thread that asks for them.
    calls: Arc<Semaphore>,
    /// How many those are.
    most_calls: usize,
    /// Places for requests that wait for one of those to render.
    pub(crate) render_queue: Arc<Semaphore>,
}

impl Inference {
    /// A pipeline without models; call it within a tokio runtime.
    ///
    /// It chooses families again whenever plugins change, for as long as a clone of it lives.
    pub fn new(supervisor: Supervisor, plugins: PluginRuntime, options: Options) -> Self {
        let changes = plugins.changes();
        let inner = Arc::new(Inner {
            supervisor,
            plugins,
            models: ArcSwap::default(),
            expected: ArcSwap::default(),
            choices: watch::Sender::new(0),
            decodes: Arc::new(Semaphore::new(options.decodes.max(1))),
            calls: Arc::new(Semaphore::new(options.calls.max(1))),
            most_calls: options.calls.max(1),
            render_queue: Arc::new(Semaphore::new(options.render_queue.max(1))),
        });
        tokio::spawn(follow(Arc::downgrade(&inner), changes));
        Self { inner }
    }

    /// Announces models that [`add_model`](Self::add_model) will add: until then they are loading
    /// rather than unknown.
    pub fn expect(&self, uids: impl IntoIterator<Item = ModelUid>) {
        let uids: Vec<_> = uids.into_iter().collect();
        self.inner.expected.rcu(|expected| [expected.as_slice(), &uids].concat());
    }

    /// Models that are announced and not yet added.
    pub fn expected(&self) -> Vec<ModelUid> {
        self.inner.expected.load().to_vec()
    }

    /// Serves a model from now on: reads the weights' header, chooses the family and launches.
    ///
    /// A model that cannot be served is listed all the same, with its cause.
    ///
    /// # Errors
    /// Why the model does not serve, as far as that is known at once; a worker that fails later
    /// shows in [`models`](Self::models).
    pub async fn add_model(&self, definition: ModelDefinition) -> Result<(), InferenceError> {
        let uid = definition.uid.clone();
        // Whatever comes of it, nobody has to wait for more after this.
        let _arrival = Arrival { inner: &self.inner, uid: &uid };
        if self.inner.find(uid.as_str()).is_some() {
            return Err(InferenceError::ModelFailed {
                uid: uid.to_string(),
                cause: "a model of this uid is served already: choose another uid".to_owned(),
            });
        }
        let plugins = self.inner.plugins.clone();
        let mut changes = plugins.changes();
        let places = Places::of_model(&self.inner.calls, self.inner.most_calls);
        let served = tokio::task::spawn_blocking(move || describe(&plugins, definition, places))
            .await
            .map_err(|error| InferenceError::ModelFailed {
                uid: uid.to_string(),
                cause: error.to_string(),
            })?;
        let served = Arc::new(served);
        self.inner.models.rcu(|models| {
            let mut models = Vec::clone(models);
            models.push(Arc::clone(&served));
            models
        });
        // Whoever chooses families again did not know of this model until now.
        while changes.has_changed().unwrap_or(false) {
            changes.mark_unchanged();
            let (inner, served) = (Arc::clone(&self.inner), Arc::clone(&served));
            let chosen = tokio::task::spawn_blocking(move || inner.choose_again(&served)).await;
            if let Err(error) = chosen {
                tracing::error!(model = %uid, %error, "choosing a family failed");
            }
        }
        self.inner.launch(&served);
        match served.problem() {
            None => Ok(()),
            Some(cause) => {
                tracing::error!(model = %uid, %cause, "the model does not serve");
                Err(InferenceError::ModelFailed { uid: uid.to_string(), cause: brief(&cause) })
            }
        }
    }

    /// Every model, in the order in which they were added.
    pub fn models(&self) -> Vec<ModelInfo> {
        let models = self.inner.models.load();
        models.iter().map(|served| self.inner.info(served)).collect()
    }

    /// One model.
    pub fn model(&self, uid: &str) -> Option<ModelInfo> {
        self.inner.find(uid).map(|served| self.inner.info(&served))
    }

    /// One model, however far it is.
    ///
    /// # Errors
    /// Where it is announced and not yet added, and where there is no such model.
    pub fn describe(&self, uid: &str) -> Result<ModelInfo, InferenceError> {
        self.inner.served(uid).map(|served| self.inner.info(&served))
    }

    /// The installed plugins.
    pub fn plugins(&self) -> Vec<PluginStatus> {
        self.inner.plugins.plugins()
    }

    /// Waits until a model answers or has failed.
    ///
    /// # Errors
    /// Why it does not answer.
    pub async fn ready(&self, uid: &str) -> Result<(), InferenceError> {
        let served = self.inner.served(uid)?;
        let mut choices = self.inner.choices.subscribe();
        while served.waits_for_family() && choices.changed().await.is_ok() {}
        if let Some(cause) = served.problem() {
            return Err(InferenceError::ModelFailed { uid: uid.to_owned(), cause: brief(&cause) });
        }
        let ready = self.inner.supervisor.ready(served.uid()).await;
        ready.map_err(|error| crate::reply::from_supervisor(uid, error))
    }

    /// Ends every worker, after what runs has ended or the deadline has passed.
    pub async fn shutdown(&self, deadline: std::time::Duration) {
        self.inner.supervisor.shutdown(deadline).await;
    }

    /// Sets the gauges that are read rather than counted; call it before a scrape.
    pub fn record_gauges(&self) {
        for info in self.models() {
            let model = info.uid.to_string();
            let set = |name: &'static str, value: f64| {
                metrics::gauge!(name, "model" => model.clone()).set(value);
            };
            set(metric::QUEUE_DEPTH, info.stats.waiting.into());
            set(metric::RUNNING_SEQUENCES, info.stats.running.into());
            set(metric::KV_USED, info.stats.kv_used.into());
            set(metric::KV_TOTAL, info.stats.kv_total.into());
            metrics::counter!(metric::WORKER_RESTARTS, "model" => model.clone())
                .absolute(info.restarts.into());
            for state in STATES {
                let is = f64::from(u8::from(info.state == state));
                let state = state_name(state);
                metrics::gauge!(metric::MODEL_STATE, "model" => model.clone(), "state" => state)
                    .set(is);
            }
        }
    }
}

/// Strikes a model from those that are expected when it is dropped.
struct Arrival<'a> {
    inner: &'a Inner,
    uid: &'a ModelUid,
}

impl Drop for Arrival<'_> {
    fn drop(&mut self) {
        self.inner.expected.rcu(|expected| {
            expected.iter().filter(|uid| *uid != self.uid).cloned().collect::<Vec<_>>()
        });
    }
}

const STATES: [ModelState; 5] = [
    ModelState::Creating,
    ModelState::Loading,
    ModelState::Ready,
    ModelState::Error,
    ModelState::Terminating,
];

/// A state in lists and labels.
pub fn state_name(state: ModelState) -> &'static str {
    match state {
        ModelState::Creating => "CREATING",
        ModelState::Loading => "LOADING",
        ModelState::Ready => "READY",
        ModelState::Error => "ERROR",
        ModelState::Terminating => "TERMINATING",
    }
}

impl Inner {
    pub(crate) fn find(&self, uid: &str) -> Option<Arc<Served>> {
        self.models.load().iter().find(|served| served.uid().as_str() == uid).cloned()
    }

    /// The model of that uid.
    ///
    /// # Errors
    /// Where there is none; the uids that there are go with it.
    pub(crate) fn served(&self, uid: &str) -> Result<Arc<Served>, InferenceError> {
        self.find(uid).ok_or_else(|| match self.arriving(uid) {
            Some(loading) => loading,
            None => InferenceError::UnknownModel {
                uid: uid.chars().take(ModelUid::MAX).collect(),
                available: {
                    let models = self.models.load();
                    models.iter().map(|served| served.uid().to_string()).collect()
                },
            },
        })
    }

    /// What to say of a model that is announced and not yet added.
    fn arriving(&self, uid: &str) -> Option<InferenceError> {
        let expected = self.expected.load().iter().any(|expected| expected.as_str() == uid);
        expected.then(|| InferenceError::Loading { uid: uid.to_owned(), retry_after: ARRIVAL })
    }

    fn info(&self, served: &Served) -> ModelInfo {
        served.info(self.supervisor.status(served.uid()))
    }

    /// Asks the plugins for the model's family once more; blocking.
    fn choose_again(&self, served: &Served) {
        let Ok(weights) = &served.weights else { return };
        let wanted = served.definition.family.as_deref();
        let family = Family::choose(&self.plugins, &weights.card, wanted);
        if !family.replaces(&served.family.load()) {
            return;
        }
        let before = served.family.swap(Arc::new(family));
        if !before.is_the_choice(&served.family.load()) {
            log_choice(served, !before.is_waiting());
        }
    }

    /// Gives the model to the supervisor, unless it has it or something is in the way.
    fn launch(&self, served: &Served) {
        if served.problem().is_some() || served.launched.swap(true, Ordering::AcqRel) {
            return;
        }
        let definition = &served.definition;
        let spec = WorkerSpec {
            uid: definition.uid.clone(),
            program: definition.engine.program.clone(),
            args: definition.engine.args.clone(),
            env: definition.engine.env.clone(),
            load: Load {
                path: definition.path.to_string_lossy().into_owned(),
                settings: definition.settings.clone(),
            },
            replicas: definition.replicas,
            restart: definition.restart,
            hang_after: definition.hang_after,
            check: served.unchanged(),
        };
        if let Err(error) = self.supervisor.launch(spec) {
            served.refusal.store(Arc::new(Some(Cause::told(error.to_string()))));
        }
    }
}

/// Reads the weights and chooses the family; blocking.
fn describe(plugins: &PluginRuntime, definition: ModelDefinition, places: Places) -> Served {
    let weights = definition
        .sampling
        .validate()
        .map_err(|error| {
            Cause::told(format!("the model's default sampling is out of range: {error}"))
        })
        .and_then(|()| catalog::inspect(&definition.path).map_err(|error| unreadable(&error)))
        .map(|file| Weights::new(&file, &definition))
        .and_then(|weights| adapters(&definition).map(|()| weights));
    let family = match &weights {
        Ok(weights) => Family::choose(plugins, &weights.card, definition.family.as_deref()),
        Err(_) => Family::Plain { reason: "the weights cannot be read".to_owned() },
    };
    let served = Served {
        weights,
        family: ArcSwap::from_pointee(family),
        launched: AtomicBool::new(false),
        was_ready: AtomicBool::new(false),
        refusal: ArcSwap::default(),
        places,
        figures: Arc::new(Figures::new(definition.uid.as_str())),
        added: SystemTime::now(),
        definition,
    };
    log_choice(&served, false);
    served
}

/// Tells of a choice that an operator should know of: one that limits the model, or that changed
/// while it serves. How the first choice ended is told when the model is ready, or cannot be.
fn log_choice(served: &Served, changed: bool) {
    let model = served.uid().as_str();
    match &**served.family.load() {
        Family::Chosen(chosen) if changed => tracing::info!(
            model,
            family = %chosen.name,
            style = chosen.profile.style,
            reason = chosen.reason,
            "family chosen"
        ),
        Family::Failed { cause } if changed => {
            tracing::error!(model, cause, "the family cannot be used");
        }
        Family::Waiting { reason } => {
            tracing::info!(model, reason, "the model waits for its family");
        }
        Family::Chosen(_) | Family::Failed { .. } => {}
        Family::Plain { .. } if served.weights.is_err() => {}
        Family::Plain { reason } if served.hears() => {
            tracing::warn!(model, reason, "no family drives this model; it writes nothing down");
        }
        Family::Plain { reason } => {
            tracing::warn!(model, reason, "no family drives this model; it completes text only");
        }
    }
}

/// Chooses every model's family again after each change of the plugins.
async fn follow(inner: Weak<Inner>, mut changes: watch::Receiver<u64>) {
    while changes.changed().await.is_ok() {
        let Some(inner) = inner.upgrade() else { return };
        let models = inner.models.load_full();
        let work = tokio::task::spawn_blocking(move || {
            for served in models.iter() {
                inner.choose_again(served);
            }
            (inner, models)
        });
        if let Ok((inner, models)) = work.await {
            // A model that waited for its family can go now; the supervisor wants the runtime.
            models.iter().for_each(|served| inner.launch(served));
            inner.choices.send_modify(|count| *count += 1);
        }
    }
}
