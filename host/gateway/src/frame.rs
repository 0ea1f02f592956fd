//! What every response has in common: an id, a name, a line in the log, and a place in the
//! figures.

use std::{any::Any, time::Instant};

use axum::{
    body::Body,
    extract::{MatchedPath, Request},
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use telemetry::metric;
use tracing::Instrument;

use crate::error::ApiError;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The greatest length of a request's target; the server reads longer ones only to refuse them.
const TARGET: usize = 8 << 10;

/// Frames every request and its response.
pub(crate) async fn frame(request: Request, next: Next) -> Response {
    let start = Instant::now();
    let id = request_id(&request);
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("other", MatchedPath::as_str).to_owned();
    let span = tracing::info_span!(
        "request",
        id = id.to_str().unwrap_or_default(),
        %method,
        route,
    );
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    let mut response = if target > TARGET {
        let message =
            format!("the request's target may have at most {TARGET} bytes, it has {target}");
        ApiError::new(StatusCode::URI_TOO_LONG, message).code("uri_too_long").into_response()
    } else {
        next.run(request).instrument(span.clone()).await
    };
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id);
    headers.insert(header::SERVER, HeaderValue::from_static("modelhost"));
    let status = response.status();
    // Neither a probe that asks too early nor a route that is not offered is a fault.
    let is_fault =
        status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED && route != "/ready";
    let seconds = start.elapsed();
    metrics::counter!(
        metric::HTTP_REQUESTS,
        "method" => label(&method),
        "route" => route.clone(),
        "status" => status.as_str().to_owned()
    )
    .increment(1);
    metrics::histogram!(metric::HTTP_SECONDS, "route" => route).record(seconds);
    let _entered = span.enter();
    if is_fault {
        tracing::warn!(status = status.as_u16(), ?seconds, "answered");
    } else {
        tracing::debug!(status = status.as_u16(), ?seconds, "answered");
    }
    response
}

/// A method as a label; strangers cannot make new ones.
fn label(method: &axum::http::Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "POST" => "POST",
        "DELETE" => "DELETE",
        "HEAD" => "HEAD",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

/// The id that the client sent, where it is one, else a new one.
fn request_id(request: &Request) -> HeaderValue {
    let sent = request.headers().get(&REQUEST_ID).filter(|value| {
        let fits = |byte: &u8| byte.is_ascii_graphic();
        !value.is_empty() && value.len() <= 128 && value.as_bytes().iter().all(fits)
    });
    sent.cloned().unwrap_or_else(|| {
        let id = uuid::Uuid::new_v4().hyphenated().to_string();
        HeaderValue::try_from(id).unwrap_or(HeaderValue::from_static("none"))
    })
}

/// The answer where a handler panicked; what it said is in the log.
#[expect(clippy::needless_pass_by_value, reason = "the layer hands it over")]
pub(crate) fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response<Body> {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no text");
    tracing::error!(panic = text, "a handler panicked");
    let message = "the server failed at this request; the cause is in its log";
    ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, message).code("internal").into_response()
}

/// The answer to an unknown path.
pub(crate) async fn not_found() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "Not Found").code("not_found")
}

/// The answer to a known path with another method.
pub(crate) async fn method_not_allowed() -> ApiError {
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed").code("method_not_allowed")
}
