//! A context: the KV cache and the network's execution over it.

use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::Arc;
use std::thread::ThreadId;

use engine_protocol::KvType;
use llama_cpp_sys_2 as sys;

use super::{Adapter, Weights};

/// How a context is made.
pub(crate) struct ContextOptions {
    pub(crate) kv_tokens: u32,
    pub(crate) sequences: u32,
    pub(crate) batch: u32,
    pub(crate) threads: u32,
    pub(crate) kv_type: KvType,
    /// Whether a batch of one token is made one of two.
    pub(crate) steady: bool,
}

/// Called again and again while the network runs on the CPU; `true` stops the step.
pub(crate) type Pulse = Box<dyn Fn() -> bool>;

struct Heart {
    owner: ThreadId,
    pulse: Pulse,
}

unsafe extern "C" fn on_node(data: *mut c_void) -> bool {
    // SAFETY: `data` is the `Heart` that the context owns in a box; the context is alive, as it is
    // what calls this.
    let heart = unsafe { &*data.cast::<Heart>() };
    // ggml calls from its first compute thread, which is the one that called `decode`. Should it
    // ever be another, the pulse must not run, for it need not be safe to share.
    std::thread::current().id() == heart.owner && (heart.pulse)()
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decoded {
    /// The logits are there.
    Done,
    /// No cells are free; nothing has changed.
    NoCells,
    /// The pulse asked for it.
    Stopped,
    /// The code that llama.cpp gave.
    Failed(i32),
}

/// Tokens for one step.
#[derive(Default)]
pub(crate) struct Batch {
    tokens: Vec<sys::llama_token>,
    positions: Vec<sys::llama_pos>,
    sequences: Vec<sys::llama_seq_id>,
    counts: Vec<i32>,
    outputs: Vec<i8>,
    pointers: Vec<*mut sys::llama_seq_id>,
}

impl Batch {
    pub(crate) fn clear(&mut self) {
        self.tokens.clear();
        self.positions.clear();
        self.sequences.clear();
        self.outputs.clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Adds a token, and gives the row that its logits will have.
    pub(crate) fn push(&mut self, token: u32, position: u32, sequence: u32, output: bool) -> usize {
        self.tokens.push(token.cast_signed());
        self.positions.push(position.cast_signed());
        self.sequences.push(sequence.cast_signed());
        self.outputs.push(i8::from(output));
        self.tokens.len() - 1
    }
}

/// The state of all sequences.
pub(crate) struct Context {
    handle: NonNull<sys::llama_context>,
    // Read by llama.cpp through a raw pointer; must live until the context is freed.
    _heart: Option<Box<Heart>>,
    weights: Arc<Weights>,
    sequences: u32,
    batch: usize,
    cells: u32,
    /// The sequence of the token that keeps a batch from being alone.
    companion: Option<u32>,
}

impl Context {
    /// Makes a context; on failure the log has the reason.
    pub(crate) fn new(
        weights: Arc<Weights>,
        options: &ContextOptions,
        pulse: Option<Pulse>,
    ) -> Option<Self> {
        let heart =
            pulse.map(|pulse| Box::new(Heart { owner: std::thread::current().id(), pulse }));
        let kv_type = match options.kv_type {
            KvType::F16 => sys::GGML_TYPE_F16,
            KvType::Q8_0 => sys::GGML_TYPE_Q8_0,
            KvType::Q4_0 => sys::GGML_TYPE_Q4_0,
            KvType::F32 => sys::GGML_TYPE_F32,
        };
        let threads = i32::try_from(options.threads).unwrap_or(1).max(1);
        // SAFETY: the weights are alive and kept so by `Self`; the heart is boxed, so its address
        // stays, and it is dropped after the context.
        let handle = unsafe {
            let mut params = sys::llama_context_default_params();
            // One more for the companion.
            params.n_ctx = options.kv_tokens.saturating_add(1);
            params.n_batch = options.batch;
            params.n_ubatch = options.batch;
            params.n_seq_max = options.sequences + u32::from(options.steady);
            params.n_threads = threads;
            params.n_threads_batch = threads;
            params.flash_attn_type = sys::LLAMA_FLASH_ATTN_TYPE_AUTO;
            params.type_k = kv_type;
            params.type_v = kv_type;
            params.kv_unified = true;
            if let Some(heart) = &heart {
                params.abort_callback = Some(on_node);
                params.abort_callback_data = std::ptr::from_ref::<Heart>(heart).cast_mut().cast();
            }
            NonNull::new(sys::llama_init_from_model(weights.as_ptr(), params))?
        };
        let batch = usize::try_from(options.batch).unwrap_or(usize::MAX);
        // SAFETY: the context is alive.
        let made = unsafe { sys::llama_n_ctx(handle.as_ptr()) };
        Some(Self {
            handle,
            _heart: heart,
            weights,
            sequences: options.sequences,
            batch,
            cells: options.kv_tokens.min(made.saturating_sub(1)),
            companion: options.steady.then_some(options.sequences),
        })
    }

    /// Cells of the KV cache.
    pub(crate) fn cells(&self) -> u32 {
        self.cells
    }

    /// Runs the network over a batch.
    ///
    /// ggml multiplies a single row of floating-point numbers by other kernels than several, and
    /// they round differently. So that a sequence gets the same logits alone and beside others, a
    /// single row is given a companion there, which is forgotten at once. Quantized weights need
    /// none: their kernels add up the same way for any number of rows, but for the K types, where
    /// four rows at a time round differently in the fourth digit with or without it.
    pub(crate) fn decode(&mut self, batch: &mut Batch) -> Decoded {
        // The last layers see only the rows whose logits are wanted, so one of those is alone too.
        let outputs = batch.outputs.iter().filter(|output| **output != 0).count();
        let alone = batch.len() == 1 || outputs == 1;
        let Some(companion) = self.companion.filter(|_| alone) else {
            return self.decode_batch(batch, self.sequences);
        };
        let token = batch.tokens.first().map_or(0, |token| token.cast_unsigned());
        batch.push(token, 0, companion, outputs == 1);
        let decoded = self.decode_batch(batch, self.sequences + 1);
        // SAFETY: the context is alive and was made with one sequence more than `sequences`.
        unsafe {
            let memory = sys::llama_get_memory(self.handle.as_ptr());
            sys::llama_memory_seq_rm(memory, companion.cast_signed(), -1, -1);
        }
        decoded
    }

    fn decode_batch(&mut self, batch: &mut Batch, sequences: u32) -> Decoded {
        let inside = |limit: u32, ids: &[i32]| {
            ids.iter().all(|id| u32::try_from(*id).is_ok_and(|id| id < limit))
        };
        let cells = self.cells();
        let count = batch.len();
        if count == 0
            || count > self.batch
            || !inside(self.weights.vocabulary_size(), &batch.tokens)
            || !inside(sequences, &batch.sequences)
            || !inside(cells, &batch.positions)
        {
            return Decoded::Failed(-1);
        }
        batch.counts.clear();
        batch.counts.resize(count, 1);
        batch.pointers.clear();
        batch.pointers.extend(batch.sequences.iter_mut().map(std::ptr::from_mut));
        // SAFETY: all six arrays have `count` entries and live for the call; every token, position
        // and sequence was checked above against what the context can hold.
        let code = unsafe {
            sys::llama_decode(
                self.handle.as_ptr(),
                sys::llama_batch {
                    n_tokens: i32::try_from(count).unwrap_or(0),
                    token: batch.tokens.as_mut_ptr(),
                    embd: std::ptr::null_mut(),
                    pos: batch.positions.as_mut_ptr(),
                    n_seq_id: batch.counts.as_mut_ptr(),
                    seq_id: batch.pointers.as_mut_ptr(),
                    logits: batch.outputs.as_mut_ptr(),
                },
            )
        };
        match code {
            0 => Decoded::Done,
            1 => Decoded::NoCells,
            2 => Decoded::Stopped,
            code => Decoded::Failed(code),
        }
    }

    /// The logits of a row of the last batch that was pushed with `output`.
    pub(crate) fn logits(&self, row: usize) -> Option<&[f32]> {
        let row = i32::try_from(row).ok()?;
        // SAFETY: the context is alive; llama.cpp checks the row and gives null for a wrong one.
        // The row has one value for each token, and stays until the next `decode`, which needs
        // `&mut self`.
        unsafe {
            let logits = sys::llama_get_logits_ith(self.handle.as_ptr(), row);
            let size = usize::try_from(self.weights.vocabulary_size()).ok()?;
            (!logits.is_null()).then(|| std::slice::from_raw_parts(logits, size))
        }
    }

    /// Frees a sequence's cells.
    pub(crate) fn forget(&mut self, sequence: u32) {
        if sequence >= self.sequences {
            return;
        }
        // SAFETY: the context is alive and the sequence within range; removing all never fails.
        unsafe {
            let memory = sys::llama_get_memory(self.handle.as_ptr());
            sys::llama_memory_seq_rm(memory, sequence.cast_signed(), -1, -1);
        }
    }

    /// Frees every sequence's cells.
    pub(crate) fn forget_all(&mut self) {
        // SAFETY: the context is alive.
        unsafe {
            sys::llama_memory_clear(sys::llama_get_memory(self.handle.as_ptr()), false);
        }
    }

    /// Lets `to` share the first `length` cells of `from`; nothing is copied.
    pub(crate) fn share(&mut self, from: u32, to: u32, length: usize) {
        let Ok(length) = i32::try_from(length) else { return };
        if from >= self.sequences || to >= self.sequences || from == to || length == 0 {
            return;
        }
        // SAFETY: the context is alive and both sequences are within range; the cache is unified,
        // so a partial range is allowed.
        unsafe {
            let memory = sys::llama_get_memory(self.handle.as_ptr());
            sys::llama_memory_seq_cp(memory, from.cast_signed(), to.cast_signed(), 0, length);
        }
    }

    /// Applies one adapter, or none.
    pub(crate) fn apply(&mut self, adapter: Option<(Adapter, f32)>) -> bool {
        let (mut adapters, mut scales) = match adapter {
            Some((adapter, scale)) => (vec![adapter.0.as_ptr()], vec![scale]),
            None => (Vec::new(), Vec::new()),
        };
        // SAFETY: both arrays have as many entries as stated and live for the call; the adapter
        // belongs to these weights and lives as long as they do.
        let code = unsafe {
            sys::llama_set_adapters_lora(
                self.handle.as_ptr(),
                adapters.as_mut_ptr(),
                adapters.len(),
                scales.as_mut_ptr(),
            )
        };
        code == 0
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: freed once; weights and heart are fields and are dropped after this.
        unsafe { sys::llama_free(self.handle.as_ptr()) }
    }
}
