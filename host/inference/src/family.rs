//! The family that drives a model, chosen again whenever plugins change.

use std::{sync::Arc, time::Instant};

use metrics::{Counter, Histogram};
use model::{Ability, ModelCard, Profile, Sampling};
use plugin_runtime::{Choice, PluginError, PluginRuntime};
use telemetry::metric;

use crate::sampling;

/// The outcome of a choice.
pub(crate) enum Family {
    /// A family drives the model.
    Chosen(Box<Chosen>),
    /// No family fits, and the operator named none: the model completes plain text.
    Plain {
        /// What was considered.
        reason: String,
    },
    /// The operator named a family that cannot drive the model.
    Failed {
        /// Why.
        cause: String,
    },
}

/// A family that drives a model.
pub(crate) struct Chosen {
    pub(crate) name: Arc<str>,
    pub(crate) abilities: Vec<Ability>,
    pub(crate) profile: Profile,
    /// The family's advice, checked.
    pub(crate) sampling: Sampling,
    pub(crate) reason: String,
    pub(crate) calls: Arc<Calls>,
}

impl Family {
    /// Asks the plugins; blocking.
    pub(crate) fn choose(plugins: &PluginRuntime, card: &ModelCard, wanted: Option<&str>) -> Self {
        match plugins.choose(card, wanted) {
            Ok(choice) => Self::Chosen(Box::new(Chosen::new(choice, &card.name))),
            Err(error @ PluginError::NoFamily { .. }) if wanted.is_none() => {
                Self::Plain { reason: error.to_string() }
            }
            Err(error) => Self::Failed { cause: error.to_string() },
        }
    }

    pub(crate) fn chosen(&self) -> Option<&Chosen> {
        match self {
            Self::Chosen(chosen) => Some(chosen),
            Self::Plain { .. } | Self::Failed { .. } => None,
        }
    }

    /// What a model of this family can be asked for.
    pub(crate) fn abilities(&self) -> Vec<Ability> {
        let mut abilities = self.chosen().map(|c| c.abilities.clone()).unwrap_or_default();
        if !abilities.contains(&Ability::Completion) {
            // Text goes on without any family's help.
            abilities.push(Ability::Completion);
        }
        abilities
    }

    pub(crate) fn has(&self, feature: &str) -> bool {
        self.chosen().is_some_and(|chosen| chosen.profile.has(feature))
    }

    /// Why this family, or none, drives the model.
    pub(crate) fn reason(&self) -> &str {
        match self {
            Self::Chosen(chosen) => &chosen.reason,
            Self::Plain { reason } => reason,
            Self::Failed { cause } => cause,
        }
    }
}

impl Chosen {
    fn new(choice: Choice, model: &str) -> Self {
        let advice = sampling::advised(&choice.profile).unwrap_or_else(|error| {
            tracing::warn!(
                model,
                family = choice.family,
                %error,
                "the family's sampling advice is out of range and is left out"
            );
            Sampling::default()
        });
        Self {
            calls: Arc::new(Calls::new(&choice.family)),
            name: choice.family.into(),
            abilities: choice.abilities,
            profile: choice.profile,
            sampling: advice,
            reason: choice.reason,
        }
    }

    pub(crate) fn can(&self, ability: Ability) -> bool {
        self.abilities.contains(&ability)
    }
}

/// The figures of calls into one family.
pub(crate) struct Calls {
    pub(crate) render: Call,
    pub(crate) parse: Call,
}

/// The figures of one kind of call.
pub(crate) struct Call {
    count: Counter,
    errors: Counter,
    seconds: Histogram,
}

impl Calls {
    pub(crate) fn new(family: &str) -> Self {
        Self { render: Call::new(family, "render"), parse: Call::new(family, "parse") }
    }
}

impl Call {
    fn new(family: &str, call: &'static str) -> Self {
        let family = family.to_owned();
        Self {
            count: metrics::counter!(metric::PLUGIN_CALLS, "family" => family.clone(), "call" => call),
            errors: metrics::counter!(metric::PLUGIN_ERRORS, "family" => family.clone(), "call" => call),
            seconds: metrics::histogram!(metric::PLUGIN_SECONDS, "family" => family, "call" => call),
        }
    }

    /// Counts and times one call.
    pub(crate) fn record<T, E>(&self, call: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let start = Instant::now();
        let outcome = call();
        self.count.increment(1);
        self.seconds.record(start.elapsed());
        if outcome.is_err() {
            self.errors.increment(1);
        }
        outcome
    }
}
