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
use tokio::time::Instant;

use crate::{
    error::{ApiError, ErrorObject},
    state::Shared,
};

/// An answer that comes in items.
pub(super) trait Answer: Send + 'static {
    /// A change to it.
    type Item: Send;
    /// What is known of it at its end.
    type End: Send;

    /// Everything that is ready, waiting until something is; `None` after the end.
    fn next(&mut self) -> impl Future<Output = Option<Vec<Self::Item>>> + Send;
    /// What is known of an answer that ended well.
    fn end(&self) -> Self::End;
    /// The item that ends an answer with an error.
    fn failed(error: InferenceError) -> Self::Item;
    /// The error that an item ends the answer with, if it does.
    fn failure(item: &Self::Item) -> Option<&InferenceError>;
}

impl Answer for Reply {
    type Item = ReplyItem;
    type End = Usage;

    async fn next(&mut self) -> Option<Vec<ReplyItem>> {
        Self::next(self).await
    }

    fn end(&self) -> Usage {
        self.usage()
    }

    fn failed(error: InferenceError) -> ReplyItem {
        ReplyItem::Failed(error)
    }

    fn failure(item: &ReplyItem) -> Option<&InferenceError> {
        match item {
            ReplyItem::Failed(error) => Some(error),
            _ => None,
        }
    }
}

/// Writes an answer's items in one dialect's form.
pub(super) trait Writer: Send + 'static {
    /// What is written.
    type Of: Answer;

    /// Writes what the client is to see of one item, if anything.
    fn item(&mut self, item: ItemOf<Self>, out: &mut BytesMut);
    /// Writes the end of an answer that ended well.
    fn end(&mut self, end: EndOf<Self>, out: &mut BytesMut);
}

type ItemOf<W> = <<W as Writer>::Of as Answer>::Item;
type EndOf<W> = <<W as Writer>::Of as Answer>::End;

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

/// The next items of an answer, or its end where the server stops.
pub(super) async fn next<A: Answer>(shared: &Shared, answer: &mut A) -> Option<Vec<A::Item>> {
    tokio::select! {
        biased;
        () = shared.stop.cancelled() => Some(vec![A::failed(InferenceError::ShuttingDown)]),
        items = answer.next() => items,
    }
}

/// What an answer does next.
enum Step<A: Answer> {
    Items(Vec<A::Item>),
    /// It ended well.
    End(A::End),
}

/// An answer's steps. A wait for one may be given up and taken up again; dropping the stream, as
/// hyper does when the client goes away, cancels the answer.
fn steps<A: Answer>(
    shared: Arc<Shared>,
    answer: A,
) -> impl Stream<Item = Step<A>> + Send + 'static {
    futures::stream::unfold(Some((shared, answer)), |state| async move {
        let (shared, mut answer) = state?;
        Some(match next(&shared, &mut answer).await {
            Some(items) => (Step::Items(items), Some((shared, answer))),
            None => (Step::End(answer.end()), None),
        })
    })
}

/// How long an answer may take to begin before the client is told that the request was accepted.
/// Until then a failure still has a status of its own.
const FIRST: Duration = Duration::from_secs(5);
/// How long a stream is silent before it shows that it lives; proxies give up after a minute.
const SILENCE: Duration = Duration::from_secs(15);
/// A comment, which every client skips.
const PING: &[u8] = b": ping\r\n\r\n";

/// An answer as the pieces of a body.
struct Streaming<S, W: Writer, H = ()> {
    steps: S,
    writer: W,
    /// The step that has come but is not written yet.
    waiting: Option<Step<W::Of>>,
    buffer: BytesMut,
    ended: bool,
    /// What is held until the answer begins.
    until_begun: Option<H>,
}

impl<S: Stream<Item = Step<W::Of>> + Unpin, W: Writer, H> Streaming<S, W, H> {
    /// Waits for the answer to begin, though not for long.
    async fn begin(mut steps: S, writer: W, until_begun: H) -> Result<Self, InferenceError> {
        let mut buffer = BytesMut::with_capacity(4096);
        let waiting = tokio::time::timeout(FIRST, steps.next()).await.unwrap_or_else(|_| {
            buffer.put_slice(PING);
            None
        });
        if let Some(Step::Items(items)) = &waiting
            && let Some(error) = items.first().and_then(W::Of::failure)
        {
            return Err(error.clone());
        }
        let until_begun = waiting.is_none().then_some(until_begun);
        Ok(Self { steps, writer, waiting, buffer, ended: false, until_begun })
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
            if step.is_ok() {
                self.until_begun = None;
            }
            match step {
                Ok(Some(Step::Items(items))) => self.write(items),
                Ok(Some(Step::End(end))) => {
                    self.writer.end(end, &mut self.buffer);
                    self.ended = true;
                }
                Ok(None) => self.ended = true,
                Err(_) => self.buffer.put_slice(PING),
            }
        }
    }

    fn write(&mut self, items: Vec<ItemOf<W>>) {
        for item in items {
            if let Some(error) = W::Of::failure(&item) {
                failed(&mut self.buffer, &error.clone().into());
                self.ended = true;
                return;
            }
            self.writer.item(item, &mut self.buffer);
        }
    }
}

/// The response that streams an answer; `place` is held until the stream ends.
pub(super) async fn response<W: Writer>(
    shared: Arc<Shared>,
    answer: W::Of,
    writer: W,
    place: impl Send + 'static,
) -> Result<Response, InferenceError> {
    response_to(shared, answer, writer, place, ()).await
}

/// As [`response`]; `until_begun` is held until the answer begins.
pub(super) async fn response_to<W: Writer>(
    shared: Arc<Shared>,
    answer: W::Of,
    writer: W,
    place: impl Send + 'static,
    until_begun: impl Send + 'static,
) -> Result<Response, InferenceError> {
    let steps = Box::pin(steps(shared, answer));
    let streaming = Streaming::begin(steps, writer, until_begun).await?;
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
    fn slow(steps: Vec<(u64, Step<Reply>)>) -> impl Stream<Item = Step<Reply>> + Unpin {
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
    async fn watch(steps: Vec<(u64, Step<Reply>)>) -> Vec<(u64, String)> {
        let start = Instant::now();
        let mut streaming = Streaming::begin(slow(steps), writer(), ()).await.unwrap();
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
    async fn what_is_held_until_the_answer_begins_is_not_held_longer() {
        for seconds in [1, 30] {
            let text = |text| Step::Items(vec![content(0, text)]);
            let steps = slow(vec![(seconds, text("a")), (100, text("b"))]);
            let held = Arc::new(());
            let begun = Streaming::begin(steps, writer(), Arc::clone(&held)).await;
            let mut streaming = begun.unwrap();
            while !streaming.piece().await.unwrap().starts_with(b"data") {
                assert_eq!(Arc::strong_count(&held), 2);
            }
            assert_eq!(Arc::strong_count(&held), 1, "after {seconds} s");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_has_a_status_only_where_it_is_early() {
        let failure = || Step::Items(vec![ReplyItem::Failed(InferenceError::ShuttingDown)]);
        assert!(Streaming::begin(slow(vec![(4, failure())]), writer(), ()).await.is_err());
        let seen = watch(vec![(6, failure())]).await;
        assert_eq!(seen.last().map(|(at, text)| (*at, text.as_str())), Some((6, "data: {")));
    }
}
