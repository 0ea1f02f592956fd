//! The one WebAssembly engine of the process, and the clock that ends calls which run too long.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;

use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig,
};

use crate::PluginError;

/// How often the epoch advances while plugins run; deadlines are multiples of it.
pub(crate) const TICK: Duration = Duration::from_millis(5);

/// How many ticks the clock goes on after the last call, so that a busy host never wakes it.
const LINGER: u32 = 200;

pub(crate) const STACK: usize = 512 << 10;

/// The engine and its clock.
pub(crate) struct Shared {
    pub(crate) engine: Engine,
    clock: Clock,
}

/// Instances that may exist at once; a chat holds one until its reply has ended.
pub(crate) const INSTANCES: u32 = 1000;

/// What a memory of the pool may grow to at least, so that runtimes with different limits share it.
const ROOM: usize = 256 << 20;

/// The engine of this process: two engines would each need a clock, and one code a copy in each.
///
/// The first caller's limit says how far the memory of an instance can grow at all.
pub(crate) fn shared(memory: usize) -> Result<&'static Shared, PluginError> {
    static SHARED: OnceLock<Result<Shared, String>> = OnceLock::new();
    let shared = SHARED.get_or_init(|| start(memory.max(ROOM)));
    shared.as_ref().map_err(|cause| PluginError::Engine(cause.clone()))
}

/// An engine that makes code for [`shared`] with the same limit, without the pool that would make
/// up most of a compiler's memory.
pub(crate) fn compiling(memory: usize) -> Result<Engine, PluginError> {
    let mut config = config();
    config.memory_reservation(memory.max(ROOM) as u64);
    Engine::new(&config).map_err(|error| PluginError::Engine(format!("{error:#}")))
}

fn start(room: usize) -> Result<Shared, String> {
    let mut pooling = config();
    pooling
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(room)))
        .memory_reservation(room as u64);
    let engine = Engine::new(&pooling).or_else(|error| {
        // The pool reserves addresses, of which some systems let a process have few.
        let error = format!("{error:#}");
        tracing::warn!(error, "no pool for plugin instances; each is mapped and unmapped");
        Engine::new(&config())
    });
    let engine = engine.map_err(|e| format!("{e:#}"))?;
    let clock = Clock::start(engine.clone()).map_err(|e| e.to_string())?;
    Ok(Shared { engine, clock })
}

/// Places for instances, which are cleared and used again.
///
/// A mapping of its own for each request's instance costs more than the request: mapping, unmapping
/// and changing protections stop every thread of the process, so the host served 5,700 chats a
/// second where it serves 10,000 now. That nothing of a request is left in its place for the next
/// one is kept by a test, whatever the allocator does.
fn pool(room: usize) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(INSTANCES)
        .total_memories(INSTANCES)
        .total_tables(2 * INSTANCES)
        .table_elements(1 << 16)
        // A component made by componentize-py has about forty core instances; ours have three.
        .total_core_instances(8 * INSTANCES)
        .max_core_instances_per_component(128)
        .max_memories_per_component(8)
        .max_tables_per_component(32)
        .max_memory_size(room)
        // What stays in memory for the next instance, cleared, and for how many.
        .linear_memory_keep_resident(256 << 10)
        .table_keep_resident(64 << 10)
        .max_unused_warm_slots(64)
        .pagemap_scan(Enabled::Auto);
    pool
}

/// Bounds of memory are checked by code and not by page protections, which a place would need set
/// anew for each instance: it costs guests little and saves two system calls for each request.
fn config() -> Config {
    let mut config = Config::new();
    config
        .signals_based_traps(false)
        .memory_guard_size(0)
        .memory_reservation_for_growth(0)
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

#[cfg(test)]
mod tests {
    use std::hash::{DefaultHasher, Hash, Hasher};

    use super::*;

    #[test]
    fn what_a_compiler_makes_is_what_the_host_takes() {
        let hash = |engine: &Engine| {
            let mut hasher = DefaultHasher::new();
            engine.precompile_compatibility_hash().hash(&mut hasher);
            hasher.finish()
        };
        let memory = crate::Limits::default().memory;
        assert_eq!(hash(&compiling(memory).unwrap()), hash(&shared(memory).unwrap().engine));
    }
}
