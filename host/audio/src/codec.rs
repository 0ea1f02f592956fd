//! Which track of a file is listened to, and what decodes it.

use std::sync::OnceLock;

use symphonia::core::{
    audio::Channels,
    codecs::{
        CodecParameters,
        audio::{
            AudioCodecId, AudioCodecParameters, AudioDecoder, AudioDecoderOptions,
            well_known::{
                CODEC_ID_AAC, CODEC_ID_AC3, CODEC_ID_AC4, CODEC_ID_ATRAC3, CODEC_ID_DCA,
                CODEC_ID_EAC3, CODEC_ID_OPUS, CODEC_ID_PCM_ALAW, CODEC_ID_PCM_MULAW,
                CODEC_ID_SPEEX, CODEC_ID_WMA,
            },
        },
        registry::CodecRegistry,
    },
    errors::Error,
    formats::{FormatReader, Track as TrackInfo, TrackType},
};

use crate::{
    error::{AudioError, Result},
    mix::Mixer,
    opus::Opus,
};

/// The most channels of AAC that the library decodes.
const AAC_CHANNELS: usize = 2;

/// What decodes a track.
pub(crate) enum Codec {
    Library { decoder: Box<dyn AudioDecoder>, mixer: Option<Mixer> },
    Opus(Box<Opus>),
}

fn codecs() -> &'static CodecRegistry {
    static CODECS: OnceLock<CodecRegistry> = OnceLock::new();
    CODECS.get_or_init(|| {
        let mut codecs = CodecRegistry::new();
        symphonia::default::register_enabled_codecs(&mut codecs);
        codecs
    })
}

/// More channels than are taken.
pub(crate) fn too_many(given: u64, most: u16) -> AudioError {
    AudioError::OutOfRange { field: "the number of channels", given, least: 1, most: most.into() }
}

/// The first audio track that can be decoded.
pub(crate) fn choose<'a>(
    reader: &'a dyn FormatReader,
    format: &str,
) -> Result<(&'a TrackInfo, &'a AudioCodecParameters)> {
    let audio = |track: &'a TrackInfo| match &track.codec_params {
        Some(CodecParameters::Audio(params)) => Some((track, params)),
        _ => None,
    };
    let known = |params: &AudioCodecParameters| {
        params.codec == CODEC_ID_OPUS || codecs().get_audio_decoder(params.codec).is_some()
    };
    let first = reader.default_track(TrackType::Audio).and_then(audio);
    let mut all = first.into_iter().chain(reader.tracks().iter().filter_map(audio));
    let mut unknown = None;
    let found = all.find(|(_, params)| {
        unknown = unknown.or(Some(params.codec));
        known(params)
    });
    found.ok_or_else(|| match unknown {
        None => AudioError::NoAudioTrack { format: format.to_owned() },
        Some(codec) => {
            AudioError::Codec { format: format.to_owned(), codec: foreign_codec(codec).to_owned() }
        }
    })
}

/// The name of a codec that is not read here.
fn foreign_codec(codec: AudioCodecId) -> &'static str {
    match codec {
        CODEC_ID_AC3 | CODEC_ID_EAC3 | CODEC_ID_AC4 => "Dolby Digital",
        CODEC_ID_DCA => "DTS",
        CODEC_ID_WMA => "Windows Media Audio",
        CODEC_ID_SPEEX => "Speex",
        CODEC_ID_ATRAC3 => "ATRAC",
        _ => "in a codec that is not known",
    }
}

/// What decodes a track, and the name of its codec.
pub(crate) fn make_codec(
    format: &str,
    params: &AudioCodecParameters,
    most: u16,
) -> Result<(Codec, String)> {
    if params.codec == CODEC_ID_OPUS {
        let opus = Opus::new(format, params.extra_data.as_deref(), most)?;
        return Ok((Codec::Opus(Box::new(opus)), "opus".to_owned()));
    }
    if let Some(channels) = &params.channels {
        let count = channels.count();
        if count > usize::from(most) {
            return Err(too_many(count as u64, most));
        }
    }
    let mut params = params.clone();
    if matches!(params.codec, CODEC_ID_PCM_ALAW | CODEC_ID_PCM_MULAW) {
        // Each container counts the bits of these in its own way, and the codec knows them.
        (params.bits_per_sample, params.bits_per_coded_sample) = (None, None);
    }
    // The encoder's own silence at both ends is cut off where the file tells its length.
    let options = AudioDecoderOptions::default().gapless(true);
    let name =
        codecs().get_audio_decoder(params.codec).map_or("", |codec| codec.codec.info.short_name);
    match codecs().make_audio_decoder(&params, &options) {
        Ok(decoder) => Ok((Codec::Library { decoder, mixer: None }, name.to_owned())),
        Err(Error::Unsupported(what)) => {
            tracing::debug!(format, name, what, "a kind of codec that is not known");
            let codec = match aac_channels(&params) {
                Some(count) if count > AAC_CHANNELS => {
                    format!("AAC with {count} channels, of which {AAC_CHANNELS} at most are read")
                }
                _ => format!("{name} of a kind that is not known"),
            };
            Err(AudioError::UnreadCodec { format: format.to_owned(), codec })
        }
        Err(error) => {
            Err(AudioError::Broken { format: format.to_owned(), reason: error.to_string() })
        }
    }
}

/// The bits of plain samples in a second; `None` where they are compressed.
pub(crate) fn plain_bits(params: &AudioCodecParameters) -> Option<f64> {
    let bits = match params.codec {
        CODEC_ID_PCM_ALAW | CODEC_ID_PCM_MULAW => 8,
        _ => params.bits_per_coded_sample.or(params.bits_per_sample)?,
    };
    let channels = params.channels.as_ref()?.count();
    let rate = params.sample_rate?;
    let info = codecs().get_audio_decoder(params.codec)?.codec.info;
    let plain = info.short_name.starts_with("pcm") && bits > 0 && channels > 0 && rate > 0;
    plain.then(|| f64::from(bits) * channels as f64 * f64::from(rate))
}

/// The channels of AAC, by its own header where the container does not tell.
fn aac_channels(params: &AudioCodecParameters) -> Option<usize> {
    if params.codec != CODEC_ID_AAC {
        return None;
    }
    let told = params.channels.as_ref().map(Channels::count);
    told.or_else(|| match params.extra_data.as_deref()?.get(1)? >> 3 & 0xf {
        7 => Some(8),
        count => Some(usize::from(count)).filter(|count| *count > 0),
    })
}
