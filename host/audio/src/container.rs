//! Files that the container library reads.

use std::io;

use symphonia::core::{
    audio::GenericAudioBufferRef,
    common::Limit,
    errors::Error,
    formats::{FormatOptions, FormatReader, probe},
    io::{MediaSourceStream, MediaSourceStreamOptions},
    meta::MetadataOptions,
    packet::Packet,
    units::{Duration, TimeBase, Timestamp},
};

use crate::{
    Limits, SAMPLE_RATE,
    codec::{Codec, choose, make_codec, plain_bits, too_many},
    decoder::{Block, Hint, Step, Track},
    edits::{self, Edit},
    error::{AudioError, Result},
    guard::guarded,
    limits,
    mix::Mixer,
    ogg, opus,
    riff::{self, Samples, Wav},
    sniff::Kind,
    source::{Source, Trouble},
    spool::Recording,
    webm,
};

/// A file with tracks, one of which is listened to.
pub(crate) struct Container {
    reader: Box<dyn FormatReader>,
    track: u32,
    codec: Codec,
    codec_name: String,
    format: String,
    duration: Option<f64>,
    channels: u16,
    /// The length of a packet's unit of time, in seconds.
    unit: Option<f64>,
    rate: u32,
    interleaved: Vec<f32>,
    /// The part of the track that is heard; `None`: all of it.
    part: Option<Part>,
    /// Seconds of silence before the sound track begins, as far as they are not given yet.
    pause: f64,
    /// The time at which the next packet belongs.
    expected: Option<Timestamp>,
    /// Whether the end has been passed that the file claims.
    ended: bool,
    trouble: Trouble,
}

/// The part of a track that is heard, and how far it has been read.
struct Part {
    edit: Edit,
    /// Samples that were decoded so far.
    read: u64,
}

impl Container {
    pub(crate) fn open(
        recording: Recording,
        kind: Kind,
        hint: Hint,
        limits: &Limits,
    ) -> Result<Self> {
        let name = match kind {
            Kind::Known(name) => name,
            _ => "audio",
        };
        guarded(name, || Self::probe(recording, kind, hint, limits))
    }

    fn probe(mut recording: Recording, kind: Kind, hint: Hint, limits: &Limits) -> Result<Self> {
        let bytes = recording.len();
        let edits = if kind == Kind::Known("mp4") {
            edits::edits(&mut recording).map_err(AudioError::Io)?
        } else {
            Vec::new()
        };
        let (recording, mended) = mended(recording, kind)?;
        let source = Source::new(recording);
        let trouble = source.trouble();
        let stream = MediaSourceStream::new(Box::new(source), MediaSourceStreamOptions::default());
        let tags = MetadataOptions::default()
            .limit_tag_bytes(Limit::Maximum(limits::TAG_BYTES))
            .limit_visual_bytes(Limit::Maximum(limits::TAG_BYTES));
        let reader = symphonia::default::get_probe()
            .probe(&library_hint(hint), stream, FormatOptions::default(), tags)
            .map_err(|error| unreadable(kind, error, &trouble))?;
        let format = format_name(reader.format_info().short_name, kind);
        let (info, params) = choose(reader.as_ref(), &format)?;
        let (codec, codec_name) = make_codec(&format, params, limits.channels)?;
        let unit = info.time_base.map(seconds);
        let frames = info.duration.map(Duration::get).or(info.num_frames);
        let mut duration = frames.zip(unit).map(|(frames, unit)| frames as f64 * unit);
        let whole = reader.media_info();
        duration = duration.or_else(|| {
            let (base, ticks) = whole.time_base.zip(whole.duration)?;
            Some(ticks.get() as f64 * seconds(base))
        });
        if let Some(bits) = plain_bits(params) {
            // Plain samples cannot be longer than the file, whatever its header says.
            duration = duration.map(|claim| claim.min(bytes as f64 * 8.0 / bits));
        }
        let edit = edits.into_iter().find(|edit| edit.track == info.id);
        let heard = edit.and_then(|edit| Some(edit.seconds? + edit.pause));
        duration = heard.or(duration);
        Ok(Self {
            track: info.id,
            part: edit.map(|edit| Part { edit, read: 0 }),
            unit,
            duration,
            codec,
            codec_name,
            format,
            channels: limits.channels,
            rate: params.sample_rate.unwrap_or(0),
            interleaved: Vec::new(),
            pause: edit.map_or(0.0, |edit| edit.pause.min(limits::MOST_PAUSE)),
            // What is lost at the beginning must not move what comes behind it, and a sound track
            // may begin after the picture.
            expected: ((mended && kind == Kind::Known("ogg")) || kind == Kind::Known("webm"))
                .then_some(Timestamp::ZERO),
            ended: false,
            trouble,
            reader,
        })
    }

