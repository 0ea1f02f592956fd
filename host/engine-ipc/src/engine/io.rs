//! The one thread that moves an engine's bytes.

use std::sync::mpsc::SyncSender;

use engine_protocol::{FromEngine, ToEngine};
use futures::{Sink, SinkExt, StreamExt, future::poll_fn};
use tokio::sync::{mpsc, oneshot};

use super::session::{Far, Outgoing};
use crate::{
    IpcError,
    greeting::{Reading, Writing},
};

/// Messages taken from the engine's loop at once; all of them share a flush.
const BATCH: usize = 256;

/// Moves messages until either end is gone; returns why it stopped, `None` for an orderly end.
///
/// Reading and writing go on side by side: neither a loop that is slow to take messages nor a
/// host that is slow to read holds up the other direction. Once `over` fires, what was sent is
/// written and nothing more is taken.
pub(super) async fn run(
    reading: Reading<ToEngine>,
    writing: Writing<ToEngine>,
    far: Far,
    over: &mut oneshot::Receiver<()>,
) -> Option<IpcError> {
    let Far { incoming, places, outgoing } = far;
    tokio::select! {
        result = read(reading, &incoming, &places) => result.err(),
        result = write(writing, outgoing, over) => result.err(),
    }
}

async fn read(
    mut reading: Reading<ToEngine>,
    incoming: &SyncSender<ToEngine>,
    places: &tokio::sync::Semaphore,
) -> Result<(), IpcError> {
    while let Some(message) = reading.next().await {
        let message = message?;
        let Ok(place) = places.acquire().await else { return Ok(()) };
        place.forget();
        if incoming.try_send(message).is_err() {
            // The engine's loop has dropped its session: what is left to write is written.
            std::future::pending::<()>().await;
        }
    }
    Ok(())
}

async fn write(
    mut writing: Writing<ToEngine>,
    mut outgoing: mpsc::Receiver<Outgoing>,
    over: &mut oneshot::Receiver<()>,
) -> Result<(), IpcError> {
    let mut ready = Vec::with_capacity(BATCH);
    let mut flushed: Vec<SyncSender<()>> = Vec::new();
    loop {
        let taken = tokio::select! {
            taken = outgoing.recv_many(&mut ready, BATCH) => taken,
            _ = &mut *over, if !outgoing.is_closed() => {
                outgoing.close();
                continue;
            }
        };
        if taken == 0 {
            return Ok(());
        }
        for next in ready.drain(..) {
            match next {
                Outgoing::Message(message) => feed(&mut writing, &message).await?,
                #[cfg(feature = "raw-frames")]
                Outgoing::Raw(bytes) => {
                    let mut frame = bytes::BytesMut::new();
                    writing.encoder_mut().encode_bytes(&bytes, &mut frame)?;
                    writing.write_buffer_mut().extend_from_slice(&frame);
                }
                Outgoing::Flush(done) => flushed.push(done),
            }
        }
        SinkExt::<&FromEngine>::flush(&mut writing).await?;
        for done in flushed.drain(..) {
            // A loop that no longer waits for the answer needs none.
            let _ = done.try_send(());
        }
    }
}

async fn feed(writing: &mut Writing<ToEngine>, message: &FromEngine) -> Result<(), IpcError> {
    poll_fn(|context| Sink::<&FromEngine>::poll_ready(std::pin::Pin::new(writing), context))
        .await?;
    Sink::<&FromEngine>::start_send(std::pin::Pin::new(writing), message)
}
