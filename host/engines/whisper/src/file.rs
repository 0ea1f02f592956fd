//! A look into a whisper file before whisper.cpp reads it, which ends the process on some faults.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

/// The first four bytes, as a number.
const MAGIC: u32 = 0x6767_6d6c;
/// The positions of the encoder that whisper.cpp is built for.
const POSITIONS: u32 = 1500;
/// Bins of the spectrum that mel bands are made of.
const BINS: u32 = 201;
/// No whisper model is wider or deeper.
const WIDEST: u32 = 4096;
const DEEPEST: u32 = 64;
const LONGEST_TEXT: u32 = 4096;
/// No name of a tensor and no token is longer.
const LONGEST_NAME: u32 = 1024;

/// What a file says of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Elements of all tensors.
    pub(crate) parameters: u64,
    /// Bytes of all tensors.
    pub(crate) bytes: u64,
}

/// Why a file is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    #[error("it cannot be read: {0}")]
    Io(#[from] std::io::Error),
    #[error("it is no whisper file: it begins with {0:#010x} and not with {MAGIC:#010x}")]
    Magic(u32),
    #[error("it says that its {what} is {value}, which must be {limit}")]
    Value { what: &'static str, value: u32, limit: &'static str },
    #[error("tensor `{0}` has a type or shape that whisper.cpp does not read")]
    Tensor(String),
    #[error("it ends in the middle of {0}: it is cut off, copy it again")]
    Cut(&'static str),
}

/// Bytes and elements of a block of a tensor type.
fn block(kind: u32) -> Option<(u64, u64)> {
    Some(match kind {
        0 => (4, 1),
        1 => (2, 1),
        2 => (18, 32),
        3 => (20, 32),
        6 => (22, 32),
        7 => (24, 32),
        8 => (34, 32),
        10 => (84, 256),
        11 => (110, 256),
        12 => (144, 256),
        13 => (176, 256),
        14 => (210, 256),
        _ => return None,
    })
}

/// The tensor type of a file type, which has a version of the quantization above its thousands.
fn tensor_type(file_type: u32) -> Option<u32> {
    Some(match file_type % 1000 {
        same @ (0..=3 | 10..=14) => same,
        7 => 8,
        8 => 6,
        9 => 7,
        _ => return None,
    })
}

/// Reads a file from end to end, but for the weights themselves; gives the filters of its bands too.
pub(crate) fn inspect(path: &Path) -> Result<(Shape, Vec<f32>), FileError> {
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    let mut reader = Reader { input: BufReader::with_capacity(1 << 16, file), place: 0, size };
    let magic = reader.number("its first number")?;
    if magic != MAGIC {
        return Err(FileError::Magic(magic));
    }
    let filters = reader.header()?;
    let mut shape = Shape::default();
    while reader.place < reader.size {
        let (elements, bytes) = reader.tensor()?;
        shape.parameters = shape.parameters.saturating_add(elements);
        shape.bytes = shape.bytes.saturating_add(bytes);
    }
    Ok((shape, filters))
}

struct Reader {
    input: BufReader<File>,
    place: u64,
    size: u64,
}

impl Reader {
    fn number(&mut self, what: &'static str) -> Result<u32, FileError> {
        let mut bytes = [0; 4];
        self.need(4, what)?;
        self.input.read_exact(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn bytes(&mut self, count: u32, what: &'static str) -> Result<Vec<u8>, FileError> {
        let mut bytes = vec![0; usize::try_from(count).unwrap_or(0)];
        self.need(u64::from(count), what)?;
        self.input.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn skip(&mut self, count: u64, what: &'static str) -> Result<(), FileError> {
        self.need(count, what)?;
        let offset = i64::try_from(count).map_err(|_| FileError::Cut(what))?;
        self.input.seek_relative(offset)?;
        Ok(())
    }

    /// Makes sure of `count` more bytes.
    fn need(&mut self, count: u64, what: &'static str) -> Result<(), FileError> {
        match self.place.checked_add(count).filter(|end| *end <= self.size) {
            Some(end) => {
                self.place = end;
                Ok(())
            }
            None => Err(FileError::Cut(what)),
        }
    }

    fn header(&mut self) -> Result<Vec<f32>, FileError> {
        let mut take = |what: &'static str, limit: &'static str, sound: fn(u32) -> bool| {
            let value = self.number("its header")?;
            if sound(value) { Ok(value) } else { Err(FileError::Value { what, value, limit }) }
        };
        let wide: fn(u32) -> bool = |value| (8..=WIDEST).contains(&value) && value % 2 == 0;
        let deep: fn(u32) -> bool = |value| (1..=DEEPEST).contains(&value);
        let width = "even, and from 8 to 4096";
        let vocabulary = take("vocabulary", "51864, 51865 or 51866", |value| {
            (51_864..=51_866).contains(&value)
        })?;
        take("audio context", "1500", |value| value == POSITIONS)?;
        let audio = take("audio width", width, wide)?;
        let audio_heads = take("number of audio heads", "from 1 to 64", deep)?;
        take("number of audio layers", "from 1 to 64", deep)?;
        take("text context", "from 16 to 4096", |value| (16..=LONGEST_TEXT).contains(&value))?;
        let text = take("text width", width, wide)?;
        let text_heads = take("number of text heads", "from 1 to 64", deep)?;
        take("number of text layers", "from 1 to 64", deep)?;
        let mels =
            take("number of mel bands", "from 1 to 256", |value| (1..=256).contains(&value))?;
        let file_type =
            take("file type", "one that whisper.cpp knows", |value| tensor_type(value).is_some())?;
        for (what, width, heads) in
            [("audio width", audio, audio_heads), ("text width", text, text_heads)]
        {
            if width % heads != 0 {
                let limit = "a multiple of its number of heads";
                return Err(FileError::Value { what, value: width, limit });
            }
            let elements = tensor_type(file_type).and_then(block).map_or(1, |(_, count)| count);
            if u64::from(width) % elements != 0 {
                let limit = "a multiple of the block of its quantization";
                return Err(FileError::Value { what, value: width, limit });
            }
        }
        if audio != text {
            let limit = "the audio width";
            return Err(FileError::Value { what: "text width", value: text, limit });
        }
        let filters = self.filters(mels)?;
        self.vocabulary(vocabulary)?;
        Ok(filters)
    }

    fn filters(&mut self, mels: u32) -> Result<Vec<f32>, FileError> {
        let bands = self.number("its mel filters")?;
        let bins = self.number("its mel filters")?;
        if bands != mels {
            let limit = "the number of mel bands";
            return Err(FileError::Value { what: "number of mel filters", value: bands, limit });
        }
        if bins != BINS {
            let what = "length of mel filters";
            return Err(FileError::Value { what, value: bins, limit: "201" });
        }
        let bytes = self.bytes(bands * bins * 4, "its mel filters")?;
        Ok(bytes.as_chunks::<4>().0.iter().copied().map(f32::from_le_bytes).collect())
    }

    fn vocabulary(&mut self, most: u32) -> Result<(), FileError> {
        let count = self.number("its vocabulary")?;
        if count == 0 || count > most {
            let limit = "above 0, and at most the vocabulary";
            return Err(FileError::Value { what: "number of tokens", value: count, limit });
        }
        for _ in 0..count {
            let length = self.number("its vocabulary")?;
            if length > LONGEST_NAME {
                let limit = "at most 1024";
                return Err(FileError::Value { what: "length of a token", value: length, limit });
            }
            self.skip(u64::from(length), "its vocabulary")?;
        }
        Ok(())
    }

    /// Reads past a tensor; gives its elements and its bytes.
    fn tensor(&mut self) -> Result<(u64, u64), FileError> {
        const WHAT: &str = "a tensor";
        let dimensions = self.number(WHAT)?;
        let length = self.number(WHAT)?;
        let kind = self.number(WHAT)?;
        if dimensions == 0 || dimensions > 4 || length > LONGEST_NAME {
            return Err(FileError::Tensor(format!("at byte {}", self.place)));
        }
        let mut sizes = Vec::new();
        for _ in 0..dimensions {
            sizes.push(u64::from(self.number(WHAT)?));
        }
        let name = String::from_utf8_lossy(&self.bytes(length, WHAT)?).into_owned();
        let row = sizes.first().copied().unwrap_or_default();
        let elements = sizes.iter().try_fold(1_u64, |all, size| all.checked_mul(*size));
        let bytes = block(kind).zip(elements).and_then(|((bytes, count), elements)| {
            (elements > 0 && row % count == 0).then(|| (elements / count).checked_mul(bytes))?
        });
        let (Some(elements), Some(bytes)) = (elements, bytes) else {
            return Err(FileError::Tensor(name));
        };
        self.skip(bytes, WHAT)?;
        Ok((elements, bytes))
    }
}

/// Whether a file looks like the weights of silero's voice activity detector.
pub(crate) fn is_detector(path: &Path) -> Result<bool, std::io::Error> {
    let mut file = File::open(path)?;
    let mut head = [0; 8];
    if file.metadata()?.len() < 100_000 || file.read(&mut head)? < head.len() {
        return Ok(false);
    }
    file.seek(SeekFrom::Start(8))?;
    let (numbers, _) = head.as_chunks::<4>();
    let mut numbers = numbers.iter().copied().map(u32::from_le_bytes);
    let (magic, length) = (numbers.next(), numbers.next().unwrap_or_default());
    if magic != Some(MAGIC) || !(1..=64).contains(&length) {
        return Ok(false);
    }
    let mut name = vec![0; usize::try_from(length).unwrap_or(0)];
    file.read_exact(&mut name)?;
    Ok(name.starts_with(b"silero"))
}
