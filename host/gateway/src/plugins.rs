//! `GET /v1/plugins`.

use std::sync::Arc;

use axum::{Json, extract::State};
use inference::PluginStatus;
use model::Ability;
use serde::Serialize;
use utoipa::ToSchema;

use crate::state::Shared;

/// The installed family plugins.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PluginList {
    /// `list`.
    object: &'static str,
    /// The plugins.
    data: Vec<PluginBody>,
}

/// One plugin file.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PluginBody {
    /// The family's name; empty where the file could never be loaded.
    name: String,
    /// The plugin's own version.
    version: String,
    /// One sentence.
    summary: String,
    /// What it can do, from its exports.
    abilities: Vec<&'static str>,
    /// The file's name.
    file: String,
    /// The BLAKE3 hash of the file that serves.
    hash: String,
    /// Whether requests for the family are answered from this file.
    serving: bool,
    /// Whether the newest state of the file is being compiled.
    compiling: bool,
    /// Why the newest state of the file is not in use.
    error: Option<String>,
    /// Whether an older state of the file goes on serving meanwhile.
    still_serving: bool,
}

/// Lists the installed family plugins, those that cannot be loaded among them.
#[utoipa::path(get, path = "/v1/plugins", operation_id = "list_plugins", tag = "plugins",
    responses((status = 200, description = "The plugins.", body = PluginList)))]
pub(crate) async fn list(State(shared): State<Arc<Shared>>) -> Json<PluginList> {
    let data = shared.inference.plugins().into_iter().map(PluginBody::from).collect();
    Json(PluginList { object: "list", data })
}

impl From<PluginStatus> for PluginBody {
    fn from(status: PluginStatus) -> Self {
        // The name alone: where the host keeps its files is nobody else's business.
        let folder = status.file.parent().map(|folder| format!("{}/", folder.display()));
        let error = match (status.error, folder) {
            (Some(error), Some(folder)) => Some(error.replace(&folder, "")),
            (error, _) => error,
        };
        let file = status.file.file_name().map(|name| name.to_string_lossy().into_owned());
        Self {
            name: status.name,
            version: status.version,
            summary: status.summary,
            abilities: status.abilities.into_iter().map(ability).collect(),
            file: file.unwrap_or_default(),
            hash: status.hash,
            compiling: status.compiling,
            serving: status.serving,
            error,
            still_serving: status.still_serving,
        }
    }
}

fn ability(ability: Ability) -> &'static str {
    match ability {
        Ability::Chat => "chat",
        Ability::Completion => "completion",
        Ability::Embedding => "embedding",
        Ability::Rerank => "rerank",
        Ability::Transcription => "transcription",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_the_host_keeps_its_files_is_not_told() {
        let body = PluginBody::from(PluginStatus {
            file: "/srv/secret/a.wasm".into(),
            error: Some("`/srv/secret/a.wasm` cannot be read".to_owned()),
            ..PluginStatus::default()
        });
        assert_eq!(body.file, "a.wasm");
        assert_eq!(body.error.as_deref(), Some("`a.wasm` cannot be read"));
    }
}
