//! whisper.cpp's log lines, sent to `tracing`, with the latest complaints kept for error messages.

use std::cell::Cell;
use std::collections::VecDeque;
use std::ffi::{CStr, c_char, c_void};
use std::sync::{Mutex, PoisonError};

use whisper_rs_sys as sys;

/// How many complaints are kept.
const KEPT: usize = 6;

struct Log {
    line: String,
    level: sys::ggml_log_level,
    complaints: VecDeque<String>,
}

static LOG: Mutex<Log> = Mutex::new(Log {
    line: String::new(),
    level: sys::ggml_log_level_GGML_LOG_LEVEL_INFO,
    complaints: VecDeque::new(),
});

thread_local! {
    /// Whether this thread's work was given up on purpose, so that its failures are none.
    static GIVEN_UP: Cell<bool> = const { Cell::new(false) };
}

/// Says whether what this thread does has been given up on purpose.
pub(super) fn give_up(given_up: bool) {
    GIVEN_UP.set(given_up);
}

/// Routes everything that whisper.cpp and ggml say to `tracing`.
pub(super) fn send_logs_to_tracing() {
    // SAFETY: the callback is a plain function that lives as long as the process, and takes no data.
    unsafe { sys::whisper_log_set(Some(on_line), std::ptr::null_mut()) }
}

/// What whisper.cpp complained of since the last call, oldest first.
pub(crate) fn recent_errors() -> Vec<String> {
    LOG.lock().unwrap_or_else(PoisonError::into_inner).complaints.drain(..).collect()
}

unsafe extern "C" fn on_line(level: sys::ggml_log_level, text: *const c_char, _data: *mut c_void) {
    if text.is_null() {
        return;
    }
    // SAFETY: ggml passes a NUL-terminated string that lives for the call.
    let text = unsafe { CStr::from_ptr(text) }.to_string_lossy();
    let mut log = LOG.lock().unwrap_or_else(PoisonError::into_inner);
    if level != sys::ggml_log_level_GGML_LOG_LEVEL_CONT {
        log.level = level;
    }
    log.line.push_str(&text);
    if !log.line.ends_with('\n') {
        return;
    }
    let line = std::mem::take(&mut log.line);
    let line = line.trim_end();
    // A request that was cancelled is no fault.
    let expected = GIVEN_UP.get() || line.contains("encoder_begin_callback returned false");
    match log.level {
        _ if expected => tracing::debug!(target: "whisper.cpp", "{line}"),
        sys::ggml_log_level_GGML_LOG_LEVEL_ERROR => {
            tracing::error!(target: "whisper.cpp", "{line}");
        }
        sys::ggml_log_level_GGML_LOG_LEVEL_WARN => tracing::warn!(target: "whisper.cpp", "{line}"),
        // Loading alone says dozens of lines at this level, and each search for speech some more.
        sys::ggml_log_level_GGML_LOG_LEVEL_INFO => tracing::debug!(target: "whisper.cpp", "{line}"),
        _ => tracing::trace!(target: "whisper.cpp", "{line}"),
    }
    if log.level == sys::ggml_log_level_GGML_LOG_LEVEL_ERROR && !expected {
        if log.complaints.len() == KEPT {
            log.complaints.pop_front();
        }
        log.complaints.push_back(line.to_owned());
    }
}
