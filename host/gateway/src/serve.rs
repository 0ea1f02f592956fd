//! Accepts connections, and drains them at the end.

use std::{future::Future, io, sync::Arc, time::Duration};

use axum::{Router, body::Body, http::header};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
};
use telemetry::metric;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tower::ServiceExt;

use crate::{App, linger::Lingering, stall::StallGuard, state::Shared};

/// The greatest number of a request's headers.
const HEADERS: usize = 128;
/// The greatest size of a request's head.
const HEAD_BYTES: usize = 64 << 10;
/// How long streams may take to write their last event once they are told to end.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What a client gets where there are too many connections.
const TOO_MANY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 144\r\n\r\n{\"detail\":\"too many connections\",\"error\":{\"message\":\"too many connections\",\"type\":\"service_unavailable_error\",\"param\":null,\"code\":\"overloaded\"}}";

/// Serves until `shutdown` is ready, then stops accepting and lets what runs end within `drain`.
///
/// What has not ended by then is ended: a stream gets an error event, any other request an error.
///
/// # Errors
/// Where the listener breaks for good.
pub async fn serve(
    listener: TcpListener,
    app: App,
    shutdown: impl Future<Output = ()>,
    drain: Duration,
) -> io::Result<()> {
    let App { router, shared } = app;
    let places = Arc::new(Semaphore::new(shared.options.max_connections.max(1)));
    let graceful = GracefulShutdown::new();
    tokio::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut shutdown => break,
            accepted = listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) if is_of_connection(&error) => continue,
            Err(error) => {
                // Out of descriptors, most likely: others may free some.
                tracing::warn!(%error, "no connection can be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        match Arc::clone(&places).try_acquire_owned() {
            Ok(place) => {
                let connection = connection(stream, router.clone(), Arc::clone(&shared));
                tokio::spawn(connection(graceful.watcher(), place));
            }
            Err(_) => {
                tokio::spawn(refuse(stream));
            }
        }
    }
    drop(listener);
    shared.draining.cancel();
    tracing::info!(?drain, connections = graceful.count(), "draining");
    let ended = graceful.shutdown();
    tokio::pin!(ended);
    if tokio::time::timeout(drain, &mut ended).await.is_err() {
        shared.stop.cancel();
        if tokio::time::timeout(LAST_WORDS, &mut ended).await.is_err() {
            tracing::warn!("some clients did not take the end of their answer");
        }
    }
    Ok(())
}

/// What runs one connection, once it has a place and is watched.
fn connection(
    stream: TcpStream,
    router: Router,
    shared: Arc<Shared>,
) -> impl FnOnce(Watcher, OwnedSemaphorePermit) -> Running {
    move |watcher, place| {
        Box::pin(async move {
            metrics::gauge!(metric::HTTP_CONNECTIONS).increment(1.0);
            // Single tokens are small, and each should leave at once.
            let _ = stream.set_nodelay(true);
            let stream = TokioIo::new(StallGuard::new(stream, shared.options.stall_timeout));
            let service = service_fn(move |request: hyper::Request<Incoming>| {
                let waits = request.headers().contains_key(header::EXPECT);
                let request = request.map(|body| Body::new(Lingering::new(body, waits)));
                router.clone().oneshot(request)
            });
            let served = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(shared.options.head_timeout)
                .max_headers(HEADERS)
                .max_buf_size(HEAD_BYTES)
                .serve_connection(stream, service);
            if let Err(error) = watcher.watch(served).await {
                tracing::debug!(%error, "a connection broke");
            }
            metrics::gauge!(metric::HTTP_CONNECTIONS).decrement(1.0);
            drop(place);
        })
    }
}

type Running = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

/// Tells a client that there are too many connections.
async fn refuse(mut stream: TcpStream) {
    let write = async {
        stream.write_all(TOO_MANY).await?;
        stream.shutdown().await
    };
    // A client that does not take it loses nothing by it.
    let _ = tokio::time::timeout(LAST_WORDS, write).await;
}

/// Whether an error is of the one connection that could not be accepted.
fn is_of_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refusal_is_a_whole_response() {
        let text = std::str::from_utf8(TOO_MANY).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(
            head.contains(&format!("content-length: {}\r\n", body.len()))
                || head.ends_with(&format!("content-length: {}", body.len()))
        );
        serde_json::from_str::<serde_json::Value>(body).unwrap();
    }
}
