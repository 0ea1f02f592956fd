//! The OpenAPI document, and the page that shows it.

use axum::{Router, response::Redirect};
use utoipa::{
    Modify, OpenApi, ToSchema,
    openapi::{
        Content, Ref, Response, ResponseBuilder,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::{
    error::ErrorBody, health, openai, plugins, state::VERSION, xinference::catalog,
    xinference::cluster, xinference::models,
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
        openai::speech::transcriptions,
        openai::speech::translations,
        models::list,
        models::describe,
        models::instances,
        models::progress,
        models::replicas,
        catalog::families,
        catalog::prompts,
        catalog::vllm_supported,
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
    modifiers(&Keys, &Version, &Refusals),
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

/// What every route may answer beside what its handler names.
struct Refusals;

impl Modify for Refusals {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        for path in document.paths.paths.values_mut() {
            for (operation, has_body) in [(&mut path.get, false), (&mut path.post, true)] {
                let Some(operation) = operation else { continue };
                let open = operation.security.is_some();
                let refusals = [
                    ("400", true, "The request cannot be read."),
                    ("401", !open, "The key is missing or wrong."),
                    ("403", true, "The server does not answer to this name, or to this page."),
                    ("405", true, "The route does not answer to this method."),
                    ("408", has_body, "The body did not arrive in time."),
                    ("413", true, "The body is too large."),
                    ("414", true, "The request's target is too long."),
                    ("415", has_body, "The body is compressed."),
                    ("500", true, "The server failed; the cause is in its log."),
                ];
                for (status, may, description) in refusals {
                    if may {
                        let responses = &mut operation.responses.responses;
                        responses
                            .entry(status.to_owned())
                            .or_insert_with(|| refusal(description).into());
                    }
                }
            }
        }
    }
}

fn refusal(description: &str) -> Response {
    let body = Content::new(Some(Ref::from_schema_name(ErrorBody::name())));
    ResponseBuilder::new().description(description).content("application/json", body).build()
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
    // Swagger's files are in the binary, so the page works without a network; its validator would
    // show the document's address to somebody else's server.
    let config = Config::default().validator_url("none");
    SwaggerUi::new("/docs").config(config).url("/openapi.json", openapi()).into()
}

/// Sends a browser that asks for the server itself to the page.
pub(crate) async fn to_page() -> Redirect {
    Redirect::temporary("/docs/")
}
