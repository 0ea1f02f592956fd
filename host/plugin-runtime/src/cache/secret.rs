//! The key of an installation's checksums.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::write_whole;

/// What tells entries of this installation from all others.
pub(super) struct Secret([u8; 32]);

impl Secret {
    /// Reads the folder's secret, and makes one where there is none that can be trusted.
    ///
    /// A new secret only means that every plugin is compiled once more.
    pub(super) fn open(dir: &Path) -> io::Result<Self> {
        let path = dir.join("secret");
        if let Some(secret) = Self::read(&path)? {
            return Ok(secret);
        }
        write_whole(dir, &path, &rand::random::<[u8; 32]>())?;
        // Another host may have written one at the same time: the last one counts for both.
        Self::read(&path)?.ok_or_else(|| io::Error::other("it changes while it is read"))
    }

    fn read(path: &Path) -> io::Result<Option<Self>> {
        let found = match fs::symlink_metadata(path) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mine = found.uid() == rustix::process::geteuid().as_raw();
        let private = found.mode().trailing_zeros() >= 6;
        if !(found.is_file() && mine && private && found.len() == 32) {
            return Ok(None);
        }
        Ok(fs::read(path)?.try_into().ok().map(Self))
    }

    /// The checksum of an entry under its name.
    pub(super) fn checksum(&self, name: &[u8], code: &mut dyn Read) -> io::Result<blake3::Hash> {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(&(name.len() as u64).to_le_bytes()).update(name).update_reader(code)?;
        Ok(hasher.finalize())
    }
}
