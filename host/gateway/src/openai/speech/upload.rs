//! Reads a form with a file in it as it arrives, without keeping the file in memory.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
    time::Duration,
};

use axum::{
    body::BodyDataStream,
    extract::Request,
    http::{HeaderMap, StatusCode, header},
};
use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt};
use inference::{AudioError, Hint, InferenceError, InvalidCommand, Recording, Spool};
use multer::{Field, Multipart};
use tokio::time::Instant;

use super::form::Fields;
use crate::{body::check_encoding, budget::Share, error::ApiError, state::Shared};

/// Bytes of a recording that stay in memory.
const MEMORY: usize = 512 << 10;
/// Bytes that are handed to the spool at once.
const BATCH: usize = 256 << 10;
/// Bytes of all fields but the file together, and of the head of one part.
const TEXT: usize = 256 << 10;
/// Bytes of a form beside its file, with the heads and borders of its parts.
pub(crate) const BESIDE: u64 = 1 << 20;
/// Parts of a form.
const PARTS: usize = 256;
/// Bytes that a client must send in a second on average, once its time to send anything is over:
/// what a slow mobile network carries.
const SLOWEST: u64 = 16 << 10;

/// A form that has arrived.
pub(super) struct Upload {
    pub(super) fields: Fields,
    /// `None`: the form holds no file.
    pub(super) file: Option<File>,
    /// What the file holds of the uploads' budget.
    pub(super) share: Share,
}

/// A file that has arrived.
pub(super) struct File {
    pub(super) recording: Recording,
    pub(super) hint: Hint,
}

/// Reads a whole form.
pub(super) async fn read(shared: &Shared, request: Request) -> Result<Upload, ApiError> {
    check_encoding(request.headers())?;
    let boundary = boundary(request.headers())?;
    let limit = shared.options.upload_limit;
    let mut body = request.into_body().into_data_stream();
    let clock = Clock::new(shared.options.arrival_timeout);
    let buffered = Arc::new(AtomicUsize::new(0));
    let form = Multipart::new(bounded(&mut body, Arc::clone(&buffered)), boundary);
    let upload = Upload { fields: Fields::default(), file: None, share: shared.uploads.share() };
    let mut reader = Reader { form, buffered, clock, text: 0, upload, limit };
    reader.run(shared).await?;
    Ok(reader.upload)
}

/// What separates the parts.
fn boundary(headers: &HeaderMap) -> Result<String, ApiError> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.and_then(|kind| multer::parse_boundary(kind).ok()).ok_or_else(|| {
        let shown: String = kind.unwrap_or("of no content type").chars().take(100).collect();
        let message = format!(
            "the body must be a form (`multipart/form-data` with a boundary) with the fields `model` and `file`, it is {shown}"
        );
        ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, message).code("invalid_request")
    })
}

/// How long a form may take to arrive.
struct Clock {
    patience: Duration,
    start: Instant,
    seen: u64,
}

impl Clock {
    fn new(patience: Duration) -> Self {
        Self { patience, start: Instant::now(), seen: 0 }
    }

    /// Waits for what comes next, though not for ever.
    async fn next<T>(&mut self, next: impl Future<Output = T>) -> Result<T, ApiError> {
        let whole = self.patience + Duration::from_millis(self.seen.saturating_mul(1000) / SLOWEST);
        let left = whole.saturating_sub(self.start.elapsed()).min(self.patience);
        tokio::time::timeout(left, next).await.map_err(|_| {
            let message = format!(
                "the upload stalled: nothing came for {:?}, or less than {SLOWEST} bytes a second",
                self.patience
            );
            ApiError::new(StatusCode::REQUEST_TIMEOUT, message).code("request_timeout")
        })
    }
}

struct Reader<'a> {
    form: Multipart<'a>,
    buffered: Arc<AtomicUsize>,
    clock: Clock,
    /// Bytes of fields so far.
    text: usize,
    upload: Upload,
    limit: u64,
}

impl Reader<'_> {
    async fn run(&mut self, shared: &Shared) -> Result<(), ApiError> {
        for _ in 0..PARTS {
            let field = self.clock.next(self.form.next_field()).await?.map_err(broken)?;
            self.buffered.store(0, Ordering::Relaxed);
            let Some(field) = field else { return Ok(()) };
            match field.name().map(str::to_owned) {
                Some(name) if name == "file" => {
                    if let Some(model) = self.upload.fields.last("model") {
                        shared.inference.check_transcribes(model)?;
                    }
                    self.file(field).await?;
                }
                name => self.text(name, field).await?,
            }
        }
        let message = format!("the form may have at most {PARTS} parts, it has more");
        Err(InvalidCommand::whole(message).into())
    }

    async fn chunk(&mut self, field: &mut Field<'_>) -> Result<Option<Bytes>, ApiError> {
        let chunk = self.clock.next(field.chunk()).await?.map_err(broken)?;
        self.buffered.store(0, Ordering::Relaxed);
        self.clock.seen += chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
        Ok(chunk)
    }

    async fn text(&mut self, name: Option<String>, mut field: Field<'_>) -> Result<(), ApiError> {
        let mut value = Vec::new();
        while let Some(chunk) = self.chunk(&mut field).await? {
            self.text += chunk.len();
            if self.text > TEXT {
                let message = format!(
                    "the fields may have at most {TEXT} bytes beside the file, they have more"
                );
                return Err(InvalidCommand::whole(message).into());
            }
            value.extend_from_slice(&chunk);
        }
        // A part without a name cannot be asked for.
        let Some(name) = name else { return Ok(()) };
        let value = String::from_utf8(value)
            .map_err(|_| InvalidCommand::new(shown(&name), "is no UTF-8 text"))?;
        self.upload.fields.push(name, value);
        Ok(())
    }

    async fn file(&mut self, mut field: Field<'_>) -> Result<(), ApiError> {
        if self.upload.file.is_some() {
            return Err(InvalidCommand::new("file", "comes twice: send one recording").into());
        }
        let hint = Hint {
            file_name: field.file_name().map(|name| name.chars().take(255).collect()),
            content_type: field.content_type().map(ToString::to_string),
        };
        let mut spool = Spool::new(MEMORY, self.limit);
        let mut batch = BytesMut::new();
        let mut seen = 0_usize;
        while let Some(chunk) = self.chunk(&mut field).await? {
            seen += chunk.len();
            self.upload.share.grow(seen)?;
            batch.extend_from_slice(&chunk);
            if batch.len() >= BATCH {
                spool = write(spool, batch.split().freeze()).await?;
            }
        }
        spool = write(spool, batch.freeze()).await?;
        let recording = spool.finish().map_err(refusal)?;
        self.upload.file = Some(File { recording, hint });
        Ok(())
    }
}

