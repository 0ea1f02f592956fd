//! Server-sent events, as Xinference frames them.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use bytes::{BufMut, Bytes, BytesMut};
use futures::{Stream, StreamExt};
use inference::{InferenceError, Reply, ReplyItem};
use model::Usage;
use serde::Serialize;
use tokio::{sync::OwnedSemaphorePermit, time::Instant};

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

/// The next items of a reply, or its end where the server stops.
pub(super) async fn next(shared: &Shared, reply: &mut Reply) -> Option<Vec<ReplyItem>> {
    tokio::select! {
        biased;
        () = shared.stop.cancelled() => Some(vec![ReplyItem::Failed(InferenceError::ShuttingDown)]),
        items = reply.next() => items,
    }
}

/// What a reply does next.
enum Step {
    Items(Vec<ReplyItem>),
    /// It ended well, and used up this much.
    End(Usage),
}

/// A reply's steps. A wait for one may be given up and taken up again; dropping the stream, as
/// hyper does when the client goes away, cancels the reply.
fn steps(shared: Arc<Shared>, reply: Reply) -> impl Stream<Item = Step> + Send + 'static {
    futures::stream::unfold(Some((shared, reply)), |state| async move {
        let (shared, mut reply) = state?;
        Some(match next(&shared, &mut reply).await {
            Some(items) => (Step::Items(items), Some((shared, reply))),
            None => (Step::End(reply.usage()), None),
        })
    })
}

/// How long a reply may take to begin before the client is told that the request was accepted.
/// Until then a failure still has a status of its own.
const FIRST: Duration = Duration::from_secs(5);
/// How long a stream is silent before it shows that it lives; proxies give up after a minute.
const SILENCE: Duration = Duration::from_secs(15);
/// A comment, which every client skips.
const PING: &[u8] = b": ping\r\n\r\n";

/// A reply as the pieces of a body.
struct Streaming<S, W> {
    steps: S,
    writer: W,
    /// The step that has come but is not written yet.
    waiting: Option<Step>,
    buffer: BytesMut,
    ended: bool,
}

impl<S: Stream<Item = Step> + Unpin, W: Writer> Streaming<S, W> {
    /// Waits for the reply to begin, though not for long.
    async fn begin(mut steps: S, writer: W) -> Result<Self, InferenceError> {
        let mut buffer = BytesMut::with_capacity(4096);
        let waiting = tokio::time::timeout(FIRST, steps.next()).await.unwrap_or_else(|_| {
            buffer.put_slice(PING);
            None
        });
        if let Some(Step::Items(items)) = &waiting
            && let Some(ReplyItem::Failed(error)) = items.first()
        {
            return Err(error.clone());
        }
        Ok(Self { steps, writer, waiting, buffer, ended: false })
    }

    /// The next piece of the body: everything that is ready, as one.
    async fn piece(&mut self) -> Option<Bytes> {
        let silent_at = Instant::now() + SILENCE;
        loop {
            if !self.buffer.is_empty() {
                return Some(self.buffer.split().freeze());
            }
            if self.ended {
                return None;
            }
            let step = match self.waiting.take() {
                Some(step) => Ok(Some(step)),
                None => tokio::time::timeout_at(silent_at, self.steps.next()).await,
            };
            match step {
                Ok(Some(Step::Items(items))) => self.write(items),
                Ok(Some(Step::End(usage))) => {
                    self.writer.end(usage, &mut self.buffer);
                    self.ended = true;
                }
                Ok(None) => self.ended = true,
                Err(_) => self.buffer.put_slice(PING),
            }
        }
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

/// The response that streams a reply; `place` is held until the stream ends.
pub(super) async fn response<W: Writer>(
    shared: Arc<Shared>,
    reply: Reply,
    writer: W,
    place: OwnedSemaphorePermit,
) -> Result<Response, InferenceError> {
    let streaming = Streaming::begin(Box::pin(steps(shared, reply)), writer).await?;
    let pieces = futures::stream::unfold((streaming, place), |(mut streaming, place)| async move {
        let piece = streaming.piece().await?;
        Some((Ok::<_, Infallible>(piece), (streaming, place)))
    });
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    Ok((headers, Body::from_stream(pieces)).into_response())
}

#[cfg(test)]
mod tests {
    use futures::stream;
    use model::FinishReason;

    use super::{
        super::{
            chat::ChatWriter,
            golden::{content, head, usage},
        },
        *,
    };

    /// Steps that come some seconds after the one before.
    fn slow(steps: Vec<(u64, Step)>) -> impl Stream<Item = Step> + Unpin {
        Box::pin(stream::unfold(steps.into_iter(), |mut steps| async move {
            let (seconds, step) = steps.next()?;
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            Some((step, steps))
        }))
    }

    fn writer() -> ChatWriter {
        ChatWriter::new(head(), 1, false, false)
    }

    /// When each piece came, in seconds, and the beginning of what it says.
    async fn watch(steps: Vec<(u64, Step)>) -> Vec<(u64, String)> {
        let start = Instant::now();
        let mut streaming = Streaming::begin(slow(steps), writer()).await.unwrap();
        let mut seen = Vec::new();
        while let Some(piece) = streaming.piece().await {
            let text = String::from_utf8(piece.to_vec()).unwrap();
            assert!(text.ends_with("\r\n\r\n"), "{text}");
            seen.push((start.elapsed().as_secs(), text.chars().take(7).collect()));
        }
        seen
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_stream_shows_that_it_lives() {
        let finished = ReplyItem::Finished { sequence: 0, reason: FinishReason::Stop };
        let seen = watch(vec![
            (40, Step::Items(vec![content(0, "a")])),
            (14, Step::Items(vec![content(0, "b")])),
            (16, Step::Items(vec![finished])),
            (0, Step::End(usage())),
        ])
        .await;
        let seen: Vec<_> = seen.iter().map(|(at, text)| (*at, text.as_str())).collect();
        assert_eq!(
            seen,
            [
                (5, ": ping\r"),
                (20, ": ping\r"),
                (35, ": ping\r"),
                (40, "data: {"),
                (54, "data: {"),
                (69, ": ping\r"),
                (70, "data: {"),
                (70, "data: ["),
            ]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn calls_that_are_held_back_are_no_silence() {
        let call = |text: &str| {
            Step::Items(vec![ReplyItem::ToolCallArguments { sequence: 0, text: text.into() }])
        };
        let seen = watch(vec![(0, call("a")), (10, call("b")), (10, call("c"))]).await;
        assert_eq!(seen, [(15, ": ping\r".to_owned())]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_has_a_status_only_where_it_is_early() {
        let failure = || Step::Items(vec![ReplyItem::Failed(InferenceError::ShuttingDown)]);
        assert!(Streaming::begin(slow(vec![(4, failure())]), writer()).await.is_err());
        let seen = watch(vec![(6, failure())]).await;
        assert_eq!(seen.last().map(|(at, text)| (*at, text.as_str())), Some((6, "data: {")));
    }
}
