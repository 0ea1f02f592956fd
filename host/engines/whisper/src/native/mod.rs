//! The calls into whisper.cpp, behind safe types.
//!
//! whisper-rs runs the voice activity detector. Its own context and state keep their pointers to
//! themselves, and its parameters leak a string with each call and lack some settings that a
//! decoding plan has, so these are wrapped here, over the raw bindings.
//! Nothing outside this folder is unsafe.

#![expect(unsafe_code, reason = "foreign functions can be called no other way")]

mod log;
mod model;
mod state;
mod watch;

use std::ffi::CStr;
use std::sync::Once;

use whisper_rs_sys as sys;

pub(crate) use log::recent_errors;
pub(crate) use model::{Model, Tokens};
pub(crate) use state::{Decoded, RawToken, Request, State, Stopped};
pub(crate) use watch::Pulse;

/// Prepares the library.
pub(crate) fn start() {
    static ONCE: Once = Once::new();
    ONCE.call_once(log::send_logs_to_tracing);
}

/// The names of the compute devices that ggml has found, and whether one is not a CPU.
pub(crate) fn devices() -> (Vec<String>, bool) {
    // SAFETY: takes no arguments; the registry of devices is filled at its first use, under a lock.
    let count = unsafe { sys::ggml_backend_dev_count() };
    let mut names = Vec::new();
    let mut accelerated = false;
    for index in 0..count {
        // SAFETY: `index` is below the count, so the device exists, and its name is a
        // NUL-terminated string that lives as long as the process.
        unsafe {
            let device = sys::ggml_backend_dev_get(index);
            accelerated |= sys::ggml_backend_dev_type(device)
                != sys::ggml_backend_dev_type_GGML_BACKEND_DEVICE_TYPE_CPU;
            let name = sys::ggml_backend_dev_name(device);
            if !name.is_null() {
                names.push(CStr::from_ptr(name).to_string_lossy().into_owned());
            }
        }
    }
    (names, accelerated)
}