    /// The next packet of the track.
    fn packet(&mut self) -> Result<Found> {
        match self.reader.next_packet() {
            Ok(Some(packet)) if packet.track_id == self.track => {
                Ok(Found::Packet(self.joined(packet)))
            }
            Ok(Some(_)) => Ok(Found::Nothing),
            Ok(None) => Ok(Found::End),
            Err(Error::ResetRequired) => {
                self.reset()?;
                Ok(Found::Nothing)
            }
            Err(error) => self.reader_error(&error),
        }
    }

    /// Files of MP3 that were put one behind the other are one recording: the length that the first
    /// one claims is not that of all of them. The first packet behind it holds silence, since an
    /// encoder fills up its last one.
    fn joined(&mut self, mut packet: Packet) -> Packet {
        let claims = matches!(self.format.as_str(), "mp3" | "mp2" | "mp1");
        if claims && packet.trim_end > Duration::ZERO && packet.trim_end >= packet.dur {
            if self.ended {
                packet.trim_end = Duration::ZERO;
            }
            self.ended = true;
        }
        packet
    }

    fn reader_error(&self, error: &Error) -> Result<Found> {
        if self.trouble.budget() {
            return Ok(Found::Cut("it leads to the same bytes over and over".to_owned()));
        }
        match error {
            Error::IoError(error) if self.trouble.io() => Err(AudioError::Io(copy(error))),
            Error::IoError(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Ok(Found::Cut("it is cut short".to_owned()))
            }
            error => Ok(Found::Cut(error.to_string())),
        }
    }

    /// One recording ends and the next begins in the same file, as in chained Ogg.
    fn reset(&mut self) -> Result<()> {
        let (info, params) = choose(self.reader.as_ref(), &self.format)?;
        let (codec, codec_name) = make_codec(&self.format, params, self.channels)?;
        self.track = info.id;
        self.unit = info.time_base.map(seconds);
        self.expected = None;
        self.rate = params.sample_rate.unwrap_or(0);
        (self.codec, self.codec_name) = (codec, codec_name);
        Ok(())
    }

    fn decode(&mut self, packet: &Packet, block: &mut Block) -> Result<Step> {
        block.rate = if matches!(self.codec, Codec::Opus(_)) { opus::RATE } else { self.rate };
        let gap = self.gap(packet, block.rate);
        block.samples.resize(gap, 0.0);
        let decoded = match &mut self.codec {
            Codec::Opus(opus) => {
                let trim = usize::try_from(packet.trim_end.get()).unwrap_or(usize::MAX);
                opus.decode(&packet.data, trim, &mut block.samples).is_some()
            }
            Codec::Library { decoder, mixer } => match decoder.decode(packet) {
                Ok(buffer) => {
                    self.rate = buffer.spec().rate();
                    if block.rate != self.rate {
                        // A gap before the first packet of another rate is none of its own.
                        block.samples.clear();
                        block.rate = self.rate;
                    }
                    mix(&buffer, mixer, self.channels, &mut self.interleaved, block)?;
                    true
                }
                Err(Error::ResetRequired) => {
                    decoder.reset();
                    return Ok(Step::Nothing);
                }
                Err(_) => false,
            },
        };
        if decoded && self.cut(block) {
            return Ok(Step::End);
        }
        if decoded && !block.samples.is_empty() {
            return Ok(Step::Samples);
        }
        if decoded {
            return Ok(Step::Nothing);
        }
        let silence = self.in_samples(packet.dur, limits::SILENCE_SECONDS, block.rate);
        block.samples.truncate(gap);
        block.samples.resize(gap.saturating_add(silence), 0.0);
        if self.cut(block) { Ok(Step::End) } else { Ok(Step::Damaged) }
    }

