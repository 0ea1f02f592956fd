//! Messages as frames.

use std::marker::PhantomData;

use bytes::{BufMut, BytesMut};
use engine_protocol::MAX_FRAME_BYTES;
use serde::{Serialize, de::DeserializeOwned};
use tokio_util::codec::{Decoder, Encoder, LengthDelimitedCodec};

use crate::IpcError;

/// The length in front of each frame, as [`LengthDelimitedCodec`] reads it by default.
const LENGTH_BYTES: usize = 4;

/// Reads messages of type `In` from frames of MessagePack, and writes any message as one.
///
/// Bytes of a frame behind its message are ignored, like fields that this end does not know.
#[derive(Debug)]
pub struct MessageCodec<In> {
    frames: LengthDelimitedCodec,
    incoming: PhantomData<fn() -> In>,
}

impl<In> MessageCodec<In> {
    /// A codec with the protocol's frame limit.
    pub fn new() -> Self {
        Self {
            frames: LengthDelimitedCodec::builder().max_frame_length(MAX_FRAME_BYTES).new_codec(),
            incoming: PhantomData,
        }
    }

    /// Writes bytes as a frame, whatever they are.
    ///
    /// # Errors
    /// Where they are longer than a frame may be; nothing is written then.
    #[cfg(feature = "raw-frames")]
    pub(crate) fn encode_bytes(&mut self, bytes: &[u8], to: &mut BytesMut) -> Result<(), IpcError> {
        if bytes.len() > MAX_FRAME_BYTES {
            return Err(IpcError::FrameTooLong);
        }
        Ok(self.frames.encode(bytes::Bytes::copy_from_slice(bytes), to)?)
    }
}

impl<In> Default for MessageCodec<In> {
    fn default() -> Self {
        Self::new()
    }
}

impl<In, Out: Serialize> Encoder<&Out> for MessageCodec<In> {
    type Error = IpcError;

    fn encode(&mut self, message: &Out, to: &mut BytesMut) -> Result<(), IpcError> {
        let start = to.len();
        // The length is known only behind the message; what came before it stays on an error.
        to.put_bytes(0, LENGTH_BYTES);
        let written = write(message, to, start);
        if written.is_err() {
            to.truncate(start);
        }
        written
    }
}

fn write(message: &impl Serialize, to: &mut BytesMut, start: usize) -> Result<(), IpcError> {
    // Writing to memory fails only for a type that has no MessagePack form.
    let encoded = rmp_serde::encode::write_named(&mut (&mut *to).writer(), message);
    let bytes = to.len().saturating_sub(start + LENGTH_BYTES);
    encoded.map_err(|cause| IpcError::Malformed { bytes, cause: cause.to_string() })?;
    if bytes > MAX_FRAME_BYTES {
        return Err(IpcError::FrameTooLong);
    }
    let length = u32::try_from(bytes).map_err(|_| IpcError::FrameTooLong)?;
    if let Some(place) = to.get_mut(start..start + LENGTH_BYTES) {
        place.copy_from_slice(&length.to_be_bytes());
    }
    Ok(())
}

impl<In: DeserializeOwned> Decoder for MessageCodec<In> {
    type Item = In;
    type Error = IpcError;

    fn decode(&mut self, from: &mut BytesMut) -> Result<Option<In>, IpcError> {
        let frame = match self.frames.decode(from) {
            Ok(Some(frame)) => frame,
            Ok(None) => return Ok(None),
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                return Err(IpcError::FrameTooLong);
            }
            Err(error) => return Err(error.into()),
        };
        rmp_serde::from_slice(&frame)
            .map(Some)
            .map_err(|cause| IpcError::Malformed { bytes: frame.len(), cause: cause.to_string() })
    }

    fn decode_eof(&mut self, from: &mut BytesMut) -> Result<Option<In>, IpcError> {
        match self.decode(from)? {
            None if !from.is_empty() => Err(IpcError::Truncated { bytes: from.len() }),
            message => Ok(message),
        }
    }
}

