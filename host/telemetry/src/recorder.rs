//! Where metrics are kept.

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::{TelemetryError, metric};

/// The process's metrics, for whoever prints them; clones share them.
#[derive(Clone)]
pub struct Recorder(PrometheusHandle);

impl Recorder {
    /// Every metric, in Prometheus' text format.
    pub fn render(&self) -> String {
        // Histograms buffer their samples until upkeep; a scrape is the natural time for it.
        self.0.run_upkeep();
        self.0.render()
    }

    /// Takes in what histograms have buffered; call it now and then where nobody scrapes.
    pub fn upkeep(&self) {
        self.0.run_upkeep();
    }
}

/// Makes this process keep metrics from now on.
///
/// # Errors
/// Where the process keeps metrics already.
pub fn install_recorder() -> Result<Recorder, TelemetryError> {
    let taken = |reason: String| TelemetryError::Taken { what: "metrics", reason };
    let mut builder = PrometheusBuilder::new();
    for (name, buckets) in metric::HISTOGRAMS {
        builder = builder
            .set_buckets_for_metric(Matcher::Full((*name).to_owned()), buckets)
            .map_err(|error| taken(error.to_string()))?;
    }
    let handle = builder.install_recorder().map_err(|error| taken(error.to_string()))?;
    metric::describe();
    Ok(Recorder(handle))
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
