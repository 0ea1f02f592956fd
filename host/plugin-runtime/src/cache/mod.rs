//! Compiled plugins on disk.
//!
//! A compiled component is native code, so whoever can write an entry can run code in the host.
//! Each entry therefore carries a keyed checksum; the key is a secret of this installation, kept in
//! the same folder, which only its owner may write to.
//! An entry that was cut short, altered, renamed or copied from elsewhere does not verify: it is
//! deleted, and its plugin compiled again.

mod load;
mod secret;

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use wasmtime::Engine;
use wasmtime::component::Component;

use self::secret::Secret;
use crate::PluginError;

/// Entries kept; the ones not used for longest go first.
const ENTRIES: usize = 64;

/// A folder of compiled components.
pub(crate) struct Cache {
    dir: PathBuf,
    secret: Secret,
    /// Stands for the compiler's version and settings and for the machine's instructions.
    engine: String,
}

impl Cache {
    /// Opens the folder, and makes it if it is not there.
    ///
    /// # Errors
    /// The folder belongs to someone else, or others may write to it.
    pub(crate) fn open(dir: &Path, engine: &Engine) -> Result<Self, PluginError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .map_err(PluginError::io("create the compile cache", dir))?;
        check_owner(dir)?;
        let secret = Secret::open(dir).map_err(PluginError::io("open the secret of", dir))?;
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        Ok(Self { dir: dir.into(), secret, engine: format!("{:016x}", hasher.finish()) })
    }

    /// The compiled form of the component with this hash, if a sound one is there.
    pub(crate) fn load(&self, engine: &Engine, component: &blake3::Hash) -> Option<Component> {
        let (path, checksum) = self.paths(component);
        match load::verified(engine, &path, &checksum, &self.secret) {
            Ok(component) => {
                if let Ok(file) = File::open(&path) {
                    // Without it the entry looks older than it is, and goes sooner.
                    let _ = file.set_modified(SystemTime::now());
                }
                Some(component)
            }
            Err(load::Refused::Absent) => None,
            Err(refused) => {
                let cause = refused.to_string();
                tracing::warn!(path = %path.display(), cause, "entry of the compile cache refused");
                for path in [&path, &checksum] {
                    let _ = fs::remove_file(path);
                }
                None
            }
        }
    }

    /// Keeps a compiled component.
    pub(crate) fn store(&self, hash: &blake3::Hash, code: &[u8]) -> io::Result<()> {
        let (path, checksum) = self.paths(hash);
        let sum = self.secret.checksum(&name_of(&path), &mut &*code)?;
        // An entry without a checksum does not verify, so a crash in between does no harm.
        self.write(&path, code)?;
        self.write(&checksum, sum.to_hex().as_bytes())?;
        self.prune()
    }

    fn paths(&self, component: &blake3::Hash) -> (PathBuf, PathBuf) {
        let name = format!("{}-{}", component.to_hex(), self.engine);
        (self.dir.join(format!("{name}.cwasm")), self.dir.join(format!("{name}.sum")))
    }

    /// Writes a whole file or none.
    fn write(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        write_whole(&self.dir, path, content)
    }

    fn prune(&self) -> io::Result<()> {
        let mut entries = vec![];
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            if entry.path().extension().is_some_and(|extension| extension == "cwasm") {
                entries.push((entry.metadata()?.modified()?, entry.path()));
            }
        }
        entries.sort();
        let surplus = entries.len().saturating_sub(ENTRIES);
        for (_, path) in entries.into_iter().take(surplus) {
            let _ = fs::remove_file(path.with_extension("sum"));
            fs::remove_file(path)?;
        }
        Ok(())
    }
}

/// The part of a path that an entry's checksum covers, so that a renamed entry does not verify.
fn name_of(path: &Path) -> Vec<u8> {
    path.file_name().map(|name| name.as_encoded_bytes().to_vec()).unwrap_or_default()
}

/// Writes a file that only its owner can read, under its final name once all of it is there.
fn write_whole(dir: &Path, path: &Path, content: &[u8]) -> io::Result<()> {
    let part = dir.join(format!("{:016x}.part", rand::random::<u64>()));
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part)?;
        file.write_all(content)?;
        drop(file);
        fs::rename(&part, path)
    };
    write().inspect_err(|_| {
        let _ = fs::remove_file(&part);
    })
}

fn check_owner(dir: &Path) -> Result<(), PluginError> {
    let found =
        fs::symlink_metadata(dir).map_err(PluginError::io("look at the compile cache", dir))?;
    let me = rustix::process::geteuid().as_raw();
    let cause = if !found.is_dir() {
        "it is not a folder; name another one".to_owned()
    } else if found.uid() != me {
        format!("it belongs to user {} and not to {me}; name another one", found.uid())
    } else if found.mode() & 0o022 != 0 {
        let mode = found.mode() & 0o777;
        format!("others may write to it (mode {mode:o}); run `chmod 700` on it")
    } else {
        return Ok(());
    };
    Err(PluginError::Cache { path: dir.into(), cause })
}
