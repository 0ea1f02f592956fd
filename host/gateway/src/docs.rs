//! The OpenAPI document, and the page that shows it.

use axum::Router;
use utoipa::{
    Modify, OpenApi,
    openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};
use utoipa_swagger_ui::SwaggerUi;

use crate::{
    error::ErrorBody, health, openai, plugins, state::VERSION, xinference::cluster,
    xinference::models,
};

/// The document, made from the handlers and their types.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "modelhost",
        description = "Language models behind the OpenAI and Xinference dialects.",
        license(name = "Apache-2.0")
    ),
    paths(
        openai::chat::completions,
        openai::completion::completions,
        openai::render::render,
        models::list,
        models::describe,
        models::instances,
        models::progress,
        models::replicas,
        plugins::list,
        cluster::auth,
        cluster::version,
        cluster::address,
        cluster::devices,
        cluster::status,
        cluster::info,
        health::health,
        health::ready,
        health::metrics,
    ),
    components(schemas(ErrorBody)),
    modifiers(&Keys, &Version),
    security(("key" = [])),
    tags(
        (name = "inference", description = "Asking models."),
        (name = "models", description = "What is served."),
        (name = "plugins", description = "What drives the models."),
        (name = "server", description = "The server itself."),
    )
)]
struct Document;

struct Keys;

impl Modify for Keys {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("A key of the server's configuration; none is needed by default."));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("key", SecurityScheme::Http(bearer.build()));
    }
}

struct Version;

impl Modify for Version {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        VERSION.clone_into(&mut document.info.version);
    }
}

/// The OpenAPI document.
pub fn openapi() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

/// The routes of the document and its page.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    // Swagger's files are in the binary, so the page works without a network.
    SwaggerUi::new("/docs").url("/openapi.json", openapi()).into()
}
