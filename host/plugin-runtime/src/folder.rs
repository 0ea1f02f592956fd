//! The files of the plugins' folder.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use crate::PluginError;

/// The plugins' files in `dir`, in the order of their names.
///
/// Hidden files are left out: copying tools write to such until they are done.
pub(crate) fn files(dir: &Path) -> Result<Vec<PathBuf>, PluginError> {
    let list = || -> io::Result<Vec<PathBuf>> {
        let mut paths = vec![];
        for entry in fs::read_dir(dir)? {
            let path = entry?.path();
            let hidden = name_of(&path).starts_with('.');
            if !hidden && path.extension().is_some_and(|extension| extension == "wasm") {
                paths.push(path);
            }
        }
        paths.sort();
        Ok(paths)
    };
    list().map_err(PluginError::io("read the plugins' folder", dir))
}

/// A file's name, for people.
pub(crate) fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Reads a file that is not too large, and follows no link out of the folder.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Vec<u8>, PluginError> {
    let found = fs::symlink_metadata(path).map_err(PluginError::io("look at the plugin", path))?;
    if !found.is_file() {
        return Err(PluginError::NotAFile { path: path.into() });
    }
    // Between the look and the opening the file may have become a link or a pipe.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC).bits();
    let open = || OpenOptions::new().read(true).custom_flags(flags.cast_signed()).open(path);
    let file = open().map_err(PluginError::io("open the plugin", path))?;
    read_limited(file, path, limit)
}

fn read_limited(mut file: File, path: &Path, limit: u64) -> Result<Vec<u8>, PluginError> {
    let found = file.metadata().map_err(PluginError::io("look at the plugin", path))?;
    if !found.is_file() {
        return Err(PluginError::NotAFile { path: path.into() });
    }
    let mut bytes = vec![];
    let size = if found.len() > limit {
        found.len()
    } else {
        let read = (&mut file).take(limit.saturating_add(1)).read_to_end(&mut bytes);
        read.map_err(PluginError::io("read the plugin", path))? as u64
    };
    if size > limit {
        return Err(PluginError::FileTooLarge { path: path.into(), size, limit });
    }
    Ok(bytes)
}
