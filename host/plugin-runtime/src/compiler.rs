//! Compiling in a process of its own.
//!
//! A compiler takes hundreds of megabytes for a large file, which an allocator rarely gives back,
//! and a hostile file may find a fault of it. In a process of its own neither is the host's affair.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Resource, Rlimit};

use crate::cache::Cache;
use crate::text::one_line;
use crate::{Limits, PluginError, engine, loader};

/// Seconds of a core's time for one file; componentize-js's need about forty.
const SECONDS: u64 = 20 * 60;
/// Bytes of memory for one file; componentize-js's need less than one GiB, and the allocator claims
/// another in advance.
const MEMORY: u64 = 4 << 30;
/// Bytes of what it has to say.
const CAUSE: u64 = 4 << 10;

/// The program that compiles one plugin and keeps it in the cache, called once for each.
///
/// It gets the component's bytes on its standard input, calls [`compile_into_cache`] and ends with
/// [`COMPILED`]; where the component is at fault it prints why and ends with [`REFUSED`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compiler {
    /// The executable, of the same version as this one: another's output is not taken.
    pub program: PathBuf,
    /// What it is called with.
    pub arguments: Vec<OsString>,
}

/// How a compiler ends whose work is in the cache.
pub const COMPILED: u8 = 0;
/// How it ends where the component cannot be compiled.
pub const REFUSED: u8 = 65;

/// Why there is no compiled component.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The component is at fault.
    #[error("{0}")]
    Refused(String),
    /// The compiler could not do its work, which says nothing about the component.
    #[error("{0}")]
    Broken(String),
}

impl Compiler {
    /// Compiles a component into the cache; blocks until it is done.
    pub(crate) fn run(&self, component: &[u8]) -> Result<(), Failure> {
        let broken =
            |error: io::Error| Failure::Broken(format!("the compiler cannot run: {error}"));
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::null()).spawn().map_err(broken)?;
        let said = converse(&mut child, component);
        let status = child.wait().map_err(broken)?;
        outcome(status, &said)
    }
}

/// Gives the component to the compiler and hears what it says, which is little.
fn converse(child: &mut Child, component: &[u8]) -> String {
    if let Some(mut input) = child.stdin.take() {
        // One that ends early has a reason, which it says or its status does.
        let _ = input.write_all(component);
    }
    let mut said = vec![];
    if let Some(output) = child.stdout.take() {
        let _ = output.take(CAUSE).read_to_end(&mut said);
    }
    one_line(&String::from_utf8_lossy(&said), loader::CAUSE)
}

fn outcome(status: ExitStatus, said: &str) -> Result<(), Failure> {
    match status.code() {
        Some(code) if code == i32::from(COMPILED) => Ok(()),
        Some(code) if code == i32::from(REFUSED) => Err(Failure::Refused(said.to_owned())),
        Some(_) => Err(Failure::Broken(format!("the compiler ended with {status}"))),
        // A signal: it broke on this component or needed more than it may have.
        None => Err(Failure::Refused(format!(
            "the compiler ended with {status}; it may take {SECONDS} s and {} GiB",
            MEMORY >> 30
        ))),
    }
}

/// Compiles the component in `input` and keeps it in the cache; for the program that a
/// [`Compiler`] calls.
///
/// The process limits itself to what one component may take and ends with its parent.
///
/// # Errors
/// [`PluginError::NotAComponent`] where the component is at fault, else what is wrong with the
/// cache or the system.
pub fn compile_into_cache(
    input: impl Read,
    cache_dir: &Path,
    limits: &Limits,
) -> Result<(), PluginError> {
    restrain().map_err(PluginError::io("limit the compiler for", cache_dir))?;
    let mut component = vec![];
    let read = input.take(limits.file_bytes.saturating_add(1)).read_to_end(&mut component);
    let size = read.map_err(PluginError::io("read the component for", cache_dir))? as u64;
    if size > limits.file_bytes {
        let cause = format!("it has more than {} bytes", limits.file_bytes);
        return Err(PluginError::NotAComponent(cause));
    }
    // The settings of the engine count among what compiled code must agree with.
    let engine = engine::compiling(limits.memory)?;
    let cache = Cache::open(cache_dir, &engine)?;
    let code = loader::serialized(&engine, &component)?;
    let keep = cache.store(&blake3::hash(&component), &code);
    keep.map_err(PluginError::io("write to the compile cache", cache_dir))
}

fn restrain() -> io::Result<()> {
    // A host that is killed leaves nobody at work. Whoever calls this has a parent to end with.
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    // Memory that can be written counts: addresses are reserved in far larger numbers.
    for (resource, most) in [(Resource::Cpu, SECONDS), (Resource::Data, MEMORY)] {
        rustix::process::setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    Ok(())
}
