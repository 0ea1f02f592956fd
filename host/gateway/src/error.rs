//! Errors as every dialect here shows them: a status, and a body that both kinds of clients read.

use std::borrow::Cow;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use inference::{InferenceError, InvalidCommand};
use serde::Serialize;
use utoipa::ToSchema;

/// The body of every error: `detail` for Xinference's clients, `error` for OpenAI's.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErrorBody {
    /// What went wrong.
    pub(crate) detail: String,
    /// The same for OpenAI's clients.
    pub(crate) error: ErrorObject,
}

/// An error in OpenAI's form.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErrorObject {
    /// What went wrong.
    pub(crate) message: String,
    /// The kind of error.
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    /// The field at fault, such as `messages[1].content`.
    pub(crate) param: Option<String>,
    /// A short word for programs.
    pub(crate) code: Option<&'static str>,
}

/// The body where a form lacks fields: `detail` as Xinference's framework writes it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MissingFields {
    /// The fields that are missing.
    detail: Vec<MissingField>,
    /// The same for OpenAI's clients.
    error: ErrorObject,
}

/// The body where a request is no form, or a form lacks fields.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "it describes what is written")]
pub(crate) enum FormErrorBody {
    Missing(MissingFields),
    Unread(ErrorBody),
}

/// A field that a form lacks.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MissingField {
    /// `missing`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// `body` and the field's name.
    loc: [&'static str; 2],
    /// `Field required`.
    msg: &'static str,
    /// Null.
    input: Option<String>,
}

/// An error on its way to a client.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    message: Cow<'static, str>,
    param: Option<String>,
    code: Option<&'static str>,
    retry_after: Option<u32>,
    /// Fields that a form lacks.
    missing: Vec<&'static str>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            message: message.into(),
            param: None,
            code: None,
            retry_after: None,
            missing: Vec::new(),
        }
    }

    /// A form lacks these fields.
    pub(crate) fn missing(fields: Vec<&'static str>) -> Self {
        let named = fields.join("` and `");
        let are = if fields.len() == 1 { "is" } else { "are" };
        let message = format!("`{named}` {are} missing: send a form with `model` and `file`");
        Self {
            param: fields.first().map(|&field| field.to_owned()),
            missing: fields,
            ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, message).code("missing")
        }
    }

    /// Adds a short word for programs.
    pub(crate) fn code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    /// Adds after how many seconds to ask again.
    pub(crate) fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    fn kind(&self) -> &'static str {
        match self.status {
            StatusCode::UNAUTHORIZED => "authentication_error",
            StatusCode::FORBIDDEN => "permission_error",
            StatusCode::NOT_FOUND => "not_found_error",
            StatusCode::TOO_MANY_REQUESTS => "rate_limit_error",
            StatusCode::SERVICE_UNAVAILABLE => "service_unavailable_error",
            status if status.is_client_error() => "invalid_request_error",
            _ => "server_error",
        }
    }

    /// The part of the body that also goes into a stream.
    pub(crate) fn object(&self) -> ErrorObject {
        ErrorObject {
            message: self.message.to_string(),
            kind: self.kind(),
            param: self.param.clone(),
            code: self.code,
        }
    }
}

impl From<InvalidCommand> for ApiError {
    fn from(error: InvalidCommand) -> Self {
        let message = error.to_string();
        Self {
            param: error.field,
            ..Self::new(StatusCode::BAD_REQUEST, message).code("invalid_request")
        }
    }
}

impl From<InferenceError> for ApiError {
    fn from(error: InferenceError) -> Self {
        let status = match &error {
            InferenceError::Invalid(invalid) => return invalid.clone().into(),
            InferenceError::Unsupported { .. } | InferenceError::PromptTooLong { .. } => {
                StatusCode::BAD_REQUEST
            }
            InferenceError::UnknownModel { .. } => StatusCode::NOT_FOUND,
            InferenceError::Overloaded { .. } => StatusCode::TOO_MANY_REQUESTS,
            InferenceError::Loading { .. }
            | InferenceError::ModelFailed { .. }
            | InferenceError::WorkerDied { .. }
            | InferenceError::SlowConsumer { .. }
            | InferenceError::Starved { .. }
            | InferenceError::ShuttingDown => StatusCode::SERVICE_UNAVAILABLE,
            InferenceError::PluginFailed { .. }
            | InferenceError::EngineFailed { .. }
            | InferenceError::AudioFailed => StatusCode::INTERNAL_SERVER_ERROR,
            InferenceError::NoRoom => StatusCode::INSUFFICIENT_STORAGE,
        };
        Self {
            retry_after: error.retry_after(),
            ..Self::new(status, error.to_string()).code(error.code())
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = if self.missing.is_empty() {
            let body = ErrorBody { detail: self.message.to_string(), error: self.object() };
            (self.status, Json(body)).into_response()
        } else {
            let field = |&field: &&'static str| MissingField {
                kind: "missing",
                loc: ["body", field],
                msg: "Field required",
                input: None,
            };
            let detail = self.missing.iter().map(field).collect();
            (self.status, Json(MissingFields { detail, error: self.object() })).into_response()
        };
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
