//! Reading numbers and strings from a file that may lie about its size.

use std::{
    fmt::Display,
    io::{BufRead as _, BufReader, Read},
};

use crate::{
    error::{Problem, Result},
    limits,
};

/// A position in a file of known length; no read goes past the length or the header's limit.
pub(crate) struct Source<R> {
    inner: BufReader<R>,
    position: u64,
    bytes: u64,
}

impl<R: Read> Source<R> {
    pub(crate) fn new(inner: R, bytes: u64) -> Self {
        Self { inner: BufReader::with_capacity(256 << 10, inner), position: 0, bytes }
    }

    /// Bytes read so far.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Bytes of the whole file.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Makes sure that `needs` bytes may be read.
    fn claim(&mut self, needs: u64, field: &dyn Display) -> Result<()> {
        let left = self.bytes.saturating_sub(self.position);
        if needs > left {
            return Err(Problem::Truncated { field: field.to_string(), needs, left });
        }
        self.position = self.position.saturating_add(needs);
        if self.position > limits::HEADER_BYTES {
            return Err(Problem::TooLarge {
                field: format!("the header's size in bytes (at {field})"),
                given: self.position,
                limit: limits::HEADER_BYTES,
            });
        }
        Ok(())
    }

    /// The next `N` bytes.
    pub(crate) fn array<const N: usize>(&mut self, field: &dyn Display) -> Result<[u8; N]> {
        self.claim(N as u64, field)?;
        let mut bytes = [0; N];
        self.inner.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    pub(crate) fn u32(&mut self, field: &dyn Display) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array(field)?))
    }

    pub(crate) fn u64(&mut self, field: &dyn Display) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array(field)?))
    }

    /// A count that must not be above `limit`.
    pub(crate) fn count(&mut self, limit: u64, field: &dyn Display) -> Result<u64> {
        let given = self.u64(field)?;
        if given > limit {
            return Err(Problem::TooLarge { field: field.to_string(), given, limit });
        }
        Ok(given)
    }

    /// Appends a string of at most `limit` bytes.
    pub(crate) fn string_into(
        &mut self,
        buffer: &mut Vec<u8>,
        limit: u64,
        field: &dyn Display,
    ) -> Result<()> {
        let length = self.count(limit, &format_args!("the length of {field}"))?;
        self.claim(length, field)?;
        let start = buffer.len();
        let end = start.saturating_add(usize::try_from(length).unwrap_or(usize::MAX));
        // The claim holds, so this is no more than the file has and the limit allows.
        buffer.resize(end, 0);
        self.inner.read_exact(buffer.get_mut(start..).unwrap_or_default())?;
        Ok(())
    }

    /// A string of at most `limit` bytes.
    pub(crate) fn string(&mut self, limit: u64, field: &dyn Display) -> Result<Vec<u8>> {
        let mut buffer = Vec::new();
        self.string_into(&mut buffer, limit, field)?;
        Ok(buffer)
    }

    /// Passes over `length` bytes.
    pub(crate) fn skip(&mut self, length: u64, field: &dyn Display) -> Result<()> {
        self.claim(length, field)?;
        let mut left = length;
        while left > 0 {
            let available = self.inner.fill_buf()?.len();
            if available == 0 {
                // The file shrank after its length was taken.
                return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
            }
            let step = usize::try_from(left).unwrap_or(usize::MAX).min(available);
            self.inner.consume(step);
            left -= step as u64;
        }
        Ok(())
    }
}
