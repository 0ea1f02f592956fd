//! The way of a recording to its worker: decoded on threads that may block, sent as it is decoded.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use audio::{AudioError, Decoder, Hint, Limits, Recording};
use supervisor::AudioSender;
use tokio::sync::{Semaphore, watch};

use crate::{InferenceError, InvalidCommand};

/// Bytes of samples that are decoded in one go, some eight seconds.
const PIECE: usize = 256 << 10;

/// Milliseconds of audio that the worker may have before it has written them down. It needs no
/// more to work on several pieces at once, and need not keep a recording of hours in memory.
const LEAD_MS: u64 = 5 * 60 * 1000;

/// A recording as it was sent.
pub(super) struct Upload {
    pub(super) recording: Recording,
    pub(super) hint: Hint,
    pub(super) limits: Limits,
    /// Places for decoders that work at the same time.
    pub(super) places: Arc<Semaphore>,
}

/// A recording that has been opened.
pub(super) struct Source {
    decoder: Decoder,
    /// Places for decoders that work at the same time.
    places: Arc<Semaphore>,
    pub(super) length: Arc<Length>,
}

/// How long a recording is, as far as that is known.
#[derive(Debug)]
pub(super) struct Length {
    decoded_ms: AtomicU64,
    /// The end of what is written down.
    written_ms: watch::Sender<u32>,
    /// What the file says of itself; it need not be true.
    hint: Option<f64>,
}

impl Length {
    /// Seconds that have been decoded.
    pub(super) fn seconds(&self) -> f64 {
        self.decoded_ms.load(Ordering::Relaxed) as f64 / 1000.0
    }

    /// Everything before this time is written down.
    pub(super) fn wrote(&self, until_ms: u32) {
        self.written_ms.send_replace(until_ms);
    }

    /// Waits until the worker can use more audio.
    async fn wanted(&self) {
        let sent = self.decoded_ms.load(Ordering::Relaxed);
        let mut written = self.written_ms.subscribe();
        // The sender is `self`, so it is there.
        let _ = written.wait_for(|&until| sent < u64::from(until) + LEAD_MS).await;
    }

    /// Seconds that there are in all, by what the file says.
    pub(super) fn expected(&self) -> Option<f64> {
        self.hint.map(|hint| hint.max(self.seconds()))
    }
}

impl Upload {
    /// Finds out what the recording is.
    pub(super) async fn open(&self) -> Result<Source, InferenceError> {
        let (recording, hint) = (self.recording.clone(), self.hint.clone());
        let (limits, places) = (self.limits.clone(), Arc::clone(&self.places));
        let decoder = hop(&places, move || audio::decode(recording, hint, &limits)).await??;
        let length = Length {
            decoded_ms: AtomicU64::new(0),
            written_ms: watch::Sender::new(0),
            hint: decoder.duration_hint(),
        };
        Ok(Source { decoder, places, length: Arc::new(length) })
    }
}

impl Source {
    /// Sends all of it; a worker that has ended tells so by its events, and is no error here.
    pub(super) async fn pump(self, sender: AudioSender) -> Result<(), InferenceError> {
        let Self { mut decoder, places, length } = self;
        loop {
            length.wanted().await;
            let (back, piece) = hop(&places, move || {
                let piece = decoder.next(PIECE);
                (decoder, piece)
            })
            .await?;
            decoder = back;
            let piece = piece?;
            // No recording is long enough for the whole number to overflow or to be negative.
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "the limit of a recording's length is far below"
            )]
            length.decoded_ms.store((decoder.seconds() * 1000.0) as u64, Ordering::Relaxed);
            let last = piece.is_none();
            if sender.send(piece.unwrap_or_default(), last).await.is_err() || last {
                return Ok(());
            }
        }
    }
}

/// Runs a call on a thread that may block, once there is a place for it.
async fn hop<T: Send + 'static>(
    places: &Arc<Semaphore>,
    call: impl FnOnce() -> T + Send + 'static,
) -> Result<T, InferenceError> {
    let place = Arc::clone(places).acquire_owned().await;
    let place = place.map_err(|_| InferenceError::ShuttingDown)?;
    let outcome = tokio::task::spawn_blocking(move || {
        // Held by the thread and not by the request, which may be dropped meanwhile.
        let _place = place;
        call()
    });
    outcome.await.map_err(|error| {
        tracing::error!(%error, "the thread of an audio decoder broke");
        InferenceError::AudioFailed
    })
}

impl From<AudioError> for InferenceError {
    fn from(error: AudioError) -> Self {
        if error.is_clients_fault() {
            return InvalidCommand::new("file", format!("cannot be transcribed: {error}")).into();
        }
        tracing::error!(%error, "a recording could not be kept or read");
        if error.is_out_of_space() { Self::NoRoom } else { Self::AudioFailed }
    }
}
