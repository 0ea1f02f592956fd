//! The calls into llama.cpp, behind safe types.
//!
//! llama-cpp-2's own context keeps its pointer to itself, and has no way to set an abort callback,
//! which is what lets the engine report that it is alive in the middle of a long step. So weights
//! and context are wrapped here, over the raw bindings; samplers are llama-cpp-2's.
//! Nothing outside this folder is unsafe.

#![expect(unsafe_code, reason = "foreign functions can be called no other way")]

mod context;
mod log;
mod weights;

pub(crate) use context::{Batch, Context, ContextOptions, Decoded, Pulse};
pub(crate) use log::{recent_errors, send_logs_to_tracing};
pub(crate) use weights::{Adapter, TokenKind, Weights, WeightsOptions};

/// Prepares the library; llama.cpp wants this once in a process.
pub(crate) fn start() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        send_logs_to_tracing();
        // SAFETY: takes no arguments, and `Once` keeps it to a single call.
        unsafe { llama_cpp_sys_2::llama_backend_init() }
    });
}

/// The names of the compute devices that llama.cpp has found, and whether one is not a CPU.
pub(crate) fn devices() -> (Vec<String>, bool) {
    // SAFETY: the registry of devices is filled by `start` and only read from then on.
    let count = unsafe { llama_cpp_sys_2::ggml_backend_dev_count() };
    let mut names = Vec::new();
    let mut accelerated = false;
    for index in 0..count {
        // SAFETY: `index` is below the count, so the device exists, and its name is a
        // NUL-terminated string that lives as long as the process.
        unsafe {
            let device = llama_cpp_sys_2::ggml_backend_dev_get(index);
            accelerated |= llama_cpp_sys_2::ggml_backend_dev_type(device)
                != llama_cpp_sys_2::GGML_BACKEND_DEVICE_TYPE_CPU;
            let name = llama_cpp_sys_2::ggml_backend_dev_name(device);
            if !name.is_null() {
                names.push(std::ffi::CStr::from_ptr(name).to_string_lossy().into_owned());
            }
        }
    }
    (names, accelerated)
}
