//! The figures of one model, and of one request to it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use metrics::{Counter, Gauge, Histogram};
use model::Usage;
use telemetry::metric;

use crate::InferenceError;

/// The figures of one model, looked up once so that a token costs no look-up.
pub(crate) struct Figures {
    model: String,
    in_flight: Gauge,
    seconds: Histogram,
    first_token: Histogram,
    inter_token: Histogram,
    prompt_tokens: Counter,
    cached_tokens: Counter,
    completion_tokens: Counter,
    /// Milliseconds of audio, since a counter of seconds keeps no fractions.
    heard: AtomicU64,
}

impl Figures {
    pub(crate) fn new(model: &str) -> Self {
        let model = model.to_owned();
        Self {
            in_flight: metrics::gauge!(metric::IN_FLIGHT, "model" => model.clone()),
            seconds: metrics::histogram!(metric::REQUEST_SECONDS, "model" => model.clone()),
            first_token: metrics::histogram!(metric::FIRST_TOKEN_SECONDS, "model" => model.clone()),
            inter_token: metrics::histogram!(metric::INTER_TOKEN_SECONDS, "model" => model.clone()),
            prompt_tokens: metrics::counter!(metric::PROMPT_TOKENS, "model" => model.clone()),
            cached_tokens: metrics::counter!(metric::CACHED_TOKENS, "model" => model.clone()),
            completion_tokens: metrics::counter!(metric::COMPLETION_TOKENS, "model" => model.clone()),
            heard: AtomicU64::new(0),
            model,
        }
    }
}

/// One request's part in the figures; dropping it ends the request.
pub(crate) struct Ticket {
    figures: Arc<Figures>,
    arrived: Instant,
    usage: Usage,
}

impl Ticket {
    pub(crate) fn new(figures: Arc<Figures>, ability: &'static str) -> Self {
        metrics::counter!(metric::REQUESTS, "model" => figures.model.clone(), "ability" => ability)
            .increment(1);
        figures.in_flight.increment(1.0);
        Self { figures, arrived: Instant::now(), usage: Usage::default() }
    }

    /// The first token of the request is there.
    pub(crate) fn first_token(&self, now: Instant) {
        self.figures.first_token.record(now - self.arrived);
    }

    /// Some tokens of one sequence came, the last ones some time ago.
    pub(crate) fn tokens(&self, since_last: Duration, tokens: u32) {
        if tokens > 0 {
            self.figures.inter_token.record(since_last / tokens);
        }
    }

    /// What the request has used up so far.
    pub(crate) fn set_usage(&mut self, usage: Usage) {
        self.usage = usage;
    }

    /// So many seconds of audio were written down in this time.
    pub(crate) fn heard(&self, seconds: f64, took: Duration) {
        if seconds <= 0.0 {
            return;
        }
        let model = &self.figures.model;
        let heard = Duration::try_from_secs_f64(seconds).unwrap_or_default().as_millis();
        let heard = u64::try_from(heard).unwrap_or(0);
        let before = self.figures.heard.fetch_add(heard, Ordering::Relaxed);
        metrics::counter!(metric::AUDIO_SECONDS, "model" => model.clone())
            .absolute((before + heard) / 1000);
        metrics::histogram!(metric::REAL_TIME_FACTOR, "model" => model.clone())
            .record(took.as_secs_f64() / seconds);
    }

    /// The request ended in an error.
    pub(crate) fn failed(&self, error: &InferenceError) {
        count_error(&self.figures.model, error);
    }
}

/// Counts an error; `model` is one that is served, so that strangers cannot make labels.
pub(crate) fn count_error(model: &str, error: &InferenceError) {
    metrics::counter!(
        metric::REQUEST_ERRORS,
        "model" => model.to_owned(),
        "code" => error.code()
    )
    .increment(1);
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let figures = &self.figures;
        figures.in_flight.decrement(1.0);
        figures.seconds.record(self.arrived.elapsed());
        figures.prompt_tokens.increment(self.usage.prompt_tokens);
        figures.cached_tokens.increment(self.usage.cached_tokens);
        figures.completion_tokens.increment(self.usage.completion_tokens);
    }
}
