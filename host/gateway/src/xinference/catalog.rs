//! What could be served: Xinference's catalog, made of the plugins that are installed.

use std::{collections::BTreeSet, sync::Arc};

use axum::{Json, extract::State};
use model::Ability;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::state::Shared;

/// Families by what they can be asked for.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct Families {
    /// Families that chat.
    chat: BTreeSet<String>,
    /// Families that only complete text.
    generate: BTreeSet<String>,
    /// Families of served models that call tools.
    tools: BTreeSet<String>,
    /// Families of served models that see.
    vision: BTreeSet<String>,
    /// Families of served models that reason.
    reasoning: BTreeSet<String>,
    /// Families of served models that hear.
    audio: BTreeSet<String>,
    /// Families of served models that take every medium.
    omni: BTreeSet<String>,
    /// Families of served models whose reasoning can be switched.
    hybrid: BTreeSet<String>,
}

/// Lists the families by what they can be asked for.
#[utoipa::path(get, path = "/v1/models/families", tag = "models", security(()),
    operation_id = "list_families",
    responses((status = 200, description = "The families.", body = Families)))]
pub(crate) async fn families(State(shared): State<Arc<Shared>>) -> Json<Families> {
    let mut families = Families::default();
    for plugin in shared.inference.plugins().into_iter().filter(|plugin| plugin.serving) {
        if plugin.abilities.contains(&Ability::Chat) {
            families.chat.insert(plugin.name);
        } else if plugin.abilities.contains(&Ability::Completion) {
            families.generate.insert(plugin.name);
        }
    }
    for model in shared.inference.models() {
        let Some(family) = model.family else { continue };
        for feature in &model.features {
            let list = match feature.as_str() {
                "tools" => &mut families.tools,
                "vision" => &mut families.vision,
                "reasoning" => &mut families.reasoning,
                "audio" => &mut families.audio,
                "omni" => &mut families.omni,
                "hybrid" => &mut families.hybrid,
                _ => continue,
            };
            list.insert(family.clone());
        }
    }
    Json(families)
}

/// Lists no templates: families render in plugins, and the weights' own templates are not used.
#[utoipa::path(get, path = "/v1/models/prompts", tag = "models", security(()),
    operation_id = "list_prompts",
    responses((status = 200, description = "An empty object.", body = Object)))]
pub(crate) async fn prompts() -> Json<Value> {
    Json(json!({}))
}

/// Lists nothing: no engine here is vLLM.
#[utoipa::path(get, path = "/v1/models/vllm-supported", tag = "models", security(()),
    operation_id = "list_vllm_supported",
    responses((status = 200, description = "Two empty lists.", body = Object)))]
pub(crate) async fn vllm_supported() -> Json<Value> {
    Json(json!({"chat": [], "generate": []}))
}
