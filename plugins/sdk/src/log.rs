//! Lines for the host's log, under the plugin's name.
//!
//! In native tests there is no host, and the lines go nowhere.

#[cfg(target_arch = "wasm32")]
use crate::bindings::modelhost::family::log::{Level, write};

macro_rules! level {
    ($(#[$doc:meta])* $name:ident, $level:ident) => {
        $(#[$doc])*
        #[cfg(target_arch = "wasm32")]
        pub fn $name(message: &str) {
            write(Level::$level, message);
        }

        $(#[$doc])*
        #[cfg(not(target_arch = "wasm32"))]
        pub fn $name(_message: &str) {}
    };
}

level!(
    /// Writes a line that only a plugin's author wants to see.
    debug,
    Debug
);
level!(
    /// Writes a line that an operator may want to see.
    info,
    Info
);
level!(
    /// Writes a line about something that looks wrong.
    warn,
    Warn
);
level!(
    /// Writes a line about something that failed.
    error,
    Error
);
