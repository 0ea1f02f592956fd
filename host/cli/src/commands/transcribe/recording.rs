//! A recording that is to be sent.

use std::{io, os::fd::AsFd as _, path::Path};

use anyhow::Context as _;
use client::Upload;
use tokio::fs::File;

/// A recording that is to be sent.
pub(crate) struct Recording {
    name: String,
    length: Option<u64>,
    file: File,
}

impl Recording {
    /// Opens a file, or standard input for `-`.
    pub(crate) async fn open(path: &str) -> anyhow::Result<Self> {
        if path == "-" {
            let file = io::stdin().as_fd().try_clone_to_owned();
            let file =
                File::from_std(std::fs::File::from(file.context("cannot read standard input")?));
            return Ok(Self { name: "-".to_owned(), length: None, file });
        }
        let opened = async {
            let file = File::open(path).await?;
            let metadata = file.metadata().await?;
            if metadata.is_dir() {
                return Err(io::Error::from(io::ErrorKind::IsADirectory));
            }
            // A pipe has a name, but no length.
            Ok((file, metadata.is_file().then_some(metadata.len())))
        };
        let (file, length) = opened.await.with_context(|| format!("cannot read `{path}`"))?;
        let name = Path::new(path).file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { name, length, file })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Its size in bytes, where that is known.
    pub(crate) fn length(&self) -> Option<u64> {
        self.length
    }

    /// Begins to send it; `sent` is told of every piece by its length.
    pub(crate) fn upload(self, sent: impl FnMut(u64) + Send + 'static) -> Upload {
        let Self { name, length, file } = self;
        let name = if name == "-" { "recording".to_owned() } else { name };
        Upload::new(name, length, file, sent)
    }
}
