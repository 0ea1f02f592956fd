//! The one place that turns bytes from a disk into code.

#![expect(unsafe_code, reason = "compiled code can only be loaded on trust, established here")]

use std::fs::{self, File};
use std::io;
use std::path::Path;

use wasmtime::Engine;
use wasmtime::component::Component;

use super::name_of;
use super::secret::Secret;

/// Why an entry was not loaded.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    /// There is none.
    #[error("there is no such entry")]
    Absent,
    /// It is not what this installation wrote.
    #[error("its checksum does not verify")]
    Altered,
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(io::Error),
    /// The engine does not take it.
    #[error("the engine refuses it: {0}")]
    Incompatible(wasmtime::Error),
}

/// Loads an entry whose checksum verifies, mapped from its file so that its pages cost no memory
/// until they run.
pub(super) fn verified(
    engine: &Engine,
    path: &Path,
    checksum: &Path,
    secret: &Secret,
) -> Result<Component, Refused> {
    let mut file = File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Refused::Absent,
        _ => Refused::Unreadable(error),
    })?;
    let expect = fs::read(checksum).map_err(|_| Refused::Altered)?;
    let expect = blake3::Hash::from_hex(&expect).map_err(|_| Refused::Altered)?;
    let found = secret.checksum(&name_of(path), &mut file).map_err(Refused::Unreadable)?;
    // The comparison takes the same time wherever the two differ.
    if found != expect {
        return Err(Refused::Altered);
    }
    // SAFETY: `deserialize_file` wants what `Component::serialize` made, unchanged while in use.
    // The keyed checksum shows that this installation made it, for its name holds the engine's
    // compatibility hash. The folder was checked to be writable by this user alone, and the host
    // replaces entries by renaming, which leaves a mapped file as it was.
    unsafe { Component::deserialize_file(engine, path) }.map_err(Refused::Incompatible)
}
