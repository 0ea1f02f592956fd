//! The socket on which the host waits for one engine.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt},
    path::{Path, PathBuf},
    time::Duration,
};

use engine_protocol::{FromEngine, Hello, ToEngine};
use tokio::net::{UnixListener, UnixStream};

use super::HostSession;
use crate::{IpcError, greeting::greet};

/// The greatest length of a socket's path that every Unix takes, its closing zero not counted.
const MAX_PATH_BYTES: usize = 103;

/// A Unix socket on which one engine is awaited.
///
/// Its file is gone once the engine has connected, or the listener is dropped.
#[derive(Debug)]
pub struct Listener {
    socket: UnixListener,
    file: SocketFile,
}

/// Removes the socket's file when dropped.
#[derive(Debug)]
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // A file that is gone already is what was wanted.
        let _ = fs::remove_file(&self.0);
    }
}

impl Listener {
    /// Binds a socket in a folder that nobody but this user may enter.
    ///
    /// A missing folder is made; a socket left by an earlier process is removed. Must be called
    /// within a tokio runtime.
    ///
    /// # Errors
    /// Names the path and what is wrong with it.
    pub fn bind(path: impl Into<PathBuf>) -> Result<Self, IpcError> {
        let path = path.into();
        let bound = check_length(&path)
            .and_then(|()| prepare_folder(&path))
            .and_then(|()| remove_stale(&path))
            .and_then(|()| UnixListener::bind(&path).map_err(|error| error.to_string()));
        match bound {
            Ok(socket) => Ok(Self { socket, file: SocketFile(path) }),
            Err(reason) => Err(IpcError::Socket { path, reason }),
        }
    }

    /// The socket's path.
    pub fn path(&self) -> &Path {
        &self.file.0
    }

    /// Waits for one engine of the same user, and greets it.
    ///
    /// # Errors
    /// Where none has greeted within `limit`, or it speaks another version.
    pub async fn accept(self, hello: &Hello, limit: Duration) -> Result<HostSession, IpcError> {
        let greeted = async {
            let stream = self.peer().await?;
            drop(self);
            greet::<FromEngine, ToEngine>(stream, hello).await
        };
        match tokio::time::timeout(limit, greeted).await {
            Ok(greeted) => greeted.map(HostSession::from),
            Err(_) => Err(IpcError::TimedOut { limit }),
        }
    }

    /// The first peer that is this user.
    async fn peer(&self) -> Result<UnixStream, IpcError> {
        let own = rustix::process::geteuid().as_raw();
        loop {
            let (stream, _) = self.socket.accept().await?;
            let uid = stream.peer_cred()?.uid();
            if uid == own {
                return Ok(stream);
            }
            tracing::warn!(uid, "refused a process of another user on an engine's socket");
        }
    }
}

fn check_length(path: &Path) -> Result<(), String> {
    let bytes = path.as_os_str().len();
    if bytes > MAX_PATH_BYTES {
        return Err(format!(
            "a socket's path has at most {MAX_PATH_BYTES} bytes, this one has {bytes}: choose a shorter runtime folder"
        ));
    }
    Ok(())
}

fn prepare_folder(path: &Path) -> Result<(), String> {
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else {
        return Err("it needs a folder of its own".into());
    };
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .and_then(|()| fs::metadata(folder))
        .map_err(|error| format!("its folder cannot be made: {error}"))
        .and_then(|found| {
            let mode = found.mode() & 0o777;
            if found.uid() != rustix::process::geteuid().as_raw() {
                Err("its folder belongs to another user".into())
            } else if mode & 0o077 != 0 {
                Err(format!("others may enter its folder (mode {mode:03o}): `chmod 700` it"))
            } else {
                Ok(())
            }
        })
}

fn remove_stale(path: &Path) -> Result<(), String> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => {
            fs::remove_file(path).map_err(|error| format!("a stale socket stays: {error}"))
        }
        Ok(_) => Err("something that is no socket stands there: remove it".into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}
