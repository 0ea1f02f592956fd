//! Instances that have read their model before a request for it comes.
//!
//! Families that export `preparation` have them. Each still serves one request and is gone after
//! it; a request that finds none, because others came right before it, gets one that is made for
//! it as any other family's.

use std::sync::mpsc::{self, SyncSender};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use model::ModelCard;

use crate::PluginError;
use crate::bindings::Prepared;
use crate::loader::Plugin;
use crate::sandbox::Sandbox;

/// Instances that wait for the requests of one model.
const EACH: usize = 2;
/// Models of one family that have any.
const MODELS: usize = 64;
/// Bytes of memory that an instance may hold while it waits.
const MEMORY: usize = 8 << 20;
/// A model that takes longer to read is read for each request, so that it keeps no other waiting.
const SLOW: Duration = Duration::from_millis(20);
/// Models that wait to be read.
const JOBS: usize = 64;

/// The instances of one plugin that are ready.
#[derive(Default)]
pub(crate) struct Ahead {
    models: Mutex<Vec<Model>>,
}

/// The instances that are ready for one model; it goes when the model's card does.
struct Model {
    card: Weak<ModelCard>,
    ready: Vec<Instance>,
    /// Whether an instance is on its way.
    making: bool,
    /// Whether the model is not to be read ahead.
    refused: bool,
}

/// An instance that has read its model.
pub(crate) struct Instance {
    pub(crate) sandbox: Sandbox,
    pub(crate) family: Box<dyn Prepared>,
}

struct Job {
    plugin: Weak<Plugin>,
    card: Weak<ModelCard>,
}

impl Ahead {
    /// Takes an instance that is ready for a model.
    pub(crate) fn take(plugin: &Plugin, card: &Arc<ModelCard>) -> Option<Instance> {
        if !plugin.family.prepares() {
            return None;
        }
        plugin.ahead.with(card, |model| model.ready.pop())?
    }

    /// Has instances made for the next requests of a model.
    ///
    /// It is asked for once a request is rendered, as the two would keep each other from the cores.
    pub(crate) fn make_next(plugin: &Arc<Plugin>, card: &Arc<ModelCard>) {
        if !plugin.family.prepares() {
            return;
        }
        plugin.ahead.with(card, |model| {
            if !model.making && !model.refused && model.ready.len() < EACH {
                let job = Job { plugin: Arc::downgrade(plugin), card: Arc::downgrade(card) };
                model.making = ask(job);
            }
        });
    }

    /// Does something with a model's instances, unless there are too many models.
    fn with<T>(&self, card: &Arc<ModelCard>, work: impl FnOnce(&mut Model) -> T) -> Option<T> {
        let mut models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        let is = |model: &Model| std::ptr::eq(model.card.as_ptr(), Arc::as_ptr(card));
        if !models.iter().any(is) {
            models.retain(|model| model.card.strong_count() > 0);
            if models.len() >= MODELS {
                return None;
            }
            let card = Arc::downgrade(card);
            models.push(Model { card, ready: Vec::new(), making: false, refused: false });
        }
        models.iter_mut().find(|model| is(model)).map(work)
    }

    /// Makes instances for a model until there are enough.
    fn fill(plugin: &Plugin, card: &Arc<ModelCard>) {
        loop {
            let made = Instance::make(plugin, card);
            let more = plugin.ahead.with(card, |model| {
                match made {
                    Ok(Some(instance)) => model.ready.push(instance),
                    Ok(None) => model.refused = true,
                    Err(PluginError::Busy { .. }) => {}
                    Err(error) => {
                        let model_name = &card.name;
                        tracing::debug!(model = model_name, %error, "a model is not read ahead");
                        model.refused = true;
                    }
                }
                model.making = !model.refused && (1..EACH).contains(&model.ready.len());
                model.making
            });
            if more != Some(true) {
                return;
            }
        }
    }
}

impl Instance {
    /// Has a fresh instance read a model; `None` where that takes too much.
    fn make(plugin: &Plugin, card: &ModelCard) -> Result<Option<Self>, PluginError> {
        let mut sandbox = plugin.sandbox();
        let start = Instant::now();
        let family = plugin.family.prepare(&mut sandbox, card)?;
        let modest = start.elapsed() < SLOW && sandbox.memory() <= MEMORY;
        Ok(family.filter(|_| modest).map(|family| Self { sandbox, family }))
    }
}

/// Hands a job to the one thread that reads models, unless too many wait.
fn ask(job: Job) -> bool {
    static THREAD: OnceLock<Option<SyncSender<Job>>> = OnceLock::new();
    let sender = THREAD.get_or_init(|| {
        let (sender, jobs) = mpsc::sync_channel::<Job>(JOBS);
        let work = move || {
            for Job { plugin, card } in jobs {
                // A plugin that was replaced, or a model that was removed, needs nothing more.
                if let (Some(plugin), Some(card)) = (plugin.upgrade(), card.upgrade()) {
                    Ahead::fill(&plugin, &card);
                }
            }
        };
        let thread = thread::Builder::new().name("plugin-ahead".into()).spawn(work);
        thread.is_ok().then_some(sender)
    });
    sender.as_ref().is_some_and(|sender| sender.try_send(job).is_ok())
}
