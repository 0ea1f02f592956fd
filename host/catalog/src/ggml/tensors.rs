//! The tensors of a file, held to the list of those that its numbers call for.

use std::{
    collections::{HashMap, HashSet},
    io::{Read, Seek},
};

use super::input::Input;
use crate::{
    error::{Problem, Result},
    limits,
    tensor::TensorType,
};

/// What a tensor must be; the engine asks for exactly this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Expected {
    /// Elements per dimension, the fastest first; 1 beyond the tensor's own dimensions.
    pub(super) shape: [u64; 3],
    pub(super) stored: TensorType,
}

/// The tensors of a network, by name.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    all: HashMap<String, Expected>,
}

/// What was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) tensors: usize,
    pub(super) elements: u64,
    pub(super) bytes: u64,
}

impl Wanted {
    pub(super) fn add(&mut self, name: impl Into<String>, stored: TensorType, shape: &[u32]) {
        let mut full = [1; 3];
        for (length, given) in full.iter_mut().zip(shape) {
            *length = u64::from(*given);
        }
        self.all.insert(name.into(), Expected { shape: full, stored });
    }

    /// Reads all tensors up to the end of the file.
    ///
    /// A file without a single one is a valid one for tests; the engine says so too.
    pub(super) fn read<R: Read + Seek>(&self, input: &mut Input<R>) -> Result<Found> {
        let mut seen = HashSet::new();
        let mut found = Found::default();
        while !input.is_at_end() {
            let (name, expected) = self.read_one(input, found.tensors)?;
            if !seen.insert(name) {
                return Err(Problem::Duplicate { field: format!("tensor `{name}`") });
            }
            let elements = expected.elements();
            found.tensors += 1;
            found.elements = found.elements.saturating_add(elements);
            found.bytes = found.bytes.saturating_add(expected.stored.bytes_of(elements));
        }
        let missing = || self.all.keys().filter(|name| !seen.contains(name.as_str())).min();
        match missing() {
            Some(name) if found.tensors > 0 => Err(Problem::Missing {
                field: format!("tensor `{name}`"),
                remedy: "the file does not hold the whole network; copy or convert it again",
            }),
            _ => Ok(found),
        }
    }

    fn read_one<R: Read + Seek>(
        &self,
        input: &mut Input<R>,
        at: usize,
    ) -> Result<(&str, Expected)> {
        let dimensions =
            input.number(0..=3, &format_args!("the number of dimensions of tensor {at}"))?;
        let field = format!("the length of the name of tensor {at}");
        let most = u32::try_from(limits::TENSOR_NAME_BYTES).unwrap_or(u32::MAX);
        let length = input.number(1..=most, &field)?;
        let given = input.i32(&format_args!("the type of tensor {at}"))?;
        let mut shape = [1; 3];
        for length in shape.iter_mut().take(dimensions as usize) {
            let most = i32::MAX.unsigned_abs();
            *length = u64::from(input.number(1..=most, &format_args!("the shape of tensor {at}"))?);
        }
        let name = input.text(length, &format_args!("the name of tensor {at}"))?;
        let Some((name, &expected)) = self.all.get_key_value(&name) else {
            return Err(Problem::unsupported(
                format_args!("tensor {at}"),
                format!("`{name}`"),
                "the network has no such tensor; convert the model again with whisper.cpp's scripts",
            ));
        };
        if shape != expected.shape {
            let [a, b, c] = expected.shape;
            let wanted = format!("{a} x {b} x {c}, as the network's numbers call for");
            let [a, b, c] = shape;
            let field = format!("the shape of tensor `{name}`");
            return Err(Problem::wrong(field, format!("{a} x {b} x {c}"), wanted));
        }
        let field = || format!("the type of tensor `{name}`");
        let stored = u32::try_from(given).ok().and_then(TensorType::known);
        let Some(stored) = stored else {
            return Err(Problem::wrong(field(), given, expected.stored.name));
        };
        if stored != expected.stored {
            return Err(Problem::wrong(field(), stored.name, expected.stored.name));
        }
        let [row, ..] = shape;
        if !stored.fits(row) {
            let field = format!("the row length of tensor `{name}`");
            let rule = format!("a multiple of the block size of {}", stored.name);
            return Err(Problem::wrong(field, row, rule));
        }
        let bytes = stored.bytes_of(expected.elements());
        input.skip(bytes, &format_args!("tensor `{name}`"))?;
        Ok((name, expected))
    }
}

impl Expected {
    fn elements(self) -> u64 {
        self.shape.iter().fold(1, |product: u64, &length| product.saturating_mul(length))
    }
}
