//! What a plugin may use.

use std::time::Duration;

use wasmtime::ResourceLimiter;

/// What a plugin may use in one call or, where it says so, in one instance.
///
/// ```
/// let limits = plugin_runtime::Limits { memory: 256 << 20, ..Default::default() };
/// assert_eq!(limits.render.as_millis(), 200);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of linear memory for one instance.
    pub memory: usize,
    /// Time to load, to recognise a model, or to render a prompt.
    pub render: Duration,
    /// Time for one call of a reply parser.
    pub parse: Duration,
    /// Bytes that a prompt may have.
    pub prompt_bytes: usize,
    /// Bytes that the events of one call of a reply parser may have.
    pub event_bytes: usize,
    /// Bytes that a plugin's file may have.
    pub file_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 64 << 20,
            render: Duration::from_millis(200),
            parse: Duration::from_millis(50),
            prompt_bytes: 8 << 20,
            event_bytes: 1 << 20,
            file_bytes: 64 << 20,
        }
    }
}

/// Elements in all tables of an instance: functions that are called by pointer, mostly.
const TABLE_ELEMENTS: usize = 1 << 18;

/// Keeps one instance inside its memory.
pub(crate) struct Limiter {
    memory_left: usize,
    elements_left: usize,
    /// Whether memory was refused since [`Limiter::forget_refusal`].
    ///
    /// A guest that is refused memory traps like any other; this tells why it did.
    refused: bool,
}

impl Limiter {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { memory_left: limits.memory, elements_left: TABLE_ELEMENTS, refused: false }
    }

    /// Bytes of memory that the instance holds.
    pub(crate) fn memory(&self, limits: &Limits) -> usize {
        limits.memory.saturating_sub(self.memory_left)
    }

    pub(crate) fn forget_refusal(&mut self) {
        self.refused = false;
    }

    pub(crate) fn refused(&self) -> bool {
        self.refused
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let left = self.memory_left.checked_sub(desired.saturating_sub(current));
        self.refused |= left.is_none();
        self.memory_left = left.unwrap_or(self.memory_left);
        Ok(left.is_some())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let left = self.elements_left.checked_sub(desired.saturating_sub(current));
        self.refused |= left.is_none();
        self.elements_left = left.unwrap_or(self.elements_left);
        Ok(left.is_some())
    }

    // A component made by componentize-py has about forty core instances; ours have three.
    fn instances(&self) -> usize {
        128
    }

    fn tables(&self) -> usize {
        32
    }

    fn memories(&self) -> usize {
        8
    }
}
