//! An answer that arrives in pieces.

use std::{collections::VecDeque, fmt, marker::PhantomData, pin::Pin};

use bytes::Bytes;
use futures::{Stream, StreamExt};
use serde::de::DeserializeOwned;

use crate::{
    ClientError, Endpoint,
    error::message_of,
    sse::{Event, Parser},
};

/// The chunks of a streamed answer; dropping it tells the host to stop.
pub struct EventStream<T> {
    endpoint: Endpoint,
    path: &'static str,
    body: Pin<Box<dyn Stream<Item = reqwest::Result<Bytes>> + Send>>,
    parser: Parser,
    /// Events that one read completed together.
    ready: VecDeque<Event>,
    ended: bool,
    chunk: PhantomData<fn() -> T>,
}

impl<T> fmt::Debug for EventStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream")
            .field("path", &self.path)
            .field("ready", &self.ready.len())
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

impl<T: DeserializeOwned> EventStream<T> {
    pub(crate) fn new(endpoint: Endpoint, path: &'static str, response: reqwest::Response) -> Self {
        Self {
            endpoint,
            path,
            body: Box::pin(response.bytes_stream()),
            parser: Parser::default(),
            ready: VecDeque::new(),
            ended: false,
            chunk: PhantomData,
        }
    }

    /// The next chunk; `None` at the end, which is `[DONE]` or the end of the body.
    ///
    /// # Errors
    /// What the host reports inside the stream, a broken connection, or a chunk of another shape.
    pub async fn next(&mut self) -> Result<Option<T>, ClientError> {
        let event = self.next_event().await;
        if !matches!(event, Ok(Some(_))) {
            self.ended = true;
        }
        let Some(event) = event? else { return Ok(None) };
        let chunk = read(self.path, &event);
        self.ended |= !matches!(chunk, Ok(Some(_)));
        chunk
    }

    async fn next_event(&mut self) -> Result<Option<Event>, ClientError> {
        loop {
            if self.ended {
                return Ok(None);
            }
            if let Some(event) = self.ready.pop_front() {
                return Ok(Some(event));
            }
            let Some(bytes) = self.body.next().await else { return Ok(None) };
            let bytes = bytes.map_err(|source| ClientError::Broken {
                endpoint: self.endpoint.to_string(),
                source,
            })?;
            let mut events = Vec::new();
            self.parser.push(&bytes, &mut events).map_err(|error| ClientError::Unexpected {
                path: self.path.to_owned(),
                reason: error.to_string(),
            })?;
            self.ready.extend(events);
        }
    }
}

fn read<T: DeserializeOwned>(path: &str, event: &Event) -> Result<Option<T>, ClientError> {
    if event.data.trim() == "[DONE]" {
        return Ok(None);
    }
    let value: serde_json::Value =
        serde_json::from_str(&event.data).map_err(|error| unexpected(path, &error))?;
    if value.get("error").is_some_and(|error| !error.is_null()) {
        return Err(ClientError::Interrupted { message: message_of(500, event.data.as_bytes()) });
    }
    serde_json::from_value(value).map(Some).map_err(|error| unexpected(path, &error))
}

fn unexpected(path: &str, error: &serde_json::Error) -> ClientError {
    ClientError::Unexpected { path: path.to_owned(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[track_caller]
    fn check(data: &str, expect: Result<Option<Value>, &str>) {
        let event = Event { name: String::new(), data: data.to_owned() };
        match (read::<Value>("/v1/x", &event), expect) {
            (Ok(got), Ok(value)) => assert_eq!(got, value),
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
            (got, _) => panic!("{data}: {got:?}"),
        }
    }

    #[test]
    fn chunks() {
        check(r#"{"a":1}"#, Ok(Some(serde_json::json!({"a": 1}))));
        check("[DONE]", Ok(None));
        check(r#"{"error":{"message":"worker died"}}"#, Err("worker died"));
        check(r#"{"error":"worker died"}"#, Err("worker died"));
        check(r#"{"a":1,"error":null}"#, Ok(Some(serde_json::json!({"a": 1, "error": null}))));
        check("{", Err("/v1/x"));
    }
}
