//! Beginning a transcription once more after the end of its worker.

use engine_protocol::Transcribe;
use model::ModelUid;
use supervisor::{AudioSender, Retry, Supervisor, Transcription};

use super::pump::{Source, Upload};
use crate::{InferenceError, reply::from_supervisor};

/// What a transcription is begun with once more, where its worker dies.
pub(super) struct Again {
    pub(super) supervisor: Supervisor,
    pub(super) asked: Transcribe,
    pub(super) file: Upload,
}

impl Again {
    /// Begins it.
    pub(super) async fn begin(
        self,
        uid: &ModelUid,
        retry: Retry,
        past_ms: u32,
    ) -> Result<(AudioSender, Transcription, Source), InferenceError> {
        let Self { supervisor, asked, file } = self;
        let source = file.open().await?;
        let begun = supervisor.transcribe_again(uid, asked, retry, past_ms).await;
        let (sender, events) = begun.map_err(|error| from_supervisor(uid.as_str(), error))?;
        Ok((sender, events, source))
    }
}
