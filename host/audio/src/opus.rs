//! Opus, which the container library does not decode.

use ropus::{Channels, DecodeMode, OpusMSDecoder};

use crate::{
    error::{AudioError, Result},
    mix::Mixer,
};

/// The rate at which Opus is decoded; its headers count in it too.
pub(crate) const RATE: u32 = 48_000;

/// The longest packet, in samples of one channel: 120 ms.
const PACKET: i32 = 5_760;

/// Decodes the packets of a track.
pub(crate) struct Opus {
    decoder: Streams,
    mixer: Mixer,
    gain: f32,
    /// Samples at the beginning that are the encoder's warm-up.
    skip: usize,
    samples: Vec<i16>,
    floats: Vec<f32>,
}

enum Streams {
    One(Box<ropus::Decoder>),
    Several(Box<OpusMSDecoder>),
}

/// What the header of a track says.
#[derive(Debug, PartialEq, Eq)]
struct Head<'a> {
    channels: u8,
    skip: u16,
    gain: i16,
    family: u8,
    streams: u8,
    coupled: u8,
    mapping: &'a [u8],
}

impl<'a> Head<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(b"OpusHead")?;
        let (&[version, channels, s0, s1, _, _, _, _, g0, g1, family], rest) =
            rest.split_first_chunk::<11>()?;
        if version & 0xf0 != 0 || channels == 0 {
            return None;
        }
        // The same header in an mp4 file is version 0 and big endian.
        let (skip, gain) = if version == 0 {
            (u16::from_be_bytes([s0, s1]), i16::from_be_bytes([g0, g1]))
        } else {
            (u16::from_le_bytes([s0, s1]), i16::from_le_bytes([g0, g1]))
        };
        if family == 0 {
            let coupled = channels.checked_sub(1).filter(|&coupled| coupled < 2)?;
            return Some(Self { channels, skip, gain, family, streams: 1, coupled, mapping: &[] });
        }
        let (&[streams, coupled], rest) = rest.split_first_chunk::<2>()?;
        let mapping = rest.get(..usize::from(channels))?;
        Some(Self { channels, skip, gain, family, streams, coupled, mapping })
    }
}

impl Opus {
    /// A decoder for a track with this header; `format` is the container's, for messages.
    pub(crate) fn new(format: &str, header: Option<&[u8]>, most: u16) -> Result<Self> {
        let broken = |reason: String| AudioError::Broken { format: format.to_owned(), reason };
        let head = Head::read(header.unwrap_or_default())
            .ok_or_else(|| broken("its Opus header makes no sense".to_owned()))?;
        let channels = usize::from(head.channels);
        if channels > usize::from(most) {
            return Err(AudioError::OutOfRange {
                field: "the number of channels",
                given: channels as u64,
                least: 1,
                most: most.into(),
            });
        }
        let refused = || broken("its Opus header asks for streams that cannot be".to_owned());
        let decoder = if head.mapping.is_empty() {
            let layout = if channels == 1 { Channels::Mono } else { Channels::Stereo };
            Streams::One(Box::new(ropus::Decoder::new(RATE, layout).map_err(|_| refused())?))
        } else {
            let decoder = OpusMSDecoder::new(
                48_000,
                head.channels.into(),
                head.streams.into(),
                head.coupled.into(),
                head.mapping,
            );
            Streams::Several(Box::new(decoder.map_err(|_| refused())?))
        };
        let mixer = match head.family {
            2 | 3 => Mixer::first_of(channels),
            _ => Mixer::vorbis_order(channels),
        };
        Ok(Self {
            decoder,
            mixer,
            gain: 10_f32.powf(f32::from(head.gain) / (20.0 * 256.0)),
            skip: head.skip.into(),
            samples: vec![0; usize::try_from(PACKET).unwrap_or(0) * channels],
            floats: Vec::new(),
        })
    }

    /// Decodes a packet and appends its mix; `None` where it is damaged.
    ///
    /// `trim` is what the container cuts off at the packet's end.
    pub(crate) fn decode(&mut self, packet: &[u8], trim: usize, mono: &mut Vec<f32>) -> Option<()> {
        // Without a byte, a packet would ask for a guess at what was lost.
        let bytes = i32::try_from(packet.len()).ok().filter(|&bytes| bytes > 0)?;
        let frames = match &mut self.decoder {
            Streams::One(decoder) => {
                decoder.decode(packet, &mut self.samples, DecodeMode::Normal).ok()?
            }
            Streams::Several(decoder) => {
                let frames = decoder.decode(Some(packet), bytes, &mut self.samples, PACKET, false);
                usize::try_from(frames.ok()?).ok()?
            }
        };
        let channels = self.mixer.channels();
        let end = frames.saturating_sub(trim);
        let start = self.skip.min(end);
        self.skip = self.skip.saturating_sub(frames);
        let kept = self.samples.get(start * channels..end * channels)?;
        let scale = self.gain / 32_768.0;
        self.floats.clear();
        self.floats.extend(kept.iter().map(|&sample| f32::from(sample) * scale));
        self.mixer.mix(&self.floats, mono);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(channels: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let mut bytes = b"OpusHead\x01".to_vec();
        bytes.extend([channels, 0x38, 0x01, 0x80, 0xbb, 0, 0, 0, 0, family]);
        bytes.extend_from_slice(rest);
        bytes
    }

    #[track_caller]
    fn check(bytes: &[u8], expect: Option<(u8, u16, u8)>) {
        let found = Head::read(bytes).map(|head| (head.channels, head.skip, head.streams));
        assert_eq!(found, expect);
    }

    #[test]
    fn headers() {
        check(&head(2, 0, &[]), Some((2, 312, 1)));
        check(&head(6, 1, &[4, 2, 0, 4, 1, 2, 3, 5]), Some((6, 312, 4)));
        check(&head(6, 1, &[4, 2, 0, 4]), None);
        check(&head(3, 0, &[]), None);
        let mut in_mp4 = head(1, 0, &[]);
        (in_mp4[8], in_mp4[10], in_mp4[11]) = (0, 0x01, 0x38);
        check(&in_mp4, Some((1, 312, 1)));
        check(&head(0, 0, &[]), None);
        check(b"OpusHead", None);
        check(b"", None);
    }

    #[test]
    fn absurd_layouts_are_refused() {
        for header in
            [head(2, 1, &[0, 0, 0, 1]), head(2, 1, &[1, 9, 0, 1]), head(255, 1, &[1; 300])]
        {
            assert!(Opus::new("ogg", Some(&header), 32).is_err());
        }
    }
}
