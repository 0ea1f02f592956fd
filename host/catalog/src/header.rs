//! Everything of a GGUF file that stands before the tensors' data.

use std::{collections::HashSet, io::Read};

use crate::{
    error::{Problem, Result},
    foreign, limits,
    metadata::Metadata,
    source::Source,
    tensor::{Tensor, check_layout},
    value::{Kind, Value},
};

/// A header that is consistent with itself and with the file's length.
#[derive(Debug)]
pub(crate) struct Header {
    pub(crate) metadata: Metadata,
    pub(crate) tensors: Vec<Tensor>,
    pub(crate) weight_bytes: u64,
    pub(crate) file_bytes: u64,
}

const MAGIC: [u8; 4] = *b"GGUF";
const DEFAULT_ALIGNMENT: u64 = 32;
/// The engine asserts that every tensor begins at a multiple of this, in a file mapped to memory.
const LEAST_ALIGNMENT: u64 = 32;

impl Header {
    /// Reads a header from a file of so many bytes.
    pub(crate) fn read<R: Read>(mut inner: R, file_bytes: u64) -> Result<Self> {
        let mut start = Vec::new();
        (&mut inner).take(foreign::SAMPLE).read_to_end(&mut start)?;
        if !start.starts_with(&MAGIC) {
            return Err(foreign::recognise(&start, file_bytes));
        }
        let source = &mut Source::new(start.as_slice().chain(inner), file_bytes);
        source.skip(MAGIC.len() as u64, &"the magic")?;
        check_version(source)?;
        let tensor_count = source.count(limits::TENSORS, &"the number of tensors")?;
        let key_count = source.count(limits::KEYS, &"the number of metadata keys")?;
        let metadata = Metadata::read(source, key_count)?;
        let alignment = read_alignment(&metadata, tensor_count)?;
        let tensors = read_tensors(source, tensor_count)?;
        let data_start = source.position().next_multiple_of(alignment);
        let weight_bytes = check_layout(&tensors, data_start, alignment, source.bytes())?;
        Ok(Self { metadata, tensors, weight_bytes, file_bytes })
    }
}

/// Versions 2 and 3 differ only in that 3 may be big endian, which is refused.
fn check_version<R: Read>(source: &mut Source<R>) -> Result<()> {
    let remedy = match source.u32(&"the version")? {
        2..=3 => return Ok(()),
        1 => "convert the model again: version 1 was given up in October 2023",
        // A small number with its bytes turned round.
        given if given != 0 && given.trailing_zeros() >= 16 => {
            return Err(Problem::unsupported(
                "the version",
                format!("{} in big endian", given.swap_bytes()),
                "convert the model again as little endian (gguf_convert_endian.py does it)",
            ));
        }
        0 => "0 was never a version; download the file again",
        given => {
            return Err(Problem::unsupported(
                "the version",
                given,
                "versions 2 and 3 are known; convert the model for one of them, or update",
            ));
        }
    };
    Err(Problem::unsupported("the version", "too old", remedy))
}

fn read_alignment(metadata: &Metadata, tensors: u64) -> Result<u64> {
    const KEY: &str = "general.alignment";
    let least = if tensors > 0 { LEAST_ALIGNMENT } else { 1 };
    match metadata.get(KEY) {
        None => Ok(DEFAULT_ALIGNMENT),
        Some(&Value::Unsigned(Kind::U32, given))
            if given.is_power_of_two() && (least..=limits::ALIGNMENT).contains(&given) =>
        {
            Ok(given)
        }
        Some(other) => {
            let given = other.text().unwrap_or_else(|| other.kind().to_string());
            let given = format!("{given} ({})", other.kind());
            let expected = format!("a power of two from {least} to {}, as u32", limits::ALIGNMENT);
            Err(Problem::wrong(format_args!("`{KEY}`"), given, expected))
        }
    }
}

fn read_tensors<R: Read>(source: &mut Source<R>, count: u64) -> Result<Vec<Tensor>> {
    let mut tensors: Vec<Tensor> = Vec::new();
    for at in 0..count {
        let tensor = Tensor::read(source, at)?;
        tensor.check_type()?;
        tensors.push(tensor);
    }
    let mut names = HashSet::new();
    for tensor in &tensors {
        if !names.insert(tensor.name.as_str()) {
            return Err(Problem::Duplicate { field: format!("tensor `{}`", tensor.name) });
        }
    }
    Ok(tensors)
}
