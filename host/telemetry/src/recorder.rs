//! Where metrics are kept.

use std::sync::Arc;

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, SharedString, Unit};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use crate::{TelemetryError, histograms::Histograms, metric};

/// The process's metrics, for whoever prints them; clones share them.
#[derive(Clone)]
pub struct Recorder {
    /// Counters and gauges.
    numbers: PrometheusHandle,
    histograms: Arc<Histograms>,
}

impl Recorder {
    /// Every metric, in Prometheus' text format.
    pub fn render(&self) -> String {
        let mut text = self.numbers.render();
        self.histograms.render(&mut text);
        text
    }
}

/// Makes this process keep metrics from now on.
///
/// # Errors
/// Where the process keeps metrics already.
pub fn install_recorder() -> Result<Recorder, TelemetryError> {
    let numbers = PrometheusBuilder::new().build_recorder();
    let histograms = Arc::<Histograms>::default();
    let recorder = Recorder { numbers: numbers.handle(), histograms: Arc::clone(&histograms) };
    metrics::set_global_recorder(Keeper { numbers, histograms })
        .map_err(|error| TelemetryError::Taken { what: "metrics", reason: error.to_string() })?;
    metric::describe();
    Ok(recorder)
}

/// What the process's macros record with.
struct Keeper {
    numbers: PrometheusRecorder,
    histograms: Arc<Histograms>,
}

impl metrics::Recorder for Keeper {
    fn describe_counter(&self, name: KeyName, unit: Option<Unit>, help: SharedString) {
        self.numbers.describe_counter(name, unit, help);
    }

    fn describe_gauge(&self, name: KeyName, unit: Option<Unit>, help: SharedString) {
        self.numbers.describe_gauge(name, unit, help);
    }

    fn describe_histogram(&self, name: KeyName, _: Option<Unit>, help: SharedString) {
        self.histograms.describe(name.as_str(), &help);
    }

    fn register_counter(&self, key: &Key, metadata: &Metadata<'_>) -> Counter {
        self.numbers.register_counter(key, metadata)
    }

    fn register_gauge(&self, key: &Key, metadata: &Metadata<'_>) -> Gauge {
        self.numbers.register_gauge(key, metadata)
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        self.histograms.get(key, metric::bounds(key.name()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scrape_shows_names_helps_and_buckets() {
        let recorder = install_recorder().unwrap();
        metrics::counter!(metric::REQUESTS, "model" => "tiny", "ability" => "chat").increment(2);
        metrics::histogram!(metric::INTER_TOKEN_SECONDS, "model" => "tiny").record(0.002);
        let text = recorder.render();
        for part in [
            "# HELP modelhost_requests_total Requests that a model was asked.",
            r#"modelhost_requests_total{model="tiny",ability="chat"} 2"#,
            r#"modelhost_inter_token_seconds_bucket{model="tiny",le="0.0025"} 1"#,
        ] {
            assert!(text.contains(part), "`{part}` is not in:\n{text}");
        }
        assert!(install_recorder().is_err());
    }
}
