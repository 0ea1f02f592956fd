//! Reads a JSON body within its limits of size and time.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{FromRequest, Request},
    http::{StatusCode, header},
};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use inference::InvalidCommand;
use serde::de::DeserializeOwned;

use crate::{error::ApiError, state::Shared};

/// How much of a body that is too large is read and thrown away, so that the client has sent what
/// it wanted to send and reads the answer.
const DISCARD: usize = 64 << 20;

/// A JSON body; its errors name the field.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Arc<Shared>> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, shared: &Arc<Shared>) -> Result<Self, ApiError> {
        let options = &shared.options;
        let late = || {
            let message =
                format!("the request did not arrive within {:?}", options.arrival_timeout);
            ApiError::new(StatusCode::REQUEST_TIMEOUT, message).code("request_timeout")
        };
        let read = read(request, options.body_limit);
        let body = tokio::time::timeout(options.arrival_timeout, read).await;
        parse(&body.map_err(|_| late())??).map(Self)
    }
}

async fn read(request: Request, limit: usize) -> Result<Bytes, ApiError> {
    let length = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let mut body: Body = request.into_body();
    let mut kept = BytesMut::with_capacity(length.unwrap_or(0).min(limit));
    let mut seen = 0_usize;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| {
            ApiError::new(StatusCode::BAD_REQUEST, "the body broke off").code("invalid_request")
        })?;
        let Ok(data) = frame.into_data() else { continue };
        seen = seen.saturating_add(data.len());
        if seen <= limit {
            kept.extend_from_slice(&data);
        } else {
            kept = BytesMut::new();
            if seen > limit.saturating_add(DISCARD) {
                break;
            }
        }
    }
    if seen <= limit {
        return Ok(kept.freeze());
    }
    let given = length.filter(|&length| length >= seen).unwrap_or(seen);
    let message = format!(
        "the body may have at most {limit} bytes, it has {given}: shorten it, or raise the limit in the server's configuration"
    );
    Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, message).code("body_too_large"))
}

/// Parses a body; an error names the field and what is wrong with it.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    // A list would be read as the fields in their order.
    if body.trim_ascii_start().first().is_some_and(|&first| first != b'{') {
        return Err(InvalidCommand::whole("the body must be a JSON object").into());
    }
    let mut json = serde_json::Deserializer::from_slice(body);
    let parsed = serde_path_to_error::deserialize(&mut json);
    let value = parsed.map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        let reason = inner.to_string();
        if inner.is_data() {
            // The path says where; the line and the column would only repeat it.
            let end = reason.rfind(" at line ").unwrap_or(reason.len());
            let reason = format!("is not right: {}", reason.get(..end).unwrap_or(&reason));
            match path.as_str() {
                "." => InvalidCommand::whole(format!("the body {reason}")),
                path => InvalidCommand::new(path, reason),
            }
        } else {
            InvalidCommand::whole(format!("the body is no valid JSON: {reason}"))
        }
    })?;
    json.end()
        .map_err(|error| InvalidCommand::whole(format!("the body is no valid JSON: {error}")))?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openai::request::GenerationRequest;

    #[track_caller]
    fn check(body: &str, expect: &str) {
        let error = parse::<GenerationRequest>(body.as_bytes()).map(drop).unwrap_err();
        let text = error.object().message;
        assert!(text.contains(expect), "`{text}` lacks `{expect}`");
    }

    #[test]
    fn errors_name_the_field() {
        check("", "no valid JSON: EOF");
        check("{\"model\":", "no valid JSON");
        check("{} x", "no valid JSON: trailing");
        check("7", "the body must be a JSON object");
        check(" [1]", "the body must be a JSON object");
        check(r#"{"messages":{}}"#, "`messages` is not right: invalid type: map, expected a list");
        check(
            r#"{"messages":[{"role":"user","content":"a"},{"content":{}}]}"#,
            "`messages[1].content` is not right: invalid type: map, expected a string or a list of parts",
        );
        check(r#"{"messages":[{"content":[{"text":[]}]}]}"#, "`messages[0].content[0].text`");
        check(r#"{"temperature":"hot"}"#, "`temperature` is not right");
        check(r#"{"stream_options":{"include_usage":[]}}"#, "`stream_options.include_usage`");
        check(r#"{"extra_body":{"top_k":"many"}}"#, "`extra_body.top_k`");
        check(r#"{"logprobs":[1]}"#, "`logprobs`");
        check(r#"{"stop_token_ids":[-1]}"#, "`stop_token_ids[0]`");
    }
}
