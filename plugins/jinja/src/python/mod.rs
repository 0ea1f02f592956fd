//! What templates expect of Python's values.

use minijinja::{Error, State};

mod format;
mod json;
mod slots;
mod strings;
mod time;

pub(crate) use format::{format, indent, string};
pub(crate) use json::to_json;
pub(crate) use slots::Slots;
pub(crate) use strings::{bare, case, escape, method, replace, split, trim};
pub(crate) use time::strftime;

/// Pays for bytes that are about to be made; the result itself is paid for by the engine.
fn charge(state: &State<'_, '_>, bytes: usize) -> Result<(), Error> {
    state.consume_fuel(bytes as u64 / 64)
}
