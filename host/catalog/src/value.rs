//! Metadata values: their types on disk and what is kept of them.

use std::{fmt, io::Read};

use crate::{
    error::{Problem, Result},
    limits,
    source::Source,
};

/// The type of a value on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    F32,
    Bool,
    String,
    Array,
    U64,
    I64,
    F64,
}

impl Kind {
    const ALL: [Self; 13] = [
        Self::U8,
        Self::I8,
        Self::U16,
        Self::I16,
        Self::U32,
        Self::I32,
        Self::F32,
        Self::Bool,
        Self::String,
        Self::Array,
        Self::U64,
        Self::I64,
        Self::F64,
    ];

    pub(crate) fn read<R: Read>(source: &mut Source<R>, field: &dyn fmt::Display) -> Result<Self> {
        let given = source.u32(field)?;
        let known = usize::try_from(given).ok().and_then(|at| Self::ALL.get(at));
        known.copied().ok_or_else(|| Problem::wrong(field, given, "a type from 0 to 12"))
    }

    /// Bytes of one element; 0 where elements differ.
    fn width(self) -> u64 {
        match self {
            Self::U8 | Self::I8 | Self::Bool => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
            Self::String | Self::Array => 0,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::U8 => "u8",
            Self::I8 => "i8",
            Self::U16 => "u16",
            Self::I16 => "i16",
            Self::U32 => "u32",
            Self::I32 => "i32",
            Self::F32 => "f32",
            Self::Bool => "bool",
            Self::String => "string",
            Self::Array => "array",
            Self::U64 => "u64",
            Self::I64 => "i64",
            Self::F64 => "f64",
        })
    }
}

/// One value of the metadata.
#[derive(Debug)]
pub(crate) enum Value {
    Unsigned(Kind, u64),
    Signed(Kind, i64),
    F32(f32),
    F64(f64),
    Bool(bool),
    Text(Vec<u8>),
    Array(Array),
}

impl Value {
    /// Reads the value of `key`.
    pub(crate) fn read<R: Read>(source: &mut Source<R>, key: &str) -> Result<Self> {
        let field = &format_args!("`{key}`");
        let kind = Kind::read(source, &format_args!("the type of `{key}`"))?;
        Ok(match kind {
            Kind::U8 => Self::Unsigned(kind, u8::from_le_bytes(source.array(field)?).into()),
            Kind::U16 => Self::Unsigned(kind, u16::from_le_bytes(source.array(field)?).into()),
            Kind::U32 => Self::Unsigned(kind, source.u32(field)?.into()),
            Kind::U64 => Self::Unsigned(kind, source.u64(field)?),
            Kind::I8 => Self::Signed(kind, i8::from_le_bytes(source.array(field)?).into()),
            Kind::I16 => Self::Signed(kind, i16::from_le_bytes(source.array(field)?).into()),
            Kind::I32 => Self::Signed(kind, i32::from_le_bytes(source.array(field)?).into()),
            Kind::I64 => Self::Signed(kind, i64::from_le_bytes(source.array(field)?)),
            Kind::F32 => Self::F32(f32::from_le_bytes(source.array(field)?)),
            Kind::F64 => Self::F64(f64::from_le_bytes(source.array(field)?)),
            Kind::Bool => match source.array(field)? {
                [0] => Self::Bool(false),
                [1] => Self::Bool(true),
                [given] => return Err(Problem::wrong(field, given, "0 or 1, being a bool")),
            },
            Kind::String => Self::Text(source.string(limits::STRING_BYTES, field)?),
            Kind::Array => Self::Array(Array::read(source, key)?),
        })
    }

    /// The type on disk.
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Unsigned(kind, _) | Self::Signed(kind, _) => *kind,
            Self::F32(_) => Kind::F32,
            Self::F64(_) => Kind::F64,
            Self::Bool(_) => Kind::Bool,
            Self::Text(_) => Kind::String,
            Self::Array(_) => Kind::Array,
        }
    }

    /// The value as text; arrays have none.
    pub(crate) fn text(&self) -> Option<String> {
        Some(match self {
            Self::Unsigned(_, value) => value.to_string(),
            Self::Signed(_, value) => value.to_string(),
            Self::F32(value) => value.to_string(),
            Self::F64(value) => value.to_string(),
            Self::Bool(value) => value.to_string(),
            Self::Text(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Self::Array(_) => return None,
        })
    }
}

/// Many strings in one allocation.
#[derive(Debug, Default)]
pub(crate) struct Strings {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Strings {
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| self.bytes.get(start..end).unwrap_or_default())
    }
}

/// What is kept of an array: the whole of those that the validator looks into, the length of others.
///
/// What is kept takes at most twice the memory that it took in the file.
#[derive(Debug)]
pub(crate) enum Array {
    Strings(Strings),
    Integers(Kind, Vec<i64>),
    Bytes(Vec<u8>),
    Skipped(Kind, u64),
}

/// Elements of an integer array that is kept whatever its name; layers are what they count.
const SHORT: u64 = limits::LAYERS as u64;

impl Array {
    fn read<R: Read>(source: &mut Source<R>, key: &str) -> Result<Self> {
        let field = &format_args!("`{key}`");
        let element = Kind::read(source, &format_args!("the element type of `{key}`"))?;
        if element == Kind::Array {
            return Err(Problem::wrong(
                format_args!("the element type of `{key}`"),
                element,
                "no array: the format has no nested ones",
            ));
        }
        let length = source.count(limits::ARRAY, &format_args!("the length of `{key}`"))?;
        let wanted = key.starts_with("tokenizer.") || key == "general.languages";
        match element {
            Kind::String if wanted => Self::read_strings(source, length, key),
            Kind::String => {
                for at in 0..length {
                    let item = &format_args!("`{key}[{at}]`");
                    let limit = limits::STRING_BYTES;
                    let bytes = source.count(limit, &format_args!("the length of {item}"))?;
                    source.skip(bytes, item)?;
                }
                Ok(Self::Skipped(element, length))
            }
            Kind::U8 if wanted => {
                let mut bytes = Vec::new();
                for _ in 0..length {
                    let [byte] = source.array(field)?;
                    bytes.push(byte);
                }
                Ok(Self::Bytes(bytes))
            }
            Kind::U32 | Kind::I32 if wanted || length <= SHORT => {
                let mut values = Vec::new();
                for _ in 0..length {
                    let bytes = source.array(field)?;
                    values.push(if element == Kind::U32 {
                        u32::from_le_bytes(bytes).into()
                    } else {
                        i32::from_le_bytes(bytes).into()
                    });
                }
                Ok(Self::Integers(element, values))
            }
            _ => {
                source.skip(length.saturating_mul(element.width()), field)?;
                Ok(Self::Skipped(element, length))
            }
        }
    }

    fn read_strings<R: Read>(source: &mut Source<R>, length: u64, key: &str) -> Result<Self> {
        let mut strings = Strings::default();
        for at in 0..length {
            let item = &format_args!("`{key}[{at}]`");
            source.string_into(&mut strings.bytes, limits::STRING_BYTES, item)?;
            strings.ends.push(strings.bytes.len());
        }
        Ok(Self::Strings(strings))
    }

    /// The type of the elements.
    pub(crate) fn element(&self) -> Kind {
        match self {
            Self::Strings(_) => Kind::String,
            Self::Bytes(_) => Kind::U8,
            Self::Integers(kind, _) | Self::Skipped(kind, _) => *kind,
        }
    }

    /// The number of elements.
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Strings(strings) => strings.len() as u64,
            Self::Integers(_, values) => values.len() as u64,
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Skipped(_, length) => *length,
        }
    }
}
