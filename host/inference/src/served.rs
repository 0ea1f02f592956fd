//! One model in the registry.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::SystemTime,
};

use arc_swap::ArcSwap;
use catalog::{CatalogError, ModelFile};
use model::{ModelCard, ModelUid};
use supervisor::{Cause, Check, ModelState, ModelStatus};

use crate::{
    InferenceError, ModelDefinition, ModelInfo, ReplicaStatus, family::Family, figures::Figures,
    info::brief, places::Places, reply::seconds,
};

/// Seconds after which a model that is not there yet is worth asking for again.
pub(crate) const ARRIVAL: u32 = 2;

/// One model: what the operator wants, what the weights say, and which family drives it.
pub(crate) struct Served {
    pub(crate) definition: ModelDefinition,
    /// What the weights say, or why they cannot be read.
    pub(crate) weights: Result<Weights, Cause>,
    /// Chosen again whenever plugins change.
    pub(crate) family: ArcSwap<Family>,
    /// Whether the supervisor has the model; a model whose family is missing waits for it.
    pub(crate) launched: AtomicBool,
    /// Whether the model has been seen ready.
    pub(crate) was_ready: AtomicBool,
    /// Why the supervisor did not take the model.
    pub(crate) refusal: ArcSwap<Option<Cause>>,
    /// Where plugin calls for this model run that are not over at once.
    pub(crate) places: Places,
    pub(crate) figures: Arc<Figures>,
    pub(crate) added: SystemTime,
}

/// What is kept of a model file.
pub(crate) struct Weights {
    pub(crate) card: Arc<ModelCard>,
    /// Whether they are of a speech model.
    hears: bool,
    format: String,
    quantization: String,
    size_in_billions: String,
    languages: Vec<String>,
    name: Option<String>,
    description: Option<String>,
}

impl Weights {
    pub(crate) fn new(file: &ModelFile, definition: &ModelDefinition) -> Self {
        let limit = Some(definition.settings.context_length).filter(|&length| length > 0);
        let card = file.card(definition.uid.as_str(), limit, &definition.family_options);
        let known = |text: Option<&str>| {
            text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
        };
        Self {
            card: Arc::new(card),
            hears: file.hears(),
            format: file.format().to_owned(),
            quantization: file.quantization().to_owned(),
            size_in_billions: file.size_in_billions(),
            languages: file.languages(),
            name: known(file.name()),
            description: known(file.description()),
        }
    }
}

impl Served {
    pub(crate) fn uid(&self) -> &ModelUid {
        &self.definition.uid
    }

