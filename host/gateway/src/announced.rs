//! Refuses a body by what the client says of it, before any of it has arrived.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::error::ApiError;

/// Refuses a body that is announced with more bytes than the routes below take.
pub(crate) async fn within(State(limit): State<u64>, request: Request, next: Next) -> Response {
    match length(request.headers()) {
        Some(given) if given > limit => too_large(limit, &given.to_string()).into_response(),
        _ => next.run(request).await,
    }
}

/// The length that the client announces; what is no number is refused by the parser of heads.
fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()
}

/// The refusal of a body of too many bytes.
pub(crate) fn too_large(limit: u64, given: &str) -> ApiError {
    let message = format!(
        "the body may have at most {limit} bytes, it has {given}: shorten it, or raise the limit in the server's configuration"
    );
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, message).code("body_too_large")
}
