//! Routes that Xinference and OpenAI have and this server has not.
//!
//! A client that asks for one learns so in words, rather than from a bare 404 that looks like a
//! wrong address.

use std::sync::Arc;

use axum::{Router, http::StatusCode, routing::any};

use crate::{error::ApiError, state::Shared};

/// Kinds of inference, by path.
pub(crate) const INFERENCE: [(&str, &str); 11] = [
    ("/v1/embeddings", "embeddings"),
    ("/v1/rerank", "reranking"),
    ("/v1/audio/{*rest}", "making sounds"),
    ("/v1/images/{*rest}", "images"),
    ("/v1/video/{*rest}", "video"),
    ("/v1/messages", "Anthropic's messages"),
    ("/v1/messages/{*rest}", "Anthropic's messages"),
    ("/anthropic/{*rest}", "Anthropic's messages"),
    ("/v1/responses", "OpenAI's responses"),
    ("/v1/responses/{*rest}", "OpenAI's responses"),
    ("/v1/conversations/{*rest}", "OpenAI's conversations"),
];

/// What Xinference has to manage models.
pub(crate) const MANAGEMENT: [&str; 11] = [
    "/v1/models/instance",
    "/v1/models/recommend",
    "/v1/models/{uid}/cancel",
    "/v1/models/{uid}/reload",
    "/v1/models/{uid}/replicas/{id}",
    "/v1/model_registrations/{*rest}",
    "/v1/engines/{*rest}",
    "/v1/cache/{*rest}",
    "/v1/autostart/{*rest}",
    "/v1/launch_history",
    "/v1/model_favorites",
];

/// The routes, each with an answer that says what to use instead.
pub(crate) fn routes() -> Router<Arc<Shared>> {
    let mut router = Router::new();
    for (path, what) in INFERENCE {
        router = router.route(path, any(move || async move { offers_no(what) }));
    }
    for path in MANAGEMENT {
        router = router.route(path, any(manage));
    }
    router
}

fn offers_no(what: &str) -> ApiError {
    absent(format!(
        "this server offers no route for {what} yet: it answers /v1/chat/completions, /v1/completions and /v1/audio/transcriptions"
    ))
}

/// What to do instead of launching, ending or changing a model over HTTP.
const CONFIGURED: &str = "models are launched and ended by the server's configuration, not over HTTP: change models.toml and start the server again";

async fn manage() -> ApiError {
    absent(CONFIGURED.to_owned())
}

/// The answer to whoever wants to launch or end a model where models can only be looked at.
pub(crate) async fn launch() -> ApiError {
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, CONFIGURED).code("not_implemented")
}

fn absent(message: String) -> ApiError {
    ApiError::new(StatusCode::NOT_IMPLEMENTED, message).code("not_implemented")
}