#[cfg(test)]
mod tests {
    use engine_protocol::{FromEngine, Hello, ToEngine};
    use proptest::prelude::*;

    use super::*;

    /// Reads everything that the bytes hold, as a closed socket would give it.
    fn read<In: DeserializeOwned>(bytes: &[u8]) -> Result<Vec<In>, IpcError> {
        let mut codec = MessageCodec::<In>::new();
        let mut buffer = BytesMut::from(bytes);
        let mut messages = Vec::new();
        while let Some(message) = codec.decode_eof(&mut buffer)? {
            messages.push(message);
        }
        Ok(messages)
    }

    fn written(messages: &[ToEngine]) -> BytesMut {
        let mut codec = MessageCodec::<FromEngine>::new();
        let mut buffer = BytesMut::new();
        for message in messages {
            codec.encode(message, &mut buffer).unwrap();
        }
        buffer
    }

    fn framed(bytes: &[u8]) -> Vec<u8> {
        let length = u32::try_from(bytes.len()).unwrap();
        [&length.to_be_bytes()[..], bytes].concat()
    }

    #[track_caller]
    fn check(bytes: &[u8], expect: &str) {
        let message = read::<ToEngine>(bytes).unwrap_err().to_string();
        assert!(message.contains(expect), "`{message}` lacks `{expect}`");
    }

    #[test]
    fn bad_frames_have_clear_errors() {
        check(&[0, 0], "ended inside a frame, 2 bytes");
        check(&[0, 0, 0, 9, 1], "ended inside a frame");
        check(&[0xff; 4], "longer than the limit of 67108864");
        check(&framed(b"not MessagePack"), "15 bytes is no message");
        check(&framed(&[]), "0 bytes is no message");
        // Arrays in arrays, deeper than any message: an error, and no overflow of the stack.
        let nested = vec![0x91; 100_000];
        check(&framed(&nested), "is no message");
        check(&framed(&[b"\x81\xa8generate\x81\xa3new", &nested[..]].concat()), "is no message");
        // A text that claims four gigabytes.
        check(&framed(&[0x81, 0xdb, 0xff, 0xff, 0xff, 0xff, b'x']), "is no message");
    }

    #[test]
    fn a_message_too_long_writes_nothing() {
        let mut codec = MessageCodec::<ToEngine>::new();
        let mut buffer = BytesMut::new();
        let huge = "x".repeat(MAX_FRAME_BYTES);
        assert!(matches!(codec.encode(&huge, &mut buffer), Err(IpcError::FrameTooLong)));
        assert!(buffer.is_empty());
        codec.encode(&ToEngine::Shutdown, &mut buffer).unwrap();
        assert_eq!(read::<ToEngine>(&buffer).unwrap(), [ToEngine::Shutdown]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_messages_or_an_error(bytes: Vec<u8>) {
            let _ = read::<ToEngine>(&bytes);
            let _ = read::<FromEngine>(&bytes);
            let _ = read::<ToEngine>(&framed(&bytes));
            let _ = read::<FromEngine>(&framed(&bytes));
        }

        #[test]
        fn a_damaged_message_is_a_message_or_an_error(at: usize, to: u8, name in ".{0,20}") {
            let mut bytes = written(&[ToEngine::Hello(Hello::new(name, "1"))]);
            let at = at % bytes.len();
            bytes[at] = to;
            let _ = read::<ToEngine>(&bytes);
        }

        #[test]
        fn frames_survive_every_cut(requests: Vec<u64>, cut: usize) {
            let messages: Vec<_> =
                requests.into_iter().map(|request| ToEngine::Cancel { request }).collect();
            let bytes = written(&messages);
            let (head, tail) = bytes.split_at(cut % (bytes.len() + 1));
            let mut codec = MessageCodec::<ToEngine>::new();
            let mut buffer = BytesMut::new();
            let mut got = Vec::new();
            for piece in [head, tail] {
                buffer.extend_from_slice(piece);
                while let Some(message) = codec.decode(&mut buffer).unwrap() {
                    got.push(message);
                }
            }
            prop_assert_eq!(got, messages);
        }
    }
}
