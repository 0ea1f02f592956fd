//! The recording as the libraries read it.

use std::{
    io::{self, Read, Seek, SeekFrom},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use symphonia::core::io::MediaSource;

use crate::{limits, spool::Recording};

/// A recording whose reads are counted, so that a crafted file cannot be read for ever.
#[derive(Debug)]
pub(crate) struct Source {
    recording: Recording,
    budget: u64,
    trouble: Trouble,
}

/// What went wrong below the library, which hides it in its own errors.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trouble {
    io: Arc<AtomicBool>,
    budget: Arc<AtomicBool>,
}

impl Trouble {
    /// Whether the operating system refused to read.
    pub(crate) fn io(&self) -> bool {
        self.io.load(Ordering::Relaxed)
    }

    /// Whether the file was read over and over.
    pub(crate) fn budget(&self) -> bool {
        self.budget.load(Ordering::Relaxed)
    }
}

impl Source {
    pub(crate) fn new(recording: Recording) -> Self {
        let budget = recording.len().saturating_mul(limits::READS);
        let budget = budget.saturating_add(limits::READ_BYTES);
        Self { recording, budget, trouble: Trouble::default() }
    }

    pub(crate) fn trouble(&self) -> Trouble {
        self.trouble.clone()
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.budget == 0 {
            self.trouble.budget.store(true, Ordering::Relaxed);
            return Err(io::Error::other("the file was read over and over"));
        }
        let read = self.recording.read(buffer);
        match &read {
            Ok(bytes) => self.budget = self.budget.saturating_sub(*bytes as u64),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => self.trouble.io.store(true, Ordering::Relaxed),
        }
        read
    }
}

impl Seek for Source {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        // A place that cannot exist is the file's claim, and not the disk's fault.
        self.recording.seek(position)
    }
}

impl MediaSource for Source {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.recording.len())
    }
}
