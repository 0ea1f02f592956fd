//! REST: the OpenAI and Xinference dialects over one [`Inference`].
//!
//! This crate alone knows HTTP. [`app`] makes the routes, [`serve`] runs them on a listener.
//! Requests are read leniently (`lax`), checked by inference, and answered in the forms that the
//! dialects' own clients expect; every error body carries both `detail` and `error`.

mod absent;
mod announced;
mod auth;
mod body;
mod budget;
mod docs;
mod error;
mod frame;
mod guard;
mod health;
mod lax;
mod linger;
mod openai;
mod pages;
mod paths;
mod plugins;
mod serve;
mod stall;
mod state;
mod xinference;

use std::sync::Arc;

use axum::{
    Router, middleware,
    routing::{get, post},
};
use inference::Inference;
use tower_http::catch_panic::CatchPanicLayer;

pub use docs::openapi;
pub use serve::serve;
pub use state::{Options, Origins};

use state::Shared;
use xinference::{catalog, cluster, models};

/// The routes, and what [`serve`] needs to end them.
#[derive(Clone)]
pub struct App {
    pub(crate) router: Router,
    pub(crate) shared: Arc<Shared>,
}

impl App {
    /// The routes alone, for tests and for servers of another kind.
    pub fn router(&self) -> Router {
        self.router.clone()
    }
}

#[cfg(test)]
mod tests;

/// The routes of a host.
pub fn app(inference: Inference, options: Options) -> App {
    let cors = pages::cors(&options);
    let shared = Arc::new(Shared::new(inference, options));
    let keys = || middleware::from_fn_with_state(Arc::clone(&shared), auth::require_key);
    let at_most = |bytes: u64| middleware::from_fn_with_state(bytes, announced::within);
    let open = Router::new()
        .route("/health", get(health::health))
        .route("/ready", get(health::ready))
        .route("/status", get(cluster::status))
        .route("/v1/address", get(cluster::address))
        .route("/v1/cluster/auth", get(cluster::auth))
        .route("/v1/models/families", get(catalog::families))
        .route("/v1/models/prompts", get(catalog::prompts))
        .route("/v1/models/vllm-supported", get(catalog::vllm_supported))
        .route("/", get(docs::to_page))
        .route("/ui", get(docs::to_page))
        .merge(docs::routes());
    let keyed = Router::new()
        .route("/v1/chat/completions", post(openai::chat::completions))
        .route("/v1/completions", post(openai::completion::completions))
        .route("/v1/render", post(openai::render::render))
        .route("/v1/models", get(models::list).fallback(absent::launch))
        .route("/v1/models/instances", get(models::instances))
        .route("/v1/models/{uid}", get(models::describe).fallback(absent::launch))
        .route("/v1/models/{uid}/progress", get(models::progress))
        .route("/v1/models/{uid}/replicas", get(models::replicas).fallback(absent::launch))
        .route("/v1/plugins", get(plugins::list))
        .route("/v1/cluster/version", get(cluster::version))
        .route("/v1/cluster/info", get(cluster::info))
        .route("/v1/cluster/devices", get(cluster::devices))
        .route("/metrics", get(health::metrics))
        .merge(absent::routes())
        .layer(keys());
    let uploads = Router::new()
        .route("/v1/audio/transcriptions", post(openai::speech::transcriptions))
        .route("/v1/audio/translations", post(openai::speech::translations))
        .layer(keys())
        .layer(at_most(shared.options.upload_limit.saturating_add(openai::speech::BESIDE)));
    let router = open
        .merge(keyed)
        .fallback(frame::not_found)
        .layer(at_most(shared.options.body_limit as u64))
        .merge(uploads)
        .method_not_allowed_fallback(frame::method_not_allowed)
        .layer(middleware::from_fn_with_state(Arc::clone(&shared), pages::known_page))
        .layer(middleware::from_fn_with_state(Arc::clone(&shared), guard::known_host))
        .layer(cors)
        .layer(CatchPanicLayer::custom(frame::panicked))
        .layer(middleware::from_fn(frame::frame))
        .with_state(Arc::clone(&shared));
    App { router: paths::normalised(router), shared }
}
