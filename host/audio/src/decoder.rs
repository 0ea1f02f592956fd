//! The samples of a recording, piece by piece.

use std::{
    fmt,
    io::{Read as _, Seek as _},
};

use crate::{
    Limits, SAMPLE_RATE,
    amr::Amr,
    container::Container,
    error::{AudioError, Result},
    guard::guarded,
    joined::Joined,
    limits,
    resample::Resampler,
    sniff::{self, Kind},
    spool::Recording,
};

/// What the sender says of a recording.
///
/// It decides where the content alone leaves a doubt; a wrong name does no harm.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hint {
    /// The file's name, such as `call.mp3`.
    pub file_name: Option<String>,
    /// Its media type, such as `audio/mpeg`.
    pub content_type: Option<String>,
}

/// Sound of one channel, at the rate it was recorded with.
#[derive(Debug, Default)]
pub(crate) struct Block {
    pub(crate) rate: u32,
    pub(crate) samples: Vec<f32>,
}

/// What came of reading on.
#[derive(Debug)]
pub(crate) enum Step {
    /// The block holds samples.
    Samples,
    /// A packet was damaged; the block holds the silence that stands for it.
    Damaged,
    /// Something that gives no sound.
    Nothing,
    /// The file is cut short, or makes no sense from here on.
    Cut(String),
    /// The recording is complete.
    End,
}

/// The one track of a recording that is listened to.
pub(crate) trait Track: Send {
    /// The container and the codec.
    fn format(&self) -> String;
    /// How long the file claims to be, in seconds.
    fn duration(&self) -> Option<f64>;
    /// Reads on, into an empty block.
    fn next(&mut self, block: &mut Block) -> Result<Step>;
}

/// Gives the samples of a recording.
///
/// Reading and decoding block, so this belongs on a thread that may.
pub struct Decoder {
    track: Box<dyn Track>,
    format: String,
    duration: Option<f64>,
    limit: u32,
    resampler: Option<Resampler>,
    block: Block,
    resampled: Vec<f32>,
    ready: Ready,
    decoded: u64,
    /// Steps in a row that gave no sound.
    fruitless: u32,
    damaged: u64,
    cut: Option<String>,
    state: State,
}

/// Samples that wait to be fetched.
#[derive(Default)]
struct Ready {
    bytes: Vec<u8>,
    start: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Running,
    Ended,
}

impl fmt::Debug for Decoder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Decoder")
            .field("format", &self.format)
            .field("duration", &self.duration)
            .field("decoded", &self.decoded)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// Finds out what a recording is, and decodes its beginning.
///
/// A file that cannot be read at all fails here and not at the first [`Decoder::next`].
pub fn decode(mut recording: Recording, hint: Hint, limits: &Limits) -> Result<Decoder> {
    if recording.is_empty() {
        return Err(AudioError::Empty);
    }
    if recording.len() > limits.bytes {
        return Err(AudioError::TooLarge { given: recording.len(), limit: limits.bytes });
    }
    let bytes = recording.len();
    let mut start = Vec::new();
    (&mut recording).take(sniff::SAMPLE as u64).read_to_end(&mut start).map_err(AudioError::Io)?;
    recording.rewind().map_err(AudioError::Io)?;
    let kind = sniff::sniff(&start);
    let track: Box<dyn Track> = match kind {
        Kind::Amr { wide } => Box::new(guarded("amr", || Amr::new(recording, wide))?),
        Kind::Other(found) => return Err(AudioError::Unknown { found: found.to_owned() }),
        Kind::Codec(found) => {
            return Err(AudioError::Codec { format: "given".to_owned(), codec: found.to_owned() });
        }
        Kind::Known("flac") => Box::new(Joined::open(recording, kind, hint, limits)?),
        Kind::Known(_) | Kind::Unknown => Box::new(Container::open(recording, kind, hint, limits)?),
    };
    let claims = track.duration().is_some_and(|seconds| seconds >= LEAST_CLAIM);
    let mut decoder = Decoder {
        format: track.format(),
        duration: plausible(track.duration(), bytes),
        track,
        limit: limits.seconds,
        resampler: None,
        block: Block::default(),
        resampled: Vec::new(),
        ready: Ready::default(),
        decoded: 0,
        fruitless: 0,
        damaged: 0,
        cut: None,
        state: State::Running,
    };
    if decoder.duration.is_some_and(|seconds| seconds > f64::from(limits.seconds)) {
        return Err(AudioError::TooLong { limit: limits.seconds });
    }
    while decoder.decoded == 0 && decoder.state == State::Running {
        decoder.advance()?;
    }
    if decoder.decoded == 0 && (claims || bytes > limits::EMPTY_BYTES) {
        let reason = if claims {
            "it ends before its sound: it is cut short"
        } else {
            "no sound can be found in it"
        };
        let reason = reason.to_owned();
        return Err(AudioError::Broken { format: decoder.format, reason });
    }
    Ok(decoder)
}

/// A file that claims so many seconds and holds none is not empty, but cut.
const LEAST_CLAIM: f64 = 0.05;

/// A claimed length, where the file is large enough for it.
fn plausible(seconds: Option<f64>, bytes: u64) -> Option<f64> {
    /// Even coded silence takes more in a second.
    const LEAST_BYTES: f64 = 20.0;
    seconds.filter(|&seconds| seconds > 0.0 && seconds * LEAST_BYTES <= bytes as f64 + 4096.0)
}

