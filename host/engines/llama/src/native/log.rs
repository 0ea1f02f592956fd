//! llama.cpp's log lines, sent to `tracing`, with the latest complaints kept for error messages.

use std::collections::VecDeque;
use std::ffi::{CStr, c_char, c_void};
use std::sync::{Mutex, PoisonError};

use llama_cpp_sys_2 as sys;

/// How many complaints are kept.
const KEPT: usize = 6;

struct Log {
    line: String,
    level: sys::ggml_log_level,
    complaints: VecDeque<String>,
}

static LOG: Mutex<Log> = Mutex::new(Log {
    line: String::new(),
    level: sys::GGML_LOG_LEVEL_INFO,
    complaints: VecDeque::new(),
});

/// Routes everything that llama.cpp and ggml say to `tracing`.
pub(crate) fn send_logs_to_tracing() {
    // SAFETY: the callback is a plain function that lives as long as the process, and takes no data.
    unsafe { sys::llama_log_set(Some(on_line), std::ptr::null_mut()) }
}

/// What llama.cpp complained of since the last call, oldest first.
pub(crate) fn recent_errors() -> Vec<String> {
    LOG.lock().unwrap_or_else(PoisonError::into_inner).complaints.drain(..).collect()
}

unsafe extern "C" fn on_line(level: sys::ggml_log_level, text: *const c_char, _data: *mut c_void) {
    if text.is_null() {
        return;
    }
    // SAFETY: llama.cpp passes a NUL-terminated string that lives for the call.
    let text = unsafe { CStr::from_ptr(text) }.to_string_lossy();
    let mut log = LOG.lock().unwrap_or_else(PoisonError::into_inner);
    if level != sys::GGML_LOG_LEVEL_CONT {
        log.level = level;
    }
    log.line.push_str(&text);
    if !log.line.ends_with('\n') {
        return;
    }
    let line = std::mem::take(&mut log.line);
    let line = line.trim_end();
    // The KV cache is shared by many contexts, so it is longer than one in any sound configuration.
    let expected = line.contains("n_ctx_seq (") && line.contains("> n_ctx_train (");
    match log.level {
        sys::GGML_LOG_LEVEL_WARN if expected => tracing::debug!(target: "llama.cpp", "{line}"),
        sys::GGML_LOG_LEVEL_ERROR => tracing::error!(target: "llama.cpp", "{line}"),
        sys::GGML_LOG_LEVEL_WARN => tracing::warn!(target: "llama.cpp", "{line}"),
        // Loading alone says hundreds of lines at this level.
        sys::GGML_LOG_LEVEL_INFO => tracing::debug!(target: "llama.cpp", "{line}"),
        _ => tracing::trace!(target: "llama.cpp", "{line}"),
    }
    if log.level == sys::GGML_LOG_LEVEL_ERROR {
        if log.complaints.len() == KEPT {
            log.complaints.pop_front();
        }
        log.complaints.push_back(line.to_owned());
    }
}
