//! Reading from a file that may lie about its size, and passing over its weights.

use std::{
    fmt::Display,
    io::{BufReader, Read, Seek},
    ops::RangeInclusive,
};

use crate::error::{Problem, Result, quoted};

/// A position in a file of known length; no read goes past the length.
pub(super) struct Input<R> {
    inner: BufReader<R>,
    position: u64,
    bytes: u64,
}

impl<R: Read + Seek> Input<R> {
    pub(super) fn new(inner: R, bytes: u64) -> Self {
        Self { inner: BufReader::with_capacity(64 << 10, inner), position: 0, bytes }
    }

    /// Whether nothing is left.
    pub(super) fn is_at_end(&self) -> bool {
        self.position >= self.bytes
    }

    /// Makes sure that `needs` bytes are there.
    fn claim(&mut self, needs: u64, field: &dyn Display) -> Result<()> {
        let left = self.bytes.saturating_sub(self.position);
        if needs > left {
            return Err(Problem::Truncated { field: field.to_string(), needs, left });
        }
        self.position = self.position.saturating_add(needs);
        Ok(())
    }

    pub(super) fn i32(&mut self, field: &dyn Display) -> Result<i32> {
        self.claim(4, field)?;
        let mut bytes = [0; 4];
        self.inner.read_exact(&mut bytes)?;
        Ok(i32::from_le_bytes(bytes))
    }

    /// A number that must lie in a range of numbers that are not negative.
    pub(super) fn number(
        &mut self,
        allowed: RangeInclusive<u32>,
        field: &dyn Display,
    ) -> Result<u32> {
        let given = self.i32(field)?;
        let fits = u32::try_from(given).ok().filter(|number| allowed.contains(number));
        fits.ok_or_else(|| {
            let (least, most) = (allowed.start(), allowed.end());
            let expected =
                if least == most { least.to_string() } else { format!("from {least} to {most}") };
            Problem::wrong(field, given, expected)
        })
    }

    /// Bytes of the next `length`, which its caller holds to a small limit.
    pub(super) fn text(&mut self, length: u32, field: &dyn Display) -> Result<String> {
        self.claim(length.into(), field)?;
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        self.inner.read_exact(&mut bytes)?;
        let printable = !bytes.is_empty() && bytes.iter().all(u8::is_ascii_graphic);
        match String::from_utf8(bytes) {
            Ok(text) if printable => Ok(text),
            Ok(text) => Err(Problem::wrong(field, quoted(text.as_bytes()), "printable ASCII")),
            Err(bad) => Err(Problem::wrong(field, quoted(bad.as_bytes()), "printable ASCII")),
        }
    }

    /// Passes over bytes without reading them.
    pub(super) fn skip(&mut self, length: u64, field: &dyn Display) -> Result<()> {
        self.claim(length, field)?;
        let mut left = length;
        while left > 0 {
            let step = i64::try_from(left).unwrap_or(i64::MAX);
            self.inner.seek_relative(step)?;
            left -= step.unsigned_abs();
        }
        Ok(())
    }
}
