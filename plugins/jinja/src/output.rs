//! Where a template writes to, up to a limit.

use std::io;

/// The bytes that a template wrote.
pub(crate) struct Output {
    bytes: Vec<u8>,
    limit: usize,
}

impl Output {
    /// For so many bytes at most.
    pub(crate) fn new(limit: usize) -> Self {
        Self { bytes: Vec::with_capacity(4096.min(limit)), limit }
    }

    /// The text; a template writes nothing else.
    pub(crate) fn into_text(self) -> String {
        String::from_utf8(self.bytes).unwrap_or_default()
    }
}

impl io::Write for &mut Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > self.limit.saturating_sub(self.bytes.len()) {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
