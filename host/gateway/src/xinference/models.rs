//! What is served.

use std::sync::Arc;

use axum::{
    Json,
    extract::{FromRequestParts, Path, Query, State, rejection::QueryRejection},
    http::{StatusCode, request::Parts},
};
use inference::{InferenceError, ModelInfo};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    describe::{DescribedModel, Description, ListedModel},
    workers::{Instance, Progress, Replica},
};
use crate::{error::ApiError, error::ErrorBody, state::Shared};

/// The uid in a request's path.
pub(crate) struct Uid(String);

impl<S: Send + Sync> FromRequestParts<S> for Uid {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        path.map(|Path(uid)| Self(uid)).map_err(|rejection| {
            let message = format!("the uid in the path cannot be read: {rejection}");
            ApiError::new(StatusCode::BAD_REQUEST, message).code("invalid_request")
        })
    }
}

/// The models that are served.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ModelList {
    /// `list`.
    object: &'static str,
    /// The models.
    data: Vec<ListedModel>,
}

/// Lists the models that answer, and those whose worker is being started again.
#[utoipa::path(get, path = "/v1/models", operation_id = "list_models", tag = "models",
    responses((status = 200, description = "The models.", body = ModelList)))]
pub(crate) async fn list(State(shared): State<Arc<Shared>>) -> Json<ModelList> {
    let address = shared.options.listen.to_string();
    let shown = |info: &ModelInfo| info.is_ready() || (info.is_loading() && info.has_served);
    let data = shared.inference.models().into_iter().filter(shown);
    let data = data
        .map(|info| ListedModel {
            id: info.uid.to_string(),
            object: "model",
            created: 0,
            owned_by: "xinference",
            description: Description::new(&info, &address),
            replica: info.replica,
        })
        .collect();
    Json(ModelList { object: "list", data })
}

/// Describes one model.
#[utoipa::path(get, path = "/v1/models/{uid}", operation_id = "describe_model", tag = "models",
    params(("uid" = String, Path, description = "The model's uid.")),
    responses(
        (status = 200, description = "The model.", body = DescribedModel),
        (status = 400, description = "There is no such model.", body = ErrorBody),
        (status = 503, description = "The model is loading, or does not serve.", body = ErrorBody),
    ))]
pub(crate) async fn describe(
    State(shared): State<Arc<Shared>>,
    Uid(uid): Uid,
) -> Result<Json<DescribedModel>, ApiError> {
    let info = find(&shared, &uid)?;
    if info.is_loading() && !info.has_served {
        let retry_after = info.retry_after;
        return Err(InferenceError::Loading { uid, retry_after }.into());
    }
    if !info.is_ready() && !info.is_loading() {
        let cause = info.error.unwrap_or_else(|| "it is being ended".to_owned());
        return Err(InferenceError::ModelFailed { uid, cause }.into());
    }
    let description = Description::new(&info, &shared.options.listen.to_string());
    Ok(Json(DescribedModel { description, n_worker: 1, replica: info.replica }))
}

fn find(shared: &Shared, uid: &str) -> Result<ModelInfo, ApiError> {
    shared.inference.describe(uid).map_err(|error| match error {
        // Xinference answers a description otherwise than a request, and Dify shows this text.
        InferenceError::UnknownModel { uid, .. } => {
            let message = format!("Model not found in the model list, uid: {uid}");
            ApiError::new(StatusCode::BAD_REQUEST, message).code("model_not_found")
        }
        error => error.into(),
    })
}

/// Which models to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(crate) struct Filter {
    /// Only models of this name, or of this uid, under which most clients know a model.
    model_name: Option<String>,
    /// Only the model of this uid.
    model_uid: Option<String>,
}

/// Lists every model with the state of its workers, those that failed among them.
#[utoipa::path(get, path = "/v1/models/instances", operation_id = "list_instances", tag = "models", params(Filter),
    responses((status = 200, description = "The models.", body = Vec<Instance>)))]
pub(crate) async fn instances(
    State(shared): State<Arc<Shared>>,
    filter: Result<Query<Filter>, QueryRejection>,
) -> Json<Vec<Instance>> {
    let Query(filter) = filter.unwrap_or_default();
    let known = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let (name, uid) = (known(&filter.model_name), known(&filter.model_uid));
    let address = shared.options.listen.to_string();
    let models = shared.inference.models().into_iter().filter(|info| {
        name.as_ref().is_none_or(|name| info.name == *name || info.uid.as_str() == name)
            && uid.as_ref().is_none_or(|uid| info.uid.as_str() == uid)
    });
    Json(models.map(|info| Instance::new(&info, &address)).collect())
}

/// Says how far the launch of a model is; a model that nobody launched is pending.
#[utoipa::path(get, path = "/v1/models/{uid}/progress", operation_id = "get_progress", tag = "models",
    params(("uid" = String, Path, description = "The model's uid.")),
    responses((status = 200, description = "How far the launch is.", body = Progress)))]
pub(crate) async fn progress(State(shared): State<Arc<Shared>>, Uid(uid): Uid) -> Json<Progress> {
    let info = shared.inference.model(&uid);
    Json(info.as_ref().map_or_else(Progress::pending, Progress::new))
}

/// Lists a model's workers.
#[utoipa::path(get, path = "/v1/models/{uid}/replicas", operation_id = "list_replicas", tag = "models",
    params(("uid" = String, Path, description = "The model's uid.")),
    responses(
        (status = 200, description = "The workers.", body = Vec<Replica>),
        (status = 400, description = "There is no such model.", body = ErrorBody),
        (status = 503, description = "The model is about to be launched.", body = ErrorBody),
    ))]
pub(crate) async fn replicas(
    State(shared): State<Arc<Shared>>,
    Uid(uid): Uid,
) -> Result<Json<Vec<Replica>>, ApiError> {
    let info = find(&shared, &uid)?;
    Ok(Json(Replica::list(&info, &shared.options.listen.to_string())))
}
