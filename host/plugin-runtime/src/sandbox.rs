//! One instance of a plugin and the limits of every call into it.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::{PoolConcurrencyLimitError, Store, Trap};
use wasmtime_wasi::I32Exit;

use crate::deadline::Deadline;
use crate::engine::{INSTANCES, STACK, Shared};
use crate::limits::Limiter;
use crate::log::{Level, Log};
use crate::text::one_line;
use crate::wasi::Wasi;
use crate::{Limits, PluginError};

/// Handles of resources that one instance may hold: a turn, its parsers, and what WASI hands out.
const HANDLES: usize = 4096;
/// Characters of a failure's cause.
const CAUSE: usize = 512;

/// What the host keeps for one instance.
pub(crate) struct State {
    limiter: Limiter,
    deadline: Deadline,
    log: Arc<Log>,
    /// The error that the plugin logged last, which tells more than the trap after it.
    last_error: Option<String>,
    pub(crate) wasi: Option<Box<Wasi>>,
}

impl State {
    /// Takes a line for the log.
    pub(crate) fn log(&mut self, level: Level, message: &str) {
        if level == Level::Error {
            self.last_error = Some(one_line(message, CAUSE));
        }
        self.log.write(level, message);
    }
}

/// What one call may use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowance {
    time: Duration,
    bytes: usize,
}

/// A store that serves one request, and nothing after its first failure.
pub(crate) struct Sandbox {
    shared: &'static Shared,
    store: Store<State>,
    limits: Arc<Limits>,
    failure: Option<String>,
}

impl Sandbox {
    pub(crate) fn new(shared: &'static Shared, limits: Arc<Limits>, log: Arc<Log>) -> Self {
        let state = State {
            limiter: Limiter::new(&limits),
            deadline: Deadline::default(),
            log,
            last_error: None,
            wasi: None,
        };
        let mut store = Store::new(&shared.engine, state);
        store.limiter(|state| &mut state.limiter);
        store.epoch_deadline_callback(|mut store| Ok(store.data_mut().deadline.passed()));
        store.set_max_component_handles(HANDLES);
        Self { shared, store, limits, failure: None }
    }

    /// The plugin's name.
    pub(crate) fn plugin(&self) -> &str {
        self.store.data().log.plugin()
    }

    /// The plugin's name and version.
    pub(crate) fn label(&self) -> String {
        self.store.data().log.label()
    }

    /// Bytes of linear memory that the instance holds.
    pub(crate) fn memory(&self) -> usize {
        self.store.data().limiter.memory(&self.limits)
    }

    /// What loading, recognising and rendering may use.
    pub(crate) fn to_render(&self) -> Allowance {
        Allowance { time: self.limits.render, bytes: self.limits.prompt_bytes }
    }

    /// What one call of a parser may use.
    pub(crate) fn to_parse(&self) -> Allowance {
        Allowance { time: self.limits.parse, bytes: self.limits.event_bytes }
    }

    /// Calls into the instance.
    ///
    /// # Errors
    /// Whatever ends the call ends the instance too: every later call is [`PluginError::Dead`].
    pub(crate) fn call<T>(
        &mut self,
        call: &'static str,
        allowance: Allowance,
        work: impl FnOnce(&mut Store<State>) -> wasmtime::Result<T>,
    ) -> Result<T, PluginError> {
        if let Some(cause) = &self.failure {
            return Err(PluginError::Dead { plugin: self.label(), cause: cause.clone() });
        }
        let state = self.store.data_mut();
        state.limiter.forget_refusal();
        let ticks = state.deadline.begin(allowance.time);
        self.store.set_epoch_deadline(ticks);
        self.store.set_hostcall_fuel(allowance.bytes);
        let running = self.shared.running();
        let result = work(&mut self.store);
        drop(running);
        result.map_err(|fault| {
            let error = self.explain(call, allowance, &fault);
            self.failure = Some(error.to_string());
            error
        })
    }

    /// Ends the instance for a fault that shows only in what it returned.
    pub(crate) fn fail(&mut self, cause: &str) -> PluginError {
        let error = PluginError::Internal { plugin: self.label(), cause: one_line(cause, CAUSE) };
        self.failure = Some(error.to_string());
        error
    }

    fn explain(
        &self,
        call: &'static str,
        allowance: Allowance,
        fault: &wasmtime::Error,
    ) -> PluginError {
        if fault.is::<PoolConcurrencyLimitError>() {
            return PluginError::Busy { limit: INSTANCES };
        }
        let plugin = self.label();
        let state = self.store.data();
        let trap = fault.downcast_ref::<Trap>();
        if trap == Some(&Trap::Interrupt) {
            if let Some(waited) = state.deadline.starved() {
                return PluginError::Starved { plugin, call, limit: allowance.time, waited };
            }
            return PluginError::TimedOut { plugin, call, limit: allowance.time };
        }
        if trap == Some(&Trap::StackOverflow) {
            return PluginError::TooDeep { plugin, call, limit: STACK };
        }
        if state.limiter.refused() {
            return PluginError::OutOfMemory { plugin, call, limit: self.limits.memory };
        }
        if is_too_much_output(fault) {
            return PluginError::OutputTooLarge { plugin, call, limit: allowance.bytes };
        }
        let mut cause = match (trap, fault.downcast_ref::<I32Exit>()) {
            (Some(trap), _) => trap.to_string(),
            (None, Some(exit)) => format!("it called exit({})", exit.0),
            (None, None) => one_line(&fault.root_cause().to_string(), CAUSE),
        };
        if let Some(line) = &state.last_error {
            cause = format!("{cause}; it logged last: {line}");
        }
        PluginError::Trapped { plugin, call, cause }
    }
}

/// Whether the plugin handed over more bytes than the call allows.
///
/// wasmtime counts them while it copies, so that not even the excess is held, but keeps the type of
/// its error to itself; the tests on large outputs notice if its words change.
fn is_too_much_output(fault: &wasmtime::Error) -> bool {
    fault.root_cause().to_string().contains("fuel allocated for hostcalls has been exhausted")
}
