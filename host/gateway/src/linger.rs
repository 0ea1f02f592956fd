//! Lets a client that is answered before it has sent its whole body read the answer.
//!
//! A connection that is closed with unread data in it is reset, and the client may lose the answer
//! along with it. So what is left of a body that nobody wants is read for a while and thrown away
//! while the answer goes out. The connection is of use again where that was all.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::runtime::Handle;

/// How much of an unwanted body is read.
const DISCARD: usize = 64 << 20;
/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A body of which the rest is read when it is dropped.
pub(crate) struct Lingering {
    /// Taken at its end.
    body: Option<Incoming>,
    /// Whether the client sends nothing until it is asked to, which the first look at the body
    /// does.
    waits: bool,
}

impl Lingering {
    pub(crate) fn new(body: Incoming, waits: bool) -> Self {
        Self { body: Some(body), waits }
    }
}

impl Body for Lingering {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.waits = false;
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(body).poll_frame(context));
        if frame.as_ref().is_none_or(Result::is_err) {
            self.body = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map(Body::size_hint).unwrap_or_default()
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        if self.waits || self.is_end_stream() {
            return;
        }
        if let (Some(body), Ok(runtime)) = (self.body.take(), Handle::try_current()) {
            runtime.spawn(tokio::time::timeout(PATIENCE, discard(body)));
        }
    }
}

async fn discard(mut body: Incoming) {
    let mut seen = 0_usize;
    while let Some(Ok(frame)) = body.frame().await {
        seen = seen.saturating_add(frame.data_ref().map_or(0, Bytes::len));
        if seen > DISCARD {
            return;
        }
    }
}
