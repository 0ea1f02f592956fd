//! Whether the server lives and whether it can do its work.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use telemetry::metric;
use utoipa::ToSchema;

use crate::state::{Shared, VERSION};

/// A server that lives.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok`.
    status: &'static str,
    /// The server's version.
    version: &'static str,
}

/// Says that the server lives.
#[utoipa::path(get, path = "/health", operation_id = "get_health", tag = "server", security(()),
    responses((status = 200, description = "The server lives.", body = Health)))]
pub(crate) async fn health() -> Json<Health> {
    Json(Health { status: "ok", version: VERSION })
}

/// Whether the server can do its work.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Readiness {
    /// Whether no model is loading and the server does not stop.
    ready: bool,
    /// Why it is not ready; absent where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Which models are in which state; absent where keys are needed, which this route is not
    /// asked for.
    #[serde(flatten)]
    models: Option<Models>,
}

/// Which models are in which state.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct Models {
    /// Models that answer.
    serving: Vec<String>,
    /// Models that load.
    loading: Vec<String>,
    /// Models that do not serve; waiting does not help them, so they count only where no other
    /// model serves.
    failed: Vec<String>,
}

/// Says whether every model that can load has loaded.
#[utoipa::path(get, path = "/ready", operation_id = "get_readiness", tag = "server", security(()),
    responses(
        (status = 200, description = "No model is loading.", body = Readiness),
        (status = 503, description = "Models are loading, none serves, or the server stops.", body = Readiness),
    ))]
pub(crate) async fn ready(State(shared): State<Arc<Shared>>) -> (StatusCode, Json<Readiness>) {
    let mut models = Models::default();
    // Asked first: a model is added before it is no longer expected.
    let expected = shared.inference.expected();
    for info in shared.inference.models() {
        let list = if info.is_ready() {
            &mut models.serving
        } else if info.is_loading() {
            &mut models.loading
        } else {
            &mut models.failed
        };
        list.push(info.uid.to_string());
    }
    for uid in expected.iter().map(ToString::to_string) {
        if ![&models.serving, &models.loading, &models.failed].into_iter().any(|l| l.contains(&uid))
        {
            models.loading.push(uid);
        }
    }
    let reason = if shared.draining.is_cancelled() {
        Some("the server stops".to_owned())
    } else {
        match models.loading.len() {
            0 if models.serving.is_empty() && !models.failed.is_empty() => {
                Some("no model serves; the log says why".to_owned())
            }
            0 => None,
            1 => Some("1 model is loading".to_owned()),
            more => Some(format!("{more} models are loading")),
        }
    };
    let status = if reason.is_none() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let models = Some(models).filter(|_| shared.options.api_keys.is_empty());
    (status, Json(Readiness { ready: reason.is_none(), reason, models }))
}

/// Prints the figures in Prometheus' text format.
#[utoipa::path(get, path = "/metrics", operation_id = "get_metrics", tag = "server",
    responses((status = 200, description = "The figures.", body = String, content_type = "text/plain")))]
pub(crate) async fn metrics(State(shared): State<Arc<Shared>>) -> Response {
    shared.inference.record_gauges();
    metrics::gauge!(metric::UPTIME_SECONDS).set(shared.started.elapsed().as_secs_f64());
    metrics::gauge!(metric::BUILD_INFO, "version" => VERSION).set(1.0);
    let text = shared.options.recorder.as_ref().map(telemetry::Recorder::render);
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], text.unwrap_or_default()).into_response()
}
