//! Greetings, the first frame in both directions.

use std::{io, os::unix::net::UnixStream as StdStream};

use bytes::BytesMut;
use engine_protocol::{FromEngine, Hello, ToEngine};
use futures::{SinkExt, StreamExt};
use serde::{Serialize, de::DeserializeOwned};
use tokio::net::{
    UnixStream,
    unix::{OwnedReadHalf, OwnedWriteHalf},
};
use tokio_util::codec::{FramedRead, FramedWrite};

use crate::{IpcError, MessageCodec};

/// What is read at once; a step of many sequences fits into it.
pub(crate) const BUFFER_BYTES: usize = 64 << 10;

pub(crate) type Reading<In> = FramedRead<OwnedReadHalf, MessageCodec<In>>;
pub(crate) type Writing<In> = FramedWrite<OwnedWriteHalf, MessageCodec<In>>;

/// A message that can carry a greeting.
pub(crate) trait Message: Serialize + DeserializeOwned {
    fn hello(hello: Hello) -> Self;
    /// The greeting, or the name of what came in its place.
    fn into_hello(self) -> Result<Hello, &'static str>;
}

impl Message for ToEngine {
    fn hello(hello: Hello) -> Self {
        Self::Hello(hello)
    }

    fn into_hello(self) -> Result<Hello, &'static str> {
        Err(match self {
            Self::Hello(hello) => return Ok(hello),
            Self::Load(_) => "load",
            Self::Generate(_) => "generate",
            Self::Tokenize(_) => "tokenize",
            Self::Cancel { .. } => "cancel",
            Self::Transcribe(_) => "transcribe",
            Self::Audio(_) => "audio",
            Self::Shutdown => "shutdown",
        })
    }
}

impl Message for FromEngine {
    fn hello(hello: Hello) -> Self {
        Self::Hello(hello)
    }

    fn into_hello(self) -> Result<Hello, &'static str> {
        Err(match self {
            Self::Hello(hello) => return Ok(hello),
            Self::Loading { .. } => "loading",
            Self::Loaded(_) => "loaded",
            Self::LoadFailed(_) => "load_failed",
            Self::Step(_) => "step",
            Self::Tokens { .. } => "tokens",
            Self::Heartbeat(_) => "heartbeat",
        })
    }
}

/// A socket whose two ends have greeted each other.
pub(crate) struct Greeted<In> {
    pub(crate) reading: Reading<In>,
    pub(crate) writing: Writing<In>,
    pub(crate) peer: Hello,
    pub(crate) version: u32,
}

impl<In> Greeted<In> {
    /// The socket without a runtime, which does not block; what was read behind the greeting; and
    /// who is at the other end.
    pub(crate) fn into_blocking(self) -> Result<(StdStream, BytesMut, Hello), IpcError> {
        let read = self.reading.read_buffer().clone();
        let halves = self.reading.into_inner().reunite(self.writing.into_inner());
        let stream = halves.map_err(io::Error::other)?;
        Ok((stream.into_std()?, read, self.peer))
    }
}

/// Says `hello`, and waits for the other end to say its own.
///
/// Both ends speak before they listen, so that each can name the other's version when they part.
pub(crate) async fn greet<In: Message, Out: Message>(
    stream: UnixStream,
    hello: &Hello,
) -> Result<Greeted<In>, IpcError> {
    let (read, write) = stream.into_split();
    let mut reading = FramedRead::with_capacity(read, MessageCodec::new(), BUFFER_BYTES);
    let mut writing = FramedWrite::new(write, MessageCodec::new());
    writing.set_backpressure_boundary(BUFFER_BYTES);
    writing.send(&Out::hello(hello.clone())).await?;
    let first: In = match reading.next().await {
        Some(first) => first?,
        None => return Err(IpcError::ClosedEarly),
    };
    let peer = first.into_hello().map_err(|given| IpcError::NotGreeted { given })?;
    let version = hello.agree(&peer)?;
    Ok(Greeted { reading, writing, peer, version })
}
