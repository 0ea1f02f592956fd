//! AMR, the codec of telephones, in its own container (RFC 4867, section 5).

use std::io::{self, BufReader, Read, Seek as _};

use codec_core::{
    CodecConfig, CodedFrame, FrameKind, VariableRateCodec as _,
    codecs::amr::{AmrCodec, AmrFrameType, AmrVariant},
};

use crate::{
    decoder::{Block, Step, Track},
    error::{AudioError, Result},
    guard::guarded,
    spool::Recording,
};

/// Reads frame after frame.
pub(crate) struct Amr {
    reader: BufReader<Recording>,
    codec: AmrCodec,
    variant: AmrVariant,
    /// The rate of the last speech, by which a lost frame is made up for.
    mode: u8,
    data: Vec<u8>,
}

impl Amr {
    pub(crate) fn new(mut recording: Recording, wide: bool) -> Result<Self> {
        let (variant, config) = if wide {
            (AmrVariant::WideBand, CodecConfig::amr_wb())
        } else {
            (AmrVariant::NarrowBand, CodecConfig::amr_nb())
        };
        let start = variant.storage_magic().len() as u64;
        recording.seek(io::SeekFrom::Start(start)).map_err(AudioError::Io)?;
        let codec = AmrCodec::new(&config).map_err(|error| AudioError::Broken {
            format: "amr".to_owned(),
            reason: error.to_string(),
        })?;
        Ok(Self { reader: BufReader::new(recording), codec, variant, mode: 0, data: Vec::new() })
    }

    fn frame(&mut self) -> Result<Frame> {
        let mut header = [0; 1];
        if self.reader.read(&mut header).map_err(AudioError::Io)? == 0 {
            return Ok(Frame::End);
        }
        let [header] = header;
        let Ok(kind) = AmrFrameType::from_index(self.variant, header >> 3 & 0x0f) else {
            return Ok(Frame::Damaged);
        };
        self.data.resize(kind.octet_aligned_bytes(), 0);
        match self.reader.read_exact(&mut self.data) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(Frame::Cut),
            Err(error) => return Err(AudioError::Io(error)),
        }
        if let AmrFrameType::Speech(mode) = kind {
            self.mode = mode.index();
        }
        Ok(Frame::Coded(CodedFrame {
            kind: match kind {
                AmrFrameType::Speech(_) => FrameKind::Speech,
                AmrFrameType::Sid(_) => FrameKind::ComfortNoise,
                AmrFrameType::NoData => FrameKind::NoData,
                AmrFrameType::SpeechLost => FrameKind::Lost,
            },
            mode: self.mode,
            quality_ok: header & 0x04 != 0,
            data: self.data.clone(),
        }))
    }
}

enum Frame {
    Coded(CodedFrame),
    /// A frame of a reserved kind; where the next one begins is not known.
    Damaged,
    /// The file ends within the frame.
    Cut,
    End,
}

impl Track for Amr {
    fn format(&self) -> String {
        match self.variant {
            AmrVariant::NarrowBand => "amr".to_owned(),
            AmrVariant::WideBand => "amr-wb".to_owned(),
        }
    }

    fn duration(&self) -> Option<f64> {
        None
    }

    fn next(&mut self, block: &mut Block) -> Result<Step> {
        let frame = match self.frame()? {
            Frame::Coded(frame) => frame,
            Frame::End => return Ok(Step::End),
            Frame::Cut => return Ok(Step::Cut("it ends within a frame".to_owned())),
            Frame::Damaged => return Ok(Step::Cut("a frame is of a reserved kind".to_owned())),
        };
        block.rate = self.variant.sample_rate();
        let decoded = guarded("amr", || Ok(self.codec.decode_frame(&frame)))?;
        let Ok(samples) = decoded else {
            block.samples.resize(self.variant.frame_samples(), 0.0);
            return Ok(Step::Damaged);
        };
        block.samples.extend(samples.iter().map(|&sample| f32::from(sample) / 32_768.0));
        Ok(Step::Samples)
    }
}
