//! Why a recording is refused.

use std::io;

/// The formats that are taken, for messages.
pub(crate) const FORMATS: &str =
    "wav, aiff, caf, flac, mp3, m4a, mp4, aac, ogg, opus, webm, mkv or amr";

/// The command that makes any recording readable, for messages.
pub(crate) const CONVERT: &str =
    "convert it, for example with `ffmpeg -i FILE -ac 1 -ar 16000 out.wav`";

/// A recording that cannot be read.
///
/// All but [`AudioError::Io`] are the sender's doing: [`AudioError::is_clients_fault`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AudioError {
    /// More bytes than the host takes.
    #[error(
        "the file has {given} bytes or more, the limit is {limit}: compress it, or cut it into pieces"
    )]
    TooLarge {
        /// The bytes that had come when it was given up.
        given: u64,
        /// The most that are taken.
        limit: u64,
    },
    /// A longer recording than the host takes.
    #[error("the recording is longer than {limit} seconds, which is the limit: cut it into pieces")]
    TooLong {
        /// The longest that is taken, in seconds.
        limit: u32,
    },
    /// A file without a byte.
    #[error("the file is empty: send a recording in one of the formats {FORMATS}")]
    Empty,
    /// A file of no format that is known.
    #[error(
        "the file is {found}, which is no recording that can be read: send {FORMATS}, or {CONVERT}"
    )]
    Unknown {
        /// What it looks like, such as `of an unknown format`.
        found: String,
    },
    /// A file of a known format that breaks its rules.
    #[error("the {format} file is broken: {reason}; record or copy it again, or {CONVERT}")]
    Broken {
        /// Its format.
        format: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A container without sound.
    #[error("the {format} file holds no audio track: send one with sound")]
    NoAudioTrack {
        /// Its format.
        format: String,
    },
    /// Sound that was compressed in a way which is not known here.
    #[error("the audio in the {format} file is {codec}, which cannot be read: {CONVERT}")]
    Codec {
        /// The container's format.
        format: String,
        /// The codec, as far as it is known.
        codec: String,
    },
    /// Sound of a known codec, in a kind of it that is not known here.
    #[error("the audio in the {format} file is {codec}: {CONVERT}")]
    UnreadCodec {
        /// The container's format.
        format: String,
        /// The codec and its kind.
        codec: String,
    },
    /// A number of the file that is beyond what sense and the limits allow.
    #[error("{field} is {given}; it must be {least} to {most}: {CONVERT}")]
    OutOfRange {
        /// What it is, such as `the sample rate in Hz`.
        field: &'static str,
        /// Its value.
        given: u64,
        /// The least that is taken.
        least: u64,
        /// The most that is taken.
        most: u64,
    },
    /// The host could not read or write its own temporary file.
    #[error("the recording could not be kept or read back: {0}")]
    Io(#[source] io::Error),
}

impl AudioError {
    /// Whether the recording is to blame, and not the host.
    pub fn is_clients_fault(&self) -> bool {
        !matches!(self, Self::Io(_))
    }

    /// Whether the disk of the host's temporary files has no room left.
    pub fn is_out_of_space(&self) -> bool {
        let full = |kind| matches!(kind, io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        matches!(self, Self::Io(error) if full(error.kind()))
    }
}

/// The result of reading a recording.
pub(crate) type Result<T> = std::result::Result<T, AudioError>;