impl Decoder {
    /// The format of the file and its codec, such as `ogg/opus`.
    pub fn format(&self) -> &str {
        &self.format
    }

    /// How long the file says it is, in seconds.
    ///
    /// A claim, and wrong in some files; where it cannot be right it is left out.
    pub fn duration_hint(&self) -> Option<f64> {
        self.duration
    }

    /// The seconds decoded so far, including what waits to be fetched.
    pub fn seconds(&self) -> f64 {
        self.decoded as f64 / f64::from(SAMPLE_RATE)
    }

    /// What was wrong with the file although it could be read, for a log; `None`: nothing so far.
    pub fn damage(&self) -> Option<String> {
        match (&self.cut, self.damaged) {
            (None, 0) => None,
            (None, packets) => Some(format!("{packets} damaged packets are silent")),
            (Some(cut), 0) => Some(cut.clone()),
            (Some(cut), packets) => {
                Some(format!("{packets} damaged packets are silent, and {cut}"))
            }
        }
    }

    /// The next piece: at most `max` bytes, always whole samples; `None` at the end.
    ///
    /// All pieces but the last are as large as `max` allows. After an error comes the end.
    pub fn next(&mut self, max: usize) -> Result<Option<Vec<u8>>> {
        let max = (max - max % 2).max(2);
        while self.ready.len() < max && self.state == State::Running {
            if let Err(error) = self.advance() {
                self.state = State::Ended;
                self.ready = Ready::default();
                return Err(error);
            }
        }
        Ok(self.ready.take(max))
    }

    /// Decodes one packet.
    fn advance(&mut self) -> Result<()> {
        self.block.samples.clear();
        match self.track.next(&mut self.block)? {
            Step::Samples => self.fruitless = 0,
            // Silence before the first sound would hide that nothing can be decoded.
            Step::Damaged if self.decoded > 0 => self.note_damage()?,
            Step::Damaged => {
                self.block.samples.clear();
                self.note_damage()?;
            }
            Step::Nothing => {
                self.fruitless += 1;
                if self.fruitless > limits::FOREIGN_PACKETS {
                    return self.cut_at("its packets hold no sound".to_owned());
                }
            }
            Step::Cut(reason) => return self.cut_at(reason),
            Step::End if self.decoded == 0 && self.damaged > 0 => {
                return self.cut_at("none of its packets can be decoded".to_owned());
            }
            Step::End => return self.end(),
        }
        self.convert()
    }

    fn note_damage(&mut self) -> Result<()> {
        self.damaged += 1;
        self.fruitless += 1;
        if self.fruitless > limits::FRUITLESS_PACKETS {
            self.block.samples.clear();
            return self.cut_at("its packets cannot be decoded".to_owned());
        }
        Ok(())
    }

    /// A file that breaks off keeps what was decoded of it, if that is anything.
    fn cut_at(&mut self, reason: String) -> Result<()> {
        if self.decoded == 0 {
            return Err(AudioError::Broken { format: self.format.clone(), reason });
        }
        tracing::warn!(format = self.format, seconds = self.seconds(), reason, "recording cut");
        self.cut = Some(reason);
        self.end()
    }

    fn end(&mut self) -> Result<()> {
        self.state = State::Ended;
        self.drain()
    }

    /// Resamples the block, and puts it with the samples that are ready.
    fn convert(&mut self) -> Result<()> {
        if self.block.samples.is_empty() {
            return Ok(());
        }
        if self.resampler.as_ref().is_none_or(|resampler| resampler.rate() != self.block.rate) {
            self.drain()?;
            self.resampler = Some(Resampler::new(self.block.rate)?);
        }
        if let Some(resampler) = &mut self.resampler {
            resampler.push(&self.block.samples, &mut self.resampled)?;
        }
        self.keep()
    }

    /// Empties the resampler.
    fn drain(&mut self) -> Result<()> {
        if let Some(mut resampler) = self.resampler.take() {
            resampler.finish(&mut self.resampled)?;
        }
        self.keep()
    }

    fn keep(&mut self) -> Result<()> {
        self.decoded = self.decoded.saturating_add(self.resampled.len() as u64);
        self.ready.push(&self.resampled);
        self.resampled.clear();
        if self.decoded > u64::from(self.limit) * u64::from(SAMPLE_RATE) {
            return Err(AudioError::TooLong { limit: self.limit });
        }
        Ok(())
    }
}

impl Ready {
    fn len(&self) -> usize {
        self.bytes.len() - self.start
    }

    fn push(&mut self, samples: &[f32]) {
        self.bytes.extend(samples.iter().flat_map(|sample| {
            // The cast holds numbers to the range, and makes 0 of what is none.
            #[expect(clippy::cast_possible_truncation, reason = "this is the conversion")]
            let sample = (sample * 32_768.0).round() as i16;
            sample.to_le_bytes()
        }));
    }

    fn take(&mut self, max: usize) -> Option<Vec<u8>> {
        let waiting = self.bytes.get(self.start..).unwrap_or_default();
        if waiting.is_empty() {
            return None;
        }
        let piece = waiting.get(..max).unwrap_or(waiting).to_vec();
        self.start += piece.len();
        // What was fetched is forgotten once it outweighs what waits.
        if self.start * 2 >= self.bytes.len() {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        Some(piece)
    }
}
