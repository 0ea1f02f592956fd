//! The one WebAssembly engine of the process, and the clock that ends calls which run too long.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;

use wasmtime::{Config, Engine, OptLevel};

use crate::PluginError;

/// How often the epoch advances while plugins run; deadlines are multiples of it.
pub(crate) const TICK: Duration = Duration::from_millis(5);

/// How many ticks the clock goes on after the last call, so that a busy host never wakes it.
const LINGER: u32 = 200;

const STACK: usize = 512 << 10;

/// The engine and its clock.
pub(crate) struct Shared {
    pub(crate) engine: Engine,
    clock: Clock,
}

/// The engine of this process: two engines would each need a clock, and one code a copy in each.
pub(crate) fn shared() -> Result<&'static Shared, PluginError> {
    static SHARED: OnceLock<Result<Shared, String>> = OnceLock::new();
    SHARED.get_or_init(start).as_ref().map_err(|cause| PluginError::Engine(cause.clone()))
}

fn start() -> Result<Shared, String> {
    let engine = Engine::new(&config()).map_err(|e| format!("{e:#}"))?;
    let clock = Clock::start(engine.clone()).map_err(|e| e.to_string())?;
    Ok(Shared { engine, clock })
}

/// The allocator is the on-demand one.
///
/// The pooling one renders a chat of 2 KB in 42 us in place of 56, but hands memory from one
/// request's instance to the next, has leaked data that way, and holds room for instances that are
/// not there.
fn config() -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .epoch_interruption(true)
        .cranelift_opt_level(OptLevel::Speed)
        .max_wasm_stack(STACK)
        .wasm_memory64(false)
        // Equal input gives equal output, on every machine.
        .cranelift_nan_canonicalization(true)
        .wasm_relaxed_simd(false)
        // Offsets into a stripped file help nobody, and the map is a third of the compiled code.
        .generate_address_map(false)
        .wasm_backtrace_max_frames(None);
    config
}

impl Shared {
    /// Keeps the clock going while the guard lives.
    pub(crate) fn running(&'static self) -> Running {
        self.clock.running.fetch_add(1, Ordering::SeqCst);
        if self.clock.asleep.swap(false, Ordering::SeqCst) {
            self.clock.thread.unpark();
        }
        Running(self.clock.running)
    }
}

/// A call in progress.
pub(crate) struct Running(&'static AtomicUsize);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Advances the epoch while plugins run and sleeps while none does: an idle host wakes no core.
struct Clock {
    running: &'static AtomicUsize,
    asleep: &'static AtomicBool,
    thread: Thread,
}

impl Clock {
    fn start(engine: Engine) -> std::io::Result<Self> {
        static RUNNING: AtomicUsize = AtomicUsize::new(0);
        static ASLEEP: AtomicBool = AtomicBool::new(false);
        let tick = move || {
            let mut idle = 0;
            loop {
                thread::sleep(TICK);
                engine.increment_epoch();
                idle = if RUNNING.load(Ordering::SeqCst) == 0 { idle + 1 } else { 0 };
                if idle >= LINGER {
                    ASLEEP.store(true, Ordering::SeqCst);
                    // A call that began before the store does not unpark, so it is looked for here.
                    if RUNNING.load(Ordering::SeqCst) == 0 {
                        thread::park();
                    }
                    ASLEEP.store(false, Ordering::SeqCst);
                    idle = 0;
                }
            }
        };
        let thread = thread::Builder::new().name("plugin-clock".into()).spawn(tick)?;
        Ok(Self { running: &RUNNING, asleep: &ASLEEP, thread: thread.thread().clone() })
    }
}
