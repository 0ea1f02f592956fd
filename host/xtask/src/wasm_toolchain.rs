//! Finding, or making, a Rust toolchain that can build WebAssembly components.
//!
//! In order: the active toolchain has the standard library for the target; a private toolchain of
//! an earlier run; `rustup target add`; Debian's packages, unpacked without root into a cache
//! folder, with the standard library built there once.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail};

use crate::{
    plugins::TARGET,
    step::{command, output, run, say, step},
    system,
};

/// What a cargo command needs to build for the target.
pub(crate) enum Toolchain {
    /// The active one can.
    Active,
    /// A compiler of its own, with the folder of its libraries.
    Private { rustc: PathBuf, libraries: PathBuf },
}

impl Toolchain {
    /// Sets a command up for this toolchain.
    pub(crate) fn apply(&self, command: &mut Command) {
        if let Self::Private { rustc, libraries } = self {
            command.env("RUSTC", rustc).env("LD_LIBRARY_PATH", libraries);
            // The private compiler is of another version: its artifacts live apart.
            if let Some(folder) = command.get_current_dir().map(|f| f.join("target/private")) {
                command.env("CARGO_BUILD_BUILD_DIR", folder);
            }
        } else {
            command.env_remove("RUSTC").env_remove("LD_LIBRARY_PATH");
        }
    }
}

/// Finds a toolchain, making one where there is none.
pub(crate) fn find(root: &Path) -> anyhow::Result<Toolchain> {
    if active_has_target() {
        return Ok(Toolchain::Active);
    }
    let cache = root.join("target/wasm-toolchain");
    if cache.join("ok").exists() {
        return Ok(private(&cache));
    }
    if system::has("rustup") {
        say(&format!("    rustup target add {TARGET}"));
        let mut rustup = Command::new("timeout");
        rustup.args(["60", "rustup", "target", "add", TARGET]);
        if rustup.status().is_ok_and(|status| status.success()) && active_has_target() {
            return Ok(Toolchain::Active);
        }
    }
    if system::has("apt-get") && system::has("dpkg-deb") {
        step("a private wasm toolchain from Debian's packages (about two minutes, once)", || {
            from_debian(&cache)
        })?;
        return Ok(private(&cache));
    }
    bail!(
        "the Rust standard library for {TARGET} is missing: run `rustup target add {TARGET}`, or \
         install your distribution's package for it"
    )
}

fn private(cache: &Path) -> Toolchain {
    let usr = cache.join("root/usr");
    Toolchain::Private { rustc: usr.join("bin/rustc"), libraries: usr.join("lib/x86_64-linux-gnu") }
}

fn active_has_target() -> bool {
    let Some(sysroot) = output(Command::new("rustc").args(["--print", "sysroot"])) else {
        return false;
    };
    let libraries = Path::new(&sysroot).join("lib/rustlib").join(TARGET).join("lib");
    fs::read_dir(libraries).is_ok_and(|mut entries| entries.next().is_some())
}

/// Unpacks Debian's `rustc-web` and builds the standard library with it.
fn from_debian(cache: &Path) -> anyhow::Result<()> {
    let _ = fs::remove_dir_all(cache);
    let packages = cache.join("packages");
    let unpacked = cache.join("root");
    fs::create_dir_all(&packages)?;
    fs::create_dir_all(&unpacked)?;

    // The names carry versions that change with every release of Debian.
    let depends = |package: &str, prefix: &str| -> anyhow::Result<String> {
        let listed = output(Command::new("apt-cache").args(["depends", package]))
            .with_context(|| format!("Debian has no package `{package}` here"))?;
        let names = listed.lines().filter_map(|line| line.trim().strip_prefix("Depends: "));
        names
            .map(str::to_owned)
            .find(|name| name.starts_with(prefix))
            .with_context(|| format!("`{package}` depends on no `{prefix}...`"))
    };
    let development = depends("rustc-web", "libstd-rust-web-dev")?;
    let library = depends(&development, "libstd-rust-web-")?;
    let llvm = depends(&library, "libllvm")?;
    let list = ["rustc-web", &development, &library, &llvm, "rust-web-src"];
    run(command("apt-get", &packages).args(["download", "-q"]).args(list))?;
    for entry in fs::read_dir(&packages)? {
        run(Command::new("dpkg-deb").arg("-x").arg(entry?.path()).arg(&unpacked))?;
    }

    let usr = unpacked.join("usr");
    let version = output(Command::new("rustc").arg("-vV")).context("there is no rustc")?;
    let host = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .context("rustc does not say its host")?;
    let sysroot = output(Command::new("rustc").args(["--print", "sysroot"])).unwrap_or_default();
    // The component linker is in the active toolchain; a link, because it finds its libraries
    // relative to where it really lies.
    let tools = Path::new(&sysroot).join("lib/rustlib").join(host).join("bin");
    let place = usr.join("lib/rustlib").join(host).join("bin");
    if !place.exists() {
        fs::create_dir_all(place.parent().unwrap_or(&usr))?;
        link(&tools, &place)?;
    }

    let source = fs::canonicalize(usr.join("lib/rustlib/src/rust"))?.join("library");
    let built = cache.join("std");
    let mut cargo = command("cargo", cache);
    cargo
        .args(["build", "--quiet", "--release", "--locked", "--target", TARGET, "--package", "std"])
        .args(["--features", "panic-unwind", "--manifest-path"])
        .arg(source.join("Cargo.toml"))
        .env("LD_LIBRARY_PATH", usr.join("lib/x86_64-linux-gnu"))
        .env("RUSTC", usr.join("bin/rustc"))
        .env("RUSTC_BOOTSTRAP", "1")
        .env("__CARGO_DEFAULT_LIB_METADATA", "web")
        .env("CARGO_TARGET_DIR", &built)
        .env(
            "RUSTFLAGS",
            format!(
                "-Cembed-bitcode=yes -Zforce-unstable-if-unmarked -Cpanic=abort \
                 --remap-path-prefix={}=/rustc/std",
                source.display()
            ),
        );
    run(&mut cargo)?;
    let libraries = usr.join("lib/rustlib").join(TARGET).join("lib");
    fs::create_dir_all(&libraries)?;
    for entry in fs::read_dir(built.join(TARGET).join("release/deps"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rlib")
            && let Some(name) = path.file_name()
        {
            fs::copy(&path, libraries.join(name))?;
        }
    }
    fs::remove_dir_all(built)?;
    fs::remove_dir_all(packages)?;
    fs::write(cache.join("ok"), "")?;
    Ok(())
}

#[cfg(unix)]
fn link(from: &Path, to: &Path) -> anyhow::Result<()> {
    Ok(std::os::unix::fs::symlink(from, to)?)
}

#[cfg(not(unix))]
fn link(_: &Path, _: &Path) -> anyhow::Result<()> {
    bail!("Debian's packages are of no use on this system")
}
