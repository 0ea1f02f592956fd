//! The empty WASI: what runtimes of other languages insist on, with nothing in it.
//!
//! No files, arguments, environment or network; standard output goes nowhere; the clocks stand
//! still and the random numbers are always the same, so that equal input gives equal output.

use rand::SeedableRng;
use rand::rngs::SmallRng;
use wasmtime::Result;
use wasmtime::component::{HasData, Linker, Resource};
use wasmtime_wasi::cli::{WasiCli, WasiCliView};
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemView};
use wasmtime_wasi::p2::bindings::{cli, clocks, filesystem, random, sync};
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};
use wasmtime_wasi::random::WasiRandom;
use wasmtime_wasi::{ResourceTable, WasiCtx, WasiCtxView, WasiView, async_trait};

use crate::sandbox::State;

/// Streams, pollables and the like that one instance may hold.
const RESOURCES: usize = 1024;
/// Bytes of "randomness" for one call.
const RANDOM_BYTES: u64 = 64 << 10;

/// WASI's side of one instance, made when the instance first asks for it.
pub(crate) struct Wasi {
    context: WasiCtx,
    table: ResourceTable,
}

impl Default for Wasi {
    fn default() -> Self {
        let context = WasiCtx::builder()
            .secure_random(SmallRng::seed_from_u64(0))
            .insecure_random(SmallRng::seed_from_u64(0))
            .insecure_random_seed(0)
            .max_random_size(RANDOM_BYTES)
            .build();
        let mut table = ResourceTable::new();
        table.set_max_capacity(RESOURCES);
        Self { context, table }
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let Wasi { context, table } = self.wasi.get_or_insert_default().as_mut();
        WasiCtxView { ctx: context, table }
    }
}

/// Whether an import of this name is part of the empty WASI; `add_to_linker` adds the same ones.
pub(crate) fn offers(import: &str) -> bool {
    const PACKAGES: [&str; 5] =
        ["wasi:cli/", "wasi:clocks/", "wasi:filesystem/", "wasi:io/", "wasi:random/"];
    import.ends_with(|c: char| c.is_ascii_digit())
        && import.split_once('@').is_some_and(|(_, version)| version.starts_with("0.2."))
        && PACKAGES.iter().any(|package| import.starts_with(package))
}

/// Links the empty WASI.
pub(crate) fn add_to_linker(l: &mut Linker<State>) -> Result<()> {
    use wasmtime_wasi_io::bindings::wasi::io::error as io_error;

    io_error::add_to_linker::<State, Table>(l, |s| s.ctx().table)?;
    sync::io::poll::add_to_linker::<State, Table>(l, |s| s.ctx().table)?;
    sync::io::streams::add_to_linker::<State, Table>(l, |s| s.ctx().table)?;
    clocks::wall_clock::add_to_linker::<State, Stopped>(l, |s| StoppedClock(s.ctx().table))?;
    clocks::monotonic_clock::add_to_linker::<State, Stopped>(l, |s| StoppedClock(s.ctx().table))?;
    filesystem::preopens::add_to_linker::<State, WasiFilesystem>(l, State::filesystem)?;
    sync::filesystem::types::add_to_linker::<State, WasiFilesystem>(l, State::filesystem)?;
    random::random::add_to_linker::<State, WasiRandom>(l, |s| s.ctx().ctx.random())?;
    random::insecure::add_to_linker::<State, WasiRandom>(l, |s| s.ctx().ctx.random())?;
    random::insecure_seed::add_to_linker::<State, WasiRandom>(l, |s| s.ctx().ctx.random())?;
    cli::exit::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::environment::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::stdin::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::stdout::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::stderr::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_input::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_output::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_stdin::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_stdout::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_stderr::add_to_linker::<State, WasiCli>(l, State::cli)
}

struct Table;

impl HasData for Table {
    type Data<'a> = &'a mut ResourceTable;
}

struct Stopped;

impl HasData for Stopped {
    type Data<'a> = StoppedClock<'a>;
}

/// A clock that stands still.
///
/// Whoever waits on it is woken at once: a real timer would hold the host's thread outside of
/// WebAssembly, where no deadline reaches it.
struct StoppedClock<'a>(&'a mut ResourceTable);

impl clocks::wall_clock::Host for StoppedClock<'_> {
    fn now(&mut self) -> Result<clocks::wall_clock::Datetime> {
        Ok(clocks::wall_clock::Datetime { seconds: 0, nanoseconds: 0 })
    }

    fn resolution(&mut self) -> Result<clocks::wall_clock::Datetime> {
        Ok(clocks::wall_clock::Datetime { seconds: 1, nanoseconds: 0 })
    }
}

impl clocks::monotonic_clock::Host for StoppedClock<'_> {
    fn now(&mut self) -> Result<u64> {
        Ok(0)
    }

    fn resolution(&mut self) -> Result<u64> {
        Ok(1)
    }

    fn subscribe_instant(&mut self, _when: u64) -> Result<Resource<DynPollable>> {
        let over = self.0.push(Over)?;
        subscribe(self.0, over)
    }

    fn subscribe_duration(&mut self, _when: u64) -> Result<Resource<DynPollable>> {
        self.subscribe_instant(0)
    }
}

/// A wait that is over.
struct Over;

#[async_trait]
impl Pollable for Over {
    async fn ready(&mut self) {}
}