/// Writes to the spool, which may go to the disk, on a thread that may block.
async fn write(mut spool: Spool, bytes: Bytes) -> Result<Spool, ApiError> {
    if spool.len() + (bytes.len() as u64) <= MEMORY as u64 {
        spool.write(&bytes).map_err(refusal)?;
        return Ok(spool);
    }
    let written = tokio::task::spawn_blocking(move || spool.write(&bytes).map(|()| spool)).await;
    written.map_err(|_| ApiError::from(InferenceError::AudioFailed))?.map_err(refusal)
}

fn refusal(error: AudioError) -> ApiError {
    match error {
        AudioError::TooLarge { limit, .. } => {
            let message = format!(
                "the recording may have at most {limit} bytes, it has more: compress it, cut it into pieces, or raise the limit in the server's configuration"
            );
            ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, message).code("body_too_large")
        }
        other => InferenceError::from(other).into(),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` hands it over")]
fn broken(error: multer::Error) -> ApiError {
    if let multer::Error::StreamReadFailed(_) = error {
        return ApiError::new(
            StatusCode::BAD_REQUEST,
            "the body broke off, or the head of a part is too long",
        )
        .code("invalid_request");
    }
    InvalidCommand::whole(format!("the form cannot be read: {error}")).into()
}

fn shown(name: &str) -> String {
    name.chars().take(64).collect()
}

/// The body, a piece at a time: the parser takes all that it can get, and should not get more than
/// it can use.
fn bounded(
    body: &mut BodyDataStream,
    buffered: Arc<AtomicUsize>,
) -> impl Stream<Item = Result<Bytes, &'static str>> + Send + '_ {
    let mut gave = false;
    futures::stream::poll_fn(move |context| {
        if std::mem::take(&mut gave) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let next = body.poll_next_unpin(context);
        if let Poll::Ready(Some(Ok(bytes))) = &next {
            gave = true;
            let held = buffered.fetch_add(bytes.len(), Ordering::Relaxed);
            // Nothing that is still kept back after so much is the body of a part.
            if held > TEXT.max(bytes.len()) {
                return Poll::Ready(Some(Err("the head of a part is too long")));
            }
        }
        next.map(|next| next.map(|bytes| bytes.map_err(|_| "the body broke off")))
    })
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;

    use super::*;

    /// How long an upload goes on that sends so many bytes every tenth of a second, in seconds.
    async fn lasts(bytes: u64) -> Option<u64> {
        const LONGEST: Duration = Duration::from_hours(2);
        let mut clock = Clock::new(Duration::from_mins(1));
        let pause = Duration::from_millis(100);
        while clock.next(tokio::time::sleep(pause)).await.is_ok() {
            clock.seen += bytes;
            if clock.start.elapsed() > LONGEST {
                return None;
            }
        }
        Some(clock.start.elapsed().as_secs())
    }

    /// What the client is told when the disk fails with this error.
    fn told(error: std::io::Error) -> (StatusCode, bool) {
        let response = refusal(AudioError::Io(error)).into_response();
        (response.status(), response.headers().contains_key(header::RETRY_AFTER))
    }

    #[test]
    fn a_full_disk_is_told_from_a_broken_one() {
        use std::io::ErrorKind;
        for kind in [ErrorKind::StorageFull, ErrorKind::QuotaExceeded] {
            assert_eq!(told(kind.into()), (StatusCode::INSUFFICIENT_STORAGE, true), "{kind}");
        }
        let broken = ErrorKind::PermissionDenied.into();
        assert_eq!(told(broken), (StatusCode::INTERNAL_SERVER_ERROR, false));
    }

    #[tokio::test(start_paused = true)]
    async fn an_upload_that_only_drips_ends() {
        assert_eq!(lasts(0).await, Some(60));
        assert_eq!(lasts(1).await, Some(60));
        assert_eq!(lasts(200).await, Some(68));
        assert_eq!(lasts(SLOWEST / 10 - 100).await.map(|end| end / 60), Some(16));
        assert_eq!(lasts(SLOWEST / 10 + 100).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn an_upload_that_stands_still_ends() {
        let mut clock = Clock::new(Duration::from_mins(1));
        clock.seen = 100 << 20;
        assert!(clock.next(std::future::pending::<()>()).await.is_err());
        assert_eq!(clock.start.elapsed(), Duration::from_mins(1));
    }
}
