//! A panic's last words.

use std::panic::{self, PanicHookInfo};
use std::sync::Once;

use crate::log;

/// Sends the text and the place of a panic to the host's log.
///
/// Without it they are lost: on this target standard error leads nowhere, and the host sees a trap.
pub(crate) fn install_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        if cfg!(target_arch = "wasm32") {
            panic::set_hook(Box::new(report));
        }
    });
}

fn report(info: &PanicHookInfo<'_>) {
    log::error(&info.to_string());
}
