//! Reads a JSON body within its limits of size and time.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{FromRequest, Request},
    http::{HeaderMap, StatusCode, header},
};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use inference::InvalidCommand;
use serde::de::DeserializeOwned;

use crate::{announced, budget::Share, error::ApiError, lax::Json, state::Shared};

/// Reading more than this takes long enough to keep other clients waiting.
const SHORT_BYTES: usize = 128 << 10;

/// A JSON body; its errors name the field.
pub(crate) struct JsonBody<T> {
    pub(crate) value: T,
    /// What it holds of the budget; to be kept until the answer begins.
    pub(crate) share: Share,
}

impl<T: DeserializeOwned + Send + 'static> FromRequest<Arc<Shared>> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, shared: &Arc<Shared>) -> Result<Self, ApiError> {
        let options = &shared.options;
        let late = || {
            let message =
                format!("the request did not arrive within {:?}", options.arrival_timeout);
            ApiError::new(StatusCode::REQUEST_TIMEOUT, message).code("request_timeout")
        };
        check_encoding(request.headers())?;
        let mut share = shared.bodies.share();
        let read = read(request, options.body_limit, &mut share);
        let body = tokio::time::timeout(options.arrival_timeout, read).await;
        let body = body.map_err(|_| late())??;
        if body.len() <= SHORT_BYTES {
            return parse(&body).map(|value| Self { value, share });
        }
        let parsed = tokio::task::spawn_blocking(move || parse(&body)).await;
        let parsed = parsed.unwrap_or_else(|error| {
            tracing::error!(%error, "the thread that reads a body broke");
            let message = "the request could not be read; the host's log says why";
            Err(ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, message))
        });
        parsed.map(|value| Self { value, share })
    }
}

/// A compressed body is refused by name; unpacked it could be of any size.
pub(crate) fn check_encoding(headers: &HeaderMap) -> Result<(), ApiError> {
    let Some(encoding) = headers.get(header::CONTENT_ENCODING) else { return Ok(()) };
    if encoding.as_bytes().eq_ignore_ascii_case(b"identity") {
        return Ok(());
    }
    let shown: String = String::from_utf8_lossy(encoding.as_bytes()).chars().take(32).collect();
    let message =
        format!("a body with the content encoding `{shown}` is not read: send it uncompressed");
    Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message).code("unsupported_encoding"))
}

async fn read(request: Request, limit: usize, share: &mut Share) -> Result<Bytes, ApiError> {
    let mut body: Body = request.into_body();
    // It grows with what arrives, because a client may announce much and send little.
    let mut kept = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| {
            ApiError::new(StatusCode::BAD_REQUEST, "the body broke off").code("invalid_request")
        })?;
        let Ok(data) = frame.into_data() else { continue };
        let seen = kept.len().saturating_add(data.len());
        if seen > limit {
            // How many more there are is known where they were announced, which was refused.
            return Err(announced::too_large(limit as u64, "more"));
        }
        share.grow(seen)?;
        kept.extend_from_slice(&data);
    }
    Ok(kept.freeze())
}

/// Parses a body; an error names the field and what is wrong with it.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    // Some clients mark their UTF-8.
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    // A list would be read as the fields in their order.
    if body.trim_ascii_start().first().is_some_and(|&first| first != b'{') {
        return Err(InvalidCommand::whole("the body must be a JSON object").into());
    }
    let error = match read_json(body) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    // What other servers read although it is no proper JSON is put right and read once more; the
    // first error stands where that does not help.
    mended(body).and_then(|body| read_json(&body).ok()).ok_or_else(|| error.into())
}

fn read_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, InvalidCommand> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
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

/// The body with the last of equal keys, and with U+FFFD for halves of surrogate pairs; `None`
/// where that changes nothing, or where it is too large to be looked at as a whole.
fn mended(body: &[u8]) -> Option<Vec<u8>> {
    let paired = pair_surrogates(body);
    let Json(value) = serde_json::from_slice(&paired).ok()?;
    // A value keeps the last of equal keys.
    let mended = serde_json::to_vec(&value).ok()?;
    (mended != body).then_some(mended)
}

/// Replaces escapes of halves of surrogate pairs that lack the other half.
fn pair_surrogates(body: &[u8]) -> Vec<u8> {
    let half = |at: usize| {
        let digits = body.get(at..at + 6)?.strip_prefix(b"\\u")?;
        let digits = std::str::from_utf8(digits).ok()?;
        u16::from_str_radix(digits, 16).ok()
    };
    let mut paired = Vec::with_capacity(body.len());
    let mut at = 0;
    while let Some(&byte) = body.get(at) {
        let length = match (byte, half(at)) {
            (b'\\', Some(0xd800..=0xdbff)) if matches!(half(at + 6), Some(0xdc00..=0xdfff)) => 12,
            (b'\\', Some(0xd800..=0xdfff)) => {
                paired.extend_from_slice(b"\\ufffd");
                at += 6;
                continue;
            }
            // An escaped backslash does not begin another escape.
            (b'\\', _) => 2,
            _ => 1,
        };
        let end = (at + length).min(body.len());
        paired.extend_from_slice(body.get(at..end).unwrap_or_default());
        at = end;
    }
    paired
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
    #[test]
    fn errors_speak_of_json_alone() {
        check(r#"{"extra_body":"x"}"#, "expected an object of further fields");
        check(r#"{"stream_options":7}"#, "expected an object with `include_usage`");
        check(r#"{"messages":["x"]}"#, "expected an object with `role` and `content`");
        check(r#"{"messages":[{"tool_calls":[7]}]}"#, "expected an object with `function`");
        check(r#"{"messages":[{"function_call":7}]}"#, "expected an object with `name`");
        check(r#"{"tool_choice":{"function":7}}"#, "expected an object with `name`");
        check(r#"{"stop_token_ids":["x"]}"#, "expected a whole number");
    }

    #[track_caller]
    fn check_read(body: &[u8], expect: Option<&str>) {
        let request = parse::<GenerationRequest>(body).unwrap_or_else(|e| panic!("{e:?}"));
        assert_eq!(request.suffix.as_deref(), expect, "{}", String::from_utf8_lossy(body));
    }

    #[test]
    fn what_is_nearly_json_is_read() {
        check_read(b"\xef\xbb\xbf{\"suffix\":\"a\"}", Some("a"));
        check_read(br#"{"suffix":"a","n":1,"suffix":"b"}"#, Some("b"));
        check_read(br#"{"suffix":"a","suffix":null}"#, None);
        check_read(br#"{"suffix":"a\ud83d"}"#, Some("a\u{fffd}"));
        check_read(
            br#"{"suffix":"\ude00\ud83d\ude00\ud83d b"}"#,
            Some("\u{fffd}\u{1f600}\u{fffd} b"),
        );
        check_read(br#"{"suffix":"\\ud83d \ud83d\\"}"#, Some("\\ud83d \u{fffd}\\"));
        check("{\"suffix\":\"\\ud83d", "no valid JSON");
        check(r#"{"suffix":"a","suffix":[]}"#, "`suffix`");
    }
}
