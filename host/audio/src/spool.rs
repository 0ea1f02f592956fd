//! Keeping an upload: in memory while it is small, in an unnamed file when it grows.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write as _},
    os::unix::fs::FileExt as _,
    sync::Arc,
};

use crate::error::{AudioError, Result};

/// An upload that is coming in.
///
/// Writing may touch the disk, so it belongs on a thread that may block. The file has no name in
/// any folder and vanishes with the spool, however the host ends.
#[derive(Debug)]
pub struct Spool {
    kept: Kept,
    memory_bytes: usize,
    len: u64,
    limit: u64,
}

#[derive(Debug)]
enum Kept {
    Memory(Vec<u8>),
    Disk(File),
}

impl Spool {
    /// A spool that keeps up to `memory_bytes` in memory, and takes `limit` bytes in all.
    pub fn new(memory_bytes: usize, limit: u64) -> Self {
        Self { kept: Kept::Memory(Vec::new()), memory_bytes, len: 0, limit }
    }

    /// Takes the next bytes.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let given = self.len.saturating_add(bytes.len() as u64);
        if given > self.limit {
            return Err(AudioError::TooLarge { given, limit: self.limit });
        }
        if let Kept::Memory(memory) = &mut self.kept {
            if memory.len().saturating_add(bytes.len()) <= self.memory_bytes {
                memory.extend_from_slice(bytes);
                self.len = given;
                return Ok(());
            }
            let mut file = tempfile::tempfile().map_err(AudioError::Io)?;
            file.write_all(memory).map_err(AudioError::Io)?;
            self.kept = Kept::Disk(file);
        }
        if let Kept::Disk(file) = &mut self.kept {
            file.write_all(bytes).map_err(AudioError::Io)?;
        }
        self.len = given;
        Ok(())
    }

    /// The bytes that have come so far.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether nothing has come yet.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether the upload has outgrown the memory it may take.
    pub fn is_on_disk(&self) -> bool {
        matches!(self.kept, Kept::Disk(_))
    }

    /// The upload is complete.
    pub fn finish(self) -> Result<Recording> {
        if self.len == 0 {
            return Err(AudioError::Empty);
        }
        let inner = match self.kept {
            Kept::Memory(memory) => Inner::Memory(Arc::new(memory)),
            Kept::Disk(file) => Inner::Disk(Arc::new(file)),
        };
        Ok(Recording::new(inner, self.len))
    }
}

/// A file with sound in it, as it was sent; not yet decoded.
///
/// Its clones share the bytes, and each reads them at places of its own.
#[derive(Clone, Debug)]
pub struct Recording {
    /// What is read in front of the file's own bytes.
    front: Vec<u8>,
    inner: Inner,
    /// The place in the file where its own bytes begin.
    start: u64,
    /// Bytes in all.
    len: u64,
    /// Where the next read begins.
    position: u64,
}

#[derive(Clone, Debug)]
enum Inner {
    Memory(Arc<Vec<u8>>),
    Disk(Arc<File>),
}

impl Recording {
    /// A recording that lies in memory.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        let len = bytes.len() as u64;
        Self::new(Inner::Memory(Arc::new(bytes)), len)
    }

    /// A recording that lies in a file.
    pub fn from_file(file: File) -> Result<Self> {
        let len = file.metadata().map_err(AudioError::Io)?.len();
        Ok(Self::new(Inner::Disk(Arc::new(file)), len))
    }

    fn new(inner: Inner, len: u64) -> Self {
        Self { front: Vec::new(), inner, start: 0, len, position: 0 }
    }

    /// The same bytes from `start` on, `len` of them, behind others; read from the beginning.
    pub(crate) fn reframed(self, front: Vec<u8>, start: u64, len: u64) -> Self {
        let len = len.saturating_add(front.len() as u64);
        Self { front, start, len, position: 0, ..self }
    }

    /// Its size in bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is not a byte in it.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl Read for Recording {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.len.saturating_sub(self.position)).unwrap_or(usize::MAX);
        let most = most.min(buffer.len());
        let Some(buffer) = buffer.get_mut(..most) else { return Ok(0) };
        let at = usize::try_from(self.position).unwrap_or(usize::MAX);
        let front = self.front.get(at..).unwrap_or_default();
        let read = if front.is_empty() {
            let inside = self.position.saturating_sub(self.front.len() as u64);
            self.inner.read_at(self.start.saturating_add(inside), buffer)?
        } else {
            (&*front).read(buffer)?
        };
        self.position += read as u64;
        Ok(read)
    }
}

impl Inner {
    /// Reads from a place.
    fn read_at(&self, place: u64, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Memory(memory) => {
                let place = usize::try_from(place).unwrap_or(usize::MAX);
                memory.get(place..).unwrap_or_default().read(buffer)
            }
            Self::Disk(file) => file.read_at(buffer, place),
        }
    }
}

impl Seek for Recording {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        let place = match position {
            SeekFrom::Start(place) => Some(place),
            SeekFrom::End(offset) => self.len.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = place.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pieces: &[usize], memory: usize, on_disk: bool) {
        let mut spool = Spool::new(memory, 1 << 20);
        let mut expect = Vec::new();
        for (fill, &piece) in (0_u8..).zip(pieces) {
            let bytes = vec![fill; piece];
            spool.write(&bytes).unwrap();
            expect.extend_from_slice(&bytes);
        }
        assert_eq!(spool.len(), expect.len() as u64);
        assert_eq!(spool.is_on_disk(), on_disk);
        let mut recording = spool.finish().unwrap();
        let mut read = Vec::new();
        recording.read_to_end(&mut read).unwrap();
        assert_eq!(read, expect);
        recording.seek(SeekFrom::Start(1)).unwrap();
        let mut one = [0; 1];
        recording.read_exact(&mut one).unwrap();
        assert_eq!(one.first(), expect.get(1));
        let mut again = recording.clone();
        again.rewind().unwrap();
        read.clear();
        again.read_to_end(&mut read).unwrap();
        assert_eq!(read, expect);
        assert_eq!(recording.stream_position().unwrap(), 2);
    }

    #[test]
    fn small_uploads_stay_in_memory() {
        check(&[10, 20, 30], 60, false);
        check(&[10, 20, 31], 60, true);
        check(&[100_000, 3, 100_000], 1000, true);
        check(&[2], 0, true);
    }

    #[test]
    fn limits() {
        let mut spool = Spool::new(10, 20);
        spool.write(&[0; 15]).unwrap();
        let error = spool.write(&[0; 6]).unwrap_err();
        assert!(matches!(error, AudioError::TooLarge { given: 21, limit: 20 }), "{error}");
        assert!(error.is_clients_fault());
        spool.write(&[0; 5]).unwrap();
        assert_eq!(spool.len(), 20);
    }

    #[test]
    fn nothing_is_no_recording() {
        assert!(matches!(Spool::new(10, 20).finish(), Err(AudioError::Empty)));
    }
}
