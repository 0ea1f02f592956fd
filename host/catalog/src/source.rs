//! Reading numbers and strings from a file that may lie about its size.

use std::{
    fmt::Display,
    io::{BufReader, Read},
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

    /// Appends a string of at most `limit` bytes, and returns its length.
    pub(crate) fn string_into(
        &mut self,
        buffer: &mut Vec<u8>,
        limit: u64,
        field: &dyn Display,
    ) -> Result<usize> {
        let length = self.count(limit, &format_args!("the length of {field}"))?;
        self.claim(length, field)?;
        let read = (&mut self.inner).take(length).read_to_end(buffer)?;
        if read as u64 != length {
            // The file shrank after its length was taken.
            return Err(Problem::Truncated {
                field: field.to_string(),
                needs: length,
                left: read as u64,
            });
        }
        Ok(read)
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
        let skipped = std::io::copy(&mut (&mut self.inner).take(length), &mut std::io::sink())?;
        if skipped != length {
            return Err(Problem::Truncated {
                field: field.to_string(),
                needs: length,
                left: skipped,
            });
        }
        Ok(())
    }
}
