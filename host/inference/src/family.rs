//! The family that drives a model, chosen again whenever plugins change.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

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
    /// Plugins are being compiled, and one of them may hold the family.
    Waiting {
        /// Which.
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
            Err(error @ PluginError::Compiling { .. }) => {
                Self::Waiting { reason: error.to_string() }
            }
            Err(error) => Self::Failed { cause: error.to_string() },
        }
    }

    pub(crate) fn chosen(&self) -> Option<&Chosen> {
        match self {
            Self::Chosen(chosen) => Some(chosen),
            Self::Plain { .. } | Self::Waiting { .. } | Self::Failed { .. } => None,
        }
    }

    pub(crate) fn is_waiting(&self) -> bool {
        matches!(self, Self::Waiting { .. })
    }

    /// Whether this choice is to take the place of an earlier one: a model that serves does not
    /// stop because a file that may fit better is being compiled.
    pub(crate) fn replaces(&self, before: &Self) -> bool {
        !self.is_waiting() || matches!(before, Self::Waiting { .. } | Self::Failed { .. })
    }

    /// What a model of this family can be asked for.
    pub(crate) fn abilities(&self, writes_text: bool) -> Vec<Ability> {
        let mut abilities = self.chosen().map(|c| c.abilities.clone()).unwrap_or_default();
        if writes_text && !abilities.contains(&Ability::Completion) {
            // Text goes on without any family's help.
            abilities.push(Ability::Completion);
        }
        abilities
    }

    /// Whether a model of this family goes on with text; one that only hears does not.
    pub(crate) fn writes_text(&self) -> bool {
        self.chosen().is_none_or(|chosen| {
            !chosen.can(Ability::Transcription)
                || chosen.can(Ability::Chat)
                || chosen.can(Ability::Completion)
        })
    }

    pub(crate) fn has(&self, feature: &str) -> bool {
        self.chosen().is_some_and(|chosen| chosen.profile.has(feature))
    }

    /// Whether an operator would call both the same choice.
    pub(crate) fn is_the_choice(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Chosen(one), Self::Chosen(two)) => {
                one.name == two.name && one.profile.style == two.profile.style
            }
            // What was considered changes with every plugin that does not fit.
            (Self::Plain { .. }, Self::Plain { .. })
            | (Self::Waiting { .. }, Self::Waiting { .. }) => true,
            (Self::Failed { cause: one }, Self::Failed { cause: two }) => one == two,
            _ => false,
        }
    }

    /// Why this family, or none, drives the model.
    pub(crate) fn reason(&self) -> &str {
        match self {
            Self::Chosen(chosen) => &chosen.reason,
            Self::Plain { reason } | Self::Waiting { reason } => reason,
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
    /// How long calls took of late, in nanoseconds.
    usual: AtomicU64,
}

/// Calls that usually take less than this do not leave the thread that asks for them: the way to
/// another thread and back costs about as much as such a call.
const QUICK: Duration = Duration::from_micros(500);

/// What counts of a call at most: a thread that lost its core looks like a slow call, and one such
/// must not send the calls after it the long way when cores are short already.
///
/// It is also what calls of a family that is not known yet are taken for.
const SLOW: Duration = Duration::from_millis(2);

/// The weight of the latest call in what is usual: one in so many.
const WEIGHT: u64 = 8;

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
            usual: AtomicU64::new(nanoseconds(SLOW)),
        }
    }

    /// Two threads that do this at once lose one of two measurements, which does no harm.
    fn learn(&self, took: Duration) {
        let usual = self.usual.load(Ordering::Relaxed);
        let usual = usual - usual / WEIGHT + nanoseconds(took.min(SLOW)) / WEIGHT;
        self.usual.store(usual, Ordering::Relaxed);
    }

    /// Whether a call is expected to be over at once.
    pub(crate) fn is_quick(&self) -> bool {
        self.usual.load(Ordering::Relaxed) < nanoseconds(QUICK)
    }

    /// Counts and times one call; what a client did wrong is no error of the plugin.
    pub(crate) fn record<T>(
        &self,
        call: impl FnOnce() -> Result<T, PluginError>,
    ) -> Result<T, PluginError> {
        let start = Instant::now();
        let outcome = call();
        let took = start.elapsed();
        self.count.increment(1);
        self.seconds.record(took);
        self.learn(took);
        if outcome.as_ref().is_err_and(|error| !error.is_client_fault()) {
            self.errors.increment(1);
        }
        outcome
    }
}

/// Saturates after 584 years.
fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_earns_the_short_way_and_loses_it_by_slow_calls() {
        let call = Call::new("any", "render");
        assert!(!call.is_quick(), "nothing is known of it yet");
        for _ in 0..30 {
            call.learn(Duration::from_micros(50));
        }
        assert!(call.is_quick());
        call.learn(Duration::from_millis(50));
        assert!(call.is_quick(), "one may be the machine's fault");
        call.learn(Duration::from_millis(50));
        assert!(!call.is_quick());
    }
}