    /// The samples that are missing in front of a packet, by the packets' own times.
    ///
    /// A part of the file that is lost must not move what comes behind it.
    fn gap(&mut self, packet: &Packet, rate: u32) -> usize {
        let length = packet.block_dur();
        let expected = self.expected.take();
        if length > Duration::ZERO {
            self.expected = Some(packet.pts.saturating_add(length));
        }
        let Some(expected) = expected.filter(|expected| packet.pts > *expected) else { return 0 };
        let missing = packet.pts.abs_delta(expected);
        let seconds = missing.get() as f64 * self.unit.unwrap_or(0.0);
        // Less is the rounding of times, and more is a clock that was set.
        if (limits::LEAST_GAP..=limits::MOST_GAP).contains(&seconds) {
            self.in_samples(missing, limits::MOST_GAP, rate)
        } else {
            0
        }
    }

    /// Some of the silence before the sound track begins.
    fn wait(&mut self, block: &mut Block) -> Step {
        block.rate = match self.codec {
            Codec::Opus(_) => opus::RATE,
            // Some files leave the rate to the first packet, and silence has any.
            Codec::Library { .. } if self.rate == 0 => SAMPLE_RATE,
            Codec::Library { .. } => self.rate,
        };
        let seconds = self.pause.min(limits::SILENCE_SECONDS);
        self.pause -= seconds;
        let samples = samples(seconds, block.rate);
        block.samples.resize(samples, 0.0);
        if samples == 0 { Step::Nothing } else { Step::Samples }
    }

    /// Cuts a block down to the part that is heard; whether that part is over.
    fn cut(&mut self, block: &mut Block) -> bool {
        let Some(Part { edit, read }) = &mut self.part else { return false };
        let in_samples = |seconds: f64| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "the cast saturates, and no time here is negative"
            )]
            let samples = (seconds * f64::from(block.rate)).round() as u64;
            samples
        };
        // Opus tells of its warm-up in its own header too, and there it has been cut off.
        let start = match self.codec {
            Codec::Opus(_) => 0,
            Codec::Library { .. } => in_samples(self.unit.unwrap_or(0.0) * edit.start as f64),
        };
        let end = edit.seconds.map_or(u64::MAX, |all| start.saturating_add(in_samples(all)));
        let size = |samples: u64| usize::try_from(samples).unwrap_or(usize::MAX);
        let behind = size(end.saturating_sub(*read));
        let before = size(start.saturating_sub(*read));
        let over = block.samples.len() > behind || *read >= end;
        *read = read.saturating_add(block.samples.len() as u64);
        block.samples.truncate(behind);
        block.samples.drain(..before.min(block.samples.len()));
        over && block.samples.is_empty()
    }

    /// A length of the track's time in samples, no more than `most` seconds.
    fn in_samples(&self, length: Duration, most: f64, rate: u32) -> usize {
        let seconds = self.unit.unwrap_or(0.0) * length.get() as f64;
        samples(seconds.min(most), rate)
    }
}

/// Makes sense of headers that are wrong, where the library would give up; whether there were any.
fn mended(mut recording: Recording, kind: Kind) -> Result<(Recording, bool)> {
    let found = match kind {
        Kind::Known("wav") => match riff::find(&mut recording).map_err(AudioError::Io)? {
            Wav::Samples(Samples { header, start, bytes }) => Some((header, start, Some(bytes))),
            Wav::Senseless => None,
            Wav::Cut => {
                let reason = "it ends before its samples: it is cut short".to_owned();
                return Err(AudioError::Broken { format: "wav".to_owned(), reason });
            }
        },
        Kind::Known("webm") => webm::mended(&mut recording).map_err(AudioError::Io)?.map(|front| {
            let start = front.len() as u64;
            (front, start, None)
        }),
        Kind::Known("ogg") => {
            let found = ogg::mended(&mut recording).map_err(AudioError::Io)?;
            found.map(|(front, start)| (front, start, None))
        }
        _ => None,
    };
    let Some((front, start, bytes)) = found else { return Ok((recording, false)) };
    let rest = bytes.unwrap_or(recording.len().saturating_sub(start));
    Ok((recording.reframed(front, start, rest), true))
}

