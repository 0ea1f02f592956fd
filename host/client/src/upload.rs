//! Files on their way to a host.

use std::io;

use bytes::{Bytes, BytesMut};
use futures::{Stream, stream};
use reqwest::{Body, multipart::Part};
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Bytes that are read at once.
const PIECE: usize = 64 << 10;

/// A file that is sent as it is read.
pub struct Upload(Part);

impl Upload {
    /// A file of this name and, where it is known, this length; `sent` is told of every piece that
    /// was read, by its length.
    pub fn new(
        name: impl Into<String>,
        length: Option<u64>,
        file: impl AsyncRead + Send + Unpin + 'static,
        sent: impl FnMut(u64) + Send + 'static,
    ) -> Self {
        let body = Body::wrap_stream(pieces(file, sent));
        let part = match length {
            Some(length) => Part::stream_with_length(body, length),
            None => Part::stream(body),
        };
        Self(part.file_name(name.into()))
    }

    pub(crate) fn into_part(self) -> Part {
        self.0
    }
}

impl std::fmt::Debug for Upload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upload").finish_non_exhaustive()
    }
}

fn pieces(
    file: impl AsyncRead + Send + Unpin + 'static,
    sent: impl FnMut(u64) + Send + 'static,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    stream::try_unfold((file, sent), |(mut file, mut sent)| async move {
        let mut piece = BytesMut::with_capacity(PIECE);
        let length = file.read_buf(&mut piece).await?;
        sent(length as u64);
        Ok((length > 0).then(|| (piece.freeze(), (file, sent))))
    })
}
