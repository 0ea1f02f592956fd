//! Server-sent events, as Xinference frames them.

use std::{convert::Infallible, sync::Arc};

use axum::{
    body::Body,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use bytes::{BufMut, Bytes, BytesMut};
use inference::{InferenceError, Reply, ReplyItem};
use model::Usage;
use serde::Serialize;
use tokio::sync::OwnedSemaphorePermit;

use crate::{
    error::{ApiError, ErrorObject},
    state::Shared,
};

/// Writes a reply's items in one dialect's form.
pub(super) trait Writer: Send + 'static {
    /// Writes what the client is to see of one item, if anything.
    fn item(&mut self, item: ReplyItem, out: &mut BytesMut);
    /// Writes the end of a reply that ended well.
    fn end(&mut self, usage: Usage, out: &mut BytesMut);
}

/// Writes one event.
pub(super) fn event(out: &mut BytesMut, data: &impl Serialize) {
    out.put_slice(b"data: ");
    if let Err(error) = serde_json::to_writer(out.writer(), data) {
        // Memory takes every byte, and the types hold nothing that JSON has no form for.
        tracing::error!(%error, "a chunk could not be written");
    }
    out.put_slice(b"\r\n\r\n");
}

/// Writes the event that ends every stream that ended well.
pub(super) fn done(out: &mut BytesMut) {
    out.put_slice(b"data: [DONE]\r\n\r\n");
}

/// Writes the event that ends a stream that failed.
pub(super) fn failed(out: &mut BytesMut, error: &ApiError) {
    #[derive(Serialize)]
    struct Failed {
        error: ErrorObject,
    }
    event(out, &Failed { error: error.object() });
}

/// Waits for the first items of a reply, so that a request that fails before it has begun is
/// answered with a status rather than with a stream.
pub(super) async fn first(
    shared: &Shared,
    reply: &mut Reply,
) -> Result<Vec<ReplyItem>, InferenceError> {
    let items = next(shared, reply).await.unwrap_or_default();
    match items.first() {
        Some(ReplyItem::Failed(error)) => Err(error.clone()),
        _ => Ok(items),
    }
}

/// The next items of a reply, or its end where the server stops.
pub(super) async fn next(shared: &Shared, reply: &mut Reply) -> Option<Vec<ReplyItem>> {
    tokio::select! {
        biased;
        () = shared.stop.cancelled() => Some(vec![ReplyItem::Failed(InferenceError::ShuttingDown)]),
        items = reply.next() => items,
    }
}

/// A reply as a stream; dropping it, as hyper does when the client goes away, cancels it.
struct Streaming<W> {
    shared: Arc<Shared>,
    reply: Reply,
    writer: W,
    /// Items that have come but are not written yet.
    waiting: Option<Vec<ReplyItem>>,
    buffer: BytesMut,
    ended: bool,
    /// Held until the stream ends.
    _place: OwnedSemaphorePermit,
}

impl<W: Writer> Streaming<W> {
    /// The next piece of the body: everything that is ready, as one.
    async fn step(&mut self) -> Option<Bytes> {
        while !self.ended {
            let items = match self.waiting.take() {
                Some(items) => Some(items),
                None => next(&self.shared, &mut self.reply).await,
            };
            match items {
                None => {
                    self.writer.end(self.reply.usage(), &mut self.buffer);
                    self.ended = true;
                }
                Some(items) => self.write(items),
            }
            if !self.buffer.is_empty() {
                return Some(self.buffer.split().freeze());
            }
        }
        None
    }

    fn write(&mut self, items: Vec<ReplyItem>) {
        for item in items {
            match item {
                ReplyItem::Failed(error) => {
                    failed(&mut self.buffer, &error.into());
                    self.ended = true;
                    return;
                }
                item => self.writer.item(item, &mut self.buffer),
            }
        }
    }
}

/// The response that streams a reply.
pub(super) fn response<W: Writer>(
    shared: Arc<Shared>,
    reply: Reply,
    first: Vec<ReplyItem>,
    writer: W,
    place: OwnedSemaphorePermit,
) -> Response {
    let streaming = Streaming {
        shared,
        reply,
        writer,
        waiting: Some(first),
        buffer: BytesMut::with_capacity(4096),
        ended: false,
        _place: place,
    };
    let pieces = futures::stream::unfold(streaming, |mut streaming| async move {
        let piece = streaming.step().await?;
        Some((Ok::<_, Infallible>(piece), streaming))
    });
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    (headers, Body::from_stream(pieces)).into_response()
}
