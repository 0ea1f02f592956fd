//! The compile cache cannot be poisoned.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use plugin_runtime::{Limits, Options, PluginRuntime};
use tempfile::TempDir;

use crate::support::{card, fixture, open, say};

/// A folder with two plugins, and a cache beside it.
struct Install {
    root: TempDir,
}

impl Install {
    fn new() -> Self {
        let root = TempDir::new().unwrap();
        fs::create_dir(root.path().join("plugins")).unwrap();
        for name in ["echo", "misbehave"] {
            let to = root.path().join("plugins").join(format!("{name}.wasm"));
            fs::copy(fixture(name), to).unwrap();
        }
        Self { root }
    }

    fn cache(&self) -> PathBuf {
        self.root.path().join("cache/plugins")
    }

    #[track_caller]
    fn start(&self) {
        let runtime =
            open(&self.root.path().join("plugins"), Some(self.cache()), Limits::default());
        assert!(runtime.plugins().iter().all(|status| status.serving));
        runtime.chat("echo", &card(), &say("hello")).unwrap();
        runtime.chat("misbehave", &card(), &say("hello")).unwrap();
    }

    /// The entry of a plugin, or its checksum.
    fn entry(&self, plugin: &str, extension: &str) -> PathBuf {
        let hash = blake3::hash(&fs::read(fixture(plugin)).unwrap()).to_hex();
        let of_plugin = |path: &PathBuf| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.starts_with(hash.as_str()) && name.ends_with(extension)
        };
        files(&self.cache()).into_iter().find(of_plugin).unwrap()
    }
}

fn files(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Spoils the cache between two starts; the second must put it right.
#[track_caller]
fn check(spoil: impl FnOnce(&Install)) {
    let install = Install::new();
    install.start();
    let entries = ["echo", "misbehave"]
        .map(|plugin| ["cwasm", "sum"].map(|extension| install.entry(plugin, extension)));
    let good = entries.clone().map(|entry| entry.map(|path| fs::read(path).unwrap()));
    spoil(&install);
    install.start();
    let now = entries.map(|entry| entry.map(|path| fs::read(path).unwrap()));
    assert!(now == good, "the entries are not what they were");
}

#[test]
fn a_sound_entry_is_used() {
    let install = Install::new();
    install.start();
    let entry = install.entry("echo", "cwasm");
    let inode = std::os::unix::fs::MetadataExt::ino(&fs::metadata(&entry).unwrap());
    install.start();
    let now = std::os::unix::fs::MetadataExt::ino(&fs::metadata(&entry).unwrap());
    assert_eq!(inode, now, "it was written again");
}

#[test]
fn only_the_owner_can_read_it() {
    let install = Install::new();
    install.start();
    assert_eq!(mode(&install.cache()), 0o700);
    for file in files(&install.cache()) {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
    assert_eq!(files(&install.cache()).len(), 5, "two entries, two checksums, one secret");
}

#[test]
fn an_altered_entry() {
    check(|install| {
        let path = install.entry("echo", "cwasm");
        let mut code = fs::read(&path).unwrap();
        let middle = code.len() / 2;
        code[middle] ^= 1;
        fs::write(path, code).unwrap();
    });
}

#[test]
fn an_entry_cut_short() {
    check(|install| {
        let path = install.entry("echo", "cwasm");
        let code = fs::read(&path).unwrap();
        fs::write(path, &code[..code.len() / 2]).unwrap();
    });
    check(|install| fs::write(install.entry("echo", "cwasm"), b"").unwrap());
}

#[test]
fn an_entry_without_its_checksum() {
    check(|install| fs::remove_file(install.entry("echo", "sum")).unwrap());
    check(|install| fs::write(install.entry("echo", "sum"), b"0").unwrap());
    check(|install| fs::write(install.entry("echo", "sum"), [b'0'; 64]).unwrap());
}

#[test]
fn another_plugins_entry_under_this_ones_name() {
    check(|install| {
        for extension in ["cwasm", "sum"] {
            fs::copy(install.entry("misbehave", extension), install.entry("echo", extension))
                .unwrap();
        }
    });
}

#[test]
fn an_entry_of_another_installation() {
    let other = Install::new();
    other.start();
    check(|install| {
        // Compiled for this very machine, and with a checksum: but with another secret's.
        for extension in ["cwasm", "sum"] {
            fs::copy(other.entry("echo", extension), install.entry("echo", extension)).unwrap();
        }
    });
}

#[test]
fn a_secret_that_others_know_is_replaced() {
    let install = Install::new();
    install.start();
    let path = install.cache().join("secret");
    let old = fs::read(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    install.start();
    let new = fs::read(&path).unwrap();
    assert_ne!(old, new);
    assert_eq!((new.len(), mode(&path)), (32, 0o600));
    fs::write(&path, b"short").unwrap();
    install.start();
    assert_eq!(fs::read(&path).unwrap().len(), 32);
}

#[test]
fn a_folder_that_others_can_write_to_is_refused() {
    let install = Install::new();
    install.start();
    fs::set_permissions(install.cache(), fs::Permissions::from_mode(0o777)).unwrap();
    let options = Options {
        dir: install.root.path().join("plugins"),
        cache_dir: Some(install.cache()),
        compiler: None,
        limits: Limits::default(),
    };
    let error = PluginRuntime::open(options).map(|_| ()).unwrap_err().to_string();
    assert!(error.ends_with("others may write to it (mode 777); run `chmod 700` on it"), "{error}");
}

#[test]
fn a_link_in_place_of_the_folder_is_refused() {
    let install = Install::new();
    let elsewhere = TempDir::new().unwrap();
    fs::create_dir(install.root.path().join("cache")).unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), install.cache()).unwrap();
    let options = Options {
        dir: install.root.path().join("plugins"),
        cache_dir: Some(install.cache()),
        compiler: None,
        limits: Limits::default(),
    };
    let error = PluginRuntime::open(options).map(|_| ()).unwrap_err().to_string();
    assert!(error.ends_with("it is not a folder; name another one"), "{error}");
}