/// A unit of time in seconds.
fn seconds(base: TimeBase) -> f64 {
    f64::from(base.numer.get()) / f64::from(base.denom.get())
}

enum Found {
    Packet(Packet),
    Nothing,
    Cut(String),
    End,
}

impl Track for Container {
    fn format(&self) -> String {
        if self.codec_name == self.format {
            self.format.clone()
        } else {
            format!("{}/{}", self.format, self.codec_name)
        }
    }

    fn duration(&self) -> Option<f64> {
        self.duration
    }

    fn next(&mut self, block: &mut Block) -> Result<Step> {
        if self.pause > 0.0 {
            return Ok(self.wait(block));
        }
        let format = self.format.clone();
        guarded(&format, || match self.packet()? {
            Found::Packet(packet) => self.decode(&packet, block),
            Found::Nothing => Ok(Step::Nothing),
            Found::Cut(reason) => Ok(Step::Cut(reason)),
            Found::End => Ok(Step::End),
        })
    }
}

/// How many samples last so many seconds, of which callers set a bound.
fn samples(seconds: f64, rate: u32) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "neither factor is negative, and both are bounded"
    )]
    let samples = (seconds * f64::from(rate.min(limits::MOST_RATE))).round() as usize;
    samples
}

/// Mixes a decoded packet into the block.
fn mix(
    buffer: &GenericAudioBufferRef<'_>,
    mixer: &mut Option<Mixer>,
    most: u16,
    interleaved: &mut Vec<f32>,
    block: &mut Block,
) -> Result<()> {
    let count = buffer.spec().channels().count();
    if count == 0 || count > usize::from(most) {
        return Err(too_many(count as u64, most));
    }
    if mixer.as_ref().is_none_or(|mixer| mixer.channels() != count) {
        *mixer = Some(Mixer::new(buffer.spec().channels()));
    }
    if let Some(mixer) = mixer {
        buffer.copy_to_vec_interleaved(interleaved);
        mixer.mix(interleaved, &mut block.samples);
    }
    Ok(())
}

fn library_hint(hint: Hint) -> probe::Hint {
    let Hint { file_name, content_type } = hint;
    let mut library = probe::Hint::new();
    if let Some((_, extension)) = file_name.as_deref().and_then(|name| name.rsplit_once('.')) {
        library.with_extension(extension);
    }
    if let Some(kind) = content_type.as_deref() {
        library.mime_type(kind);
    }
    library
}

/// The name that people know a format by.
fn format_name(library: &str, kind: Kind) -> String {
    match (library, kind) {
        ("wave", _) => "wav".to_owned(),
        ("isomp4", _) => "mp4".to_owned(),
        ("matroska" | "mkv", _) => "webm".to_owned(),
        (name, _) => name.to_owned(),
    }
}

/// Why a file could not be opened.
fn unreadable(kind: Kind, error: Error, trouble: &Trouble) -> AudioError {
    if let Error::IoError(error) = &error
        && trouble.io()
    {
        return AudioError::Io(copy(error));
    }
    let Kind::Known(format) = kind else {
        return AudioError::Unknown { found: "of an unknown format".to_owned() };
    };
    let format = format.to_owned();
    match error {
        Error::IoError(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            AudioError::Broken { format, reason: "it is cut short".to_owned() }
        }
        Error::Unsupported(what) => AudioError::Codec { format, codec: what.to_owned() },
        error => AudioError::Broken { format, reason: error.to_string() },
    }
}

fn copy(error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), error.to_string())
}