    /// What the weights say.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub(crate) fn weights(&self) -> Result<&Weights, InferenceError> {
        self.weights.as_ref().map_err(|cause| self.failed(cause))
    }

    /// Whether the weights are of a speech model.
    pub(crate) fn hears(&self) -> bool {
        self.weights.as_ref().is_ok_and(|weights| weights.hears)
    }

    /// Whether the model goes on with text; one that only hears does not.
    pub(crate) fn writes_text(&self, family: &Family) -> bool {
        !self.hears() && family.writes_text()
    }

    /// The family as it is now.
    ///
    /// # Errors
    /// Where the operator named one that cannot drive the model, and where it is being compiled.
    pub(crate) fn family(&self) -> Result<Arc<Family>, InferenceError> {
        let family = self.family.load_full();
        match &*family {
            Family::Failed { cause } => Err(self.failed(&Cause::told(cause))),
            Family::Waiting { .. } => {
                Err(InferenceError::Loading { uid: self.uid().to_string(), retry_after: ARRIVAL })
            }
            Family::Chosen(_) | Family::Plain { .. } => Ok(family),
        }
    }

    /// Whether the family is still being compiled.
    pub(crate) fn waits_for_family(&self) -> bool {
        self.family.load().is_waiting()
    }

    fn failed(&self, cause: &Cause) -> InferenceError {
        InferenceError::ModelFailed { uid: self.uid().to_string(), cause: brief(cause) }
    }

    /// Why the model does not serve, where that is known before any worker is.
    pub(crate) fn problem(&self) -> Option<Cause> {
        if let Err(cause) = &self.weights {
            return Some(cause.clone());
        }
        if let Family::Failed { cause } = &**self.family.load() {
            return Some(Cause::told(cause));
        }
        (**self.refusal.load()).clone()
    }

    /// Whether the files are still those that were validated, for each start of a worker: what an
    /// engine loads has been read by the host first.
    pub(crate) fn unchanged(&self) -> Check {
        let Ok(weights) = &self.weights else { return Check::default() };
        let (definition, card) = (self.definition.clone(), Arc::clone(&weights.card));
        Check::new(move || {
            let file = catalog::inspect(&definition.path).map_err(|error| unreadable(&error))?;
            if Weights::new(&file, &definition).card != card {
                let name = definition.path.display();
                return Err(Cause::told(format!(
                    "`{name}` is not the model any more that it was when it was launched: start the host again to serve the new one"
                )));
            }
            adapters(&definition)
        })
    }

    /// Everything that lists and descriptions show.
    pub(crate) fn info(&self, status: Option<ModelStatus>) -> ModelInfo {
        let definition = &self.definition;
        let family = self.family.load();
        let weights = self.weights.as_ref().ok();
        let problem = self.problem();
        let status = status.unwrap_or_else(|| ModelStatus {
            uid: definition.uid.clone(),
            state: ModelState::Creating,
            progress: 0.0,
            error: None,
            loaded: None,
            stats: engine_protocol::WorkerStats::default(),
            in_flight: 0,
            restarts: 0,
            since: self.added,
            replicas: Vec::new(),
        });
        // A worker may be there before its family is.
        let family_first = |state| match state {
            ModelState::Ready if family.is_waiting() => ModelState::Loading,
            state => state,
        };
        let state = if problem.is_some() { ModelState::Error } else { family_first(status.state) };
        if state == ModelState::Ready {
            self.was_ready.store(true, Ordering::Relaxed);
        }
        let replica = |status| {
            let mut replica = ReplicaStatus::from(status);
            replica.state = family_first(replica.state);
            replica
        };
        let retry_after = seconds(status.retry_after());
        let loaded = status.loaded;
        let context_length = loaded
            .as_ref()
            .map(|loaded| loaded.context_length)
            .filter(|&length| length > 0)
            .or(weights.map(|weights| weights.card.context_length))
            .unwrap_or_default();
        let text = |get: fn(&Weights) -> &String| weights.map(get).cloned().unwrap_or_default();
        ModelInfo {
            uid: definition.uid.clone(),
            name: weights
                .and_then(|weights| weights.name.clone())
                .unwrap_or_else(|| definition.uid.to_string()),
            state,
            progress: status.progress,
            error: problem.or(status.error).as_ref().map(brief),
            has_served: self.was_ready.load(Ordering::Relaxed),
            retry_after,
            since: status.since,
            added: self.added,
            abilities: family.abilities(self.writes_text(&family)),
            hears: self.hears(),
            features: family.chosen().map(|c| c.profile.features.clone()).unwrap_or_default(),
            family: family.chosen().map(|chosen| chosen.name.to_string()),
            style: family.chosen().map(|c| c.profile.style.clone()).unwrap_or_default(),
            family_reason: family.reason().to_owned(),
            architecture: weights.map(|w| w.card.architecture.clone()).unwrap_or_default(),
            engine: definition.engine.name.clone(),
            format: text(|weights| &weights.format),
            quantization: text(|weights| &weights.quantization),
            size_in_billions: text(|weights| &weights.size_in_billions),
            languages: weights.map(|weights| weights.languages.clone()).unwrap_or_default(),
            description: definition
                .description
                .clone()
                .or_else(|| weights.and_then(|weights| weights.description.clone())),
            context_length,
            replica: definition.replicas,
            replicas: status.replicas.into_iter().map(replica).collect(),
            restarts: status.restarts,
            devices: loaded.map(|loaded| loaded.devices).unwrap_or_default(),
            stats: status.stats,
        }
    }
}

/// Whether a model's adapters can be read.
pub(crate) fn adapters(definition: &ModelDefinition) -> Result<(), Cause> {
    let mut adapters = definition.settings.lora.iter();
    let read = adapters.try_for_each(|lora| catalog::inspect_adapter(lora.path.as_ref()).map(drop));
    read.map_err(|error| unreadable(&error))
}

/// A file that cannot be served; clients see its name without its folder.
pub(crate) fn unreadable(error: &CatalogError) -> Cause {
    let name = error.file().file_name().unwrap_or_default();
    Cause::new(error.to_string(), format!("`{}`: {}", name.display(), error.problem()))
}
