//! What can go wrong with a session.

use std::{io, path::PathBuf, time::Duration};

use engine_protocol::{Incompatible, MAX_FRAME_BYTES};

/// Why a session could not begin, or ended.
#[derive(Debug, thiserror::Error)]
pub enum IpcError {
    /// The socket's folder or file cannot be used.
    #[error("cannot use the socket `{}`: {reason}", path.display())]
    Socket {
        /// The socket's path.
        path: PathBuf,
        /// What stands in the way, and the remedy.
        reason: String,
    },
    /// No engine has greeted in time.
    #[error("no engine has connected and greeted within {limit:?}")]
    TimedOut {
        /// The time allowed.
        limit: Duration,
    },
    /// The two ends speak different versions.
    #[error(transparent)]
    Incompatible(#[from] Incompatible),
    /// A message other than the greeting came first.
    #[error("the session began with `{given}` where a greeting was due")]
    NotGreeted {
        /// The kind of message that came.
        given: &'static str,
    },
    /// The other end closed the session before it had greeted.
    #[error("the other end closed the session without a greeting")]
    ClosedEarly,
    /// A frame is longer than any message may be.
    #[error("a frame is longer than the limit of {MAX_FRAME_BYTES} bytes")]
    FrameTooLong,
    /// The session ended inside a frame.
    #[error("the session ended inside a frame, {bytes} bytes after its beginning")]
    Truncated {
        /// Bytes of the unfinished frame.
        bytes: usize,
    },
    /// A frame is no message.
    #[error("a frame of {bytes} bytes is no message of this protocol: {cause}")]
    Malformed {
        /// The frame's length.
        bytes: usize,
        /// Where reading it failed.
        cause: String,
    },
    /// The socket failed.
    #[error("the session's socket failed: {0}")]
    Io(#[from] io::Error),
}
