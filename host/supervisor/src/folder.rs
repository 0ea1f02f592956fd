//! The folder that holds a supervisor's sockets for as long as it lives.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use tempfile::TempDir;

const PREFIX: &str = "modelhost-";
const LOCK: &str = "lock";

/// A private folder that goes with its owner, or with the next one where that was killed.
#[derive(Debug)]
pub(crate) struct SocketFolder {
    folder: TempDir,
    /// Held for as long as the folder is in use: the system lets go of it however a host ends.
    _lock: File,
}

impl SocketFolder {
    /// Makes a folder, and removes those whose hosts were killed.
    pub(crate) fn make(parent: &Path) -> io::Result<Self> {
        fs::create_dir_all(parent)?;
        remove_abandoned(parent);
        let private = fs::Permissions::from_mode(0o700);
        let folder =
            tempfile::Builder::new().prefix(PREFIX).permissions(private).tempdir_in(parent)?;
        // It gets its name once it is held, so that no other host finds it free.
        let unnamed = folder.path().join("lock.new");
        let lock = File::create(&unnamed)?;
        lock.lock()?;
        fs::rename(unnamed, folder.path().join(LOCK))?;
        Ok(Self { folder, _lock: lock })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Removes the folders that nobody holds; one without a lock may just be in the making.
fn remove_abandoned(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let ours = entry.file_name().to_string_lossy().starts_with(PREFIX)
            && entry.file_type().is_ok_and(|kind| kind.is_dir());
        let Some(lock) = ours.then(|| File::open(entry.path().join(LOCK)).ok()).flatten() else {
            continue;
        };
        if lock.try_lock().is_ok() {
            // Another user's folder stays, because it cannot be removed.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abandoned_folders_go_and_held_ones_stay() {
        let parent = TempDir::new().unwrap();
        let held = SocketFolder::make(parent.path()).unwrap();
        let abandoned = parent.path().join("modelhost-killed");
        fs::create_dir(&abandoned).unwrap();
        fs::write(abandoned.join(LOCK), "").unwrap();
        let strange = parent.path().join("modelhost-in-the-making");
        fs::create_dir(&strange).unwrap();

        let next = SocketFolder::make(parent.path()).unwrap();
        assert!(!abandoned.exists());
        assert!(held.path().exists() && next.path().exists() && strange.exists());
        let place = next.path().to_owned();
        drop(next);
        assert!(!place.exists());
    }
}
