//! Plugins built for `modelhost:family@0.1`.

mod convert;
mod family;
mod prepared;
mod speech;
mod transcriber;
mod turn;

use wasmtime::component::{HasSelf, Linker};

use self::generated::modelhost::family::{log, types};
use super::Track;
use crate::log::Level;
use crate::sandbox::State;

pub(super) const TRACK: Track =
    Track { version: "0.1", link, offers, find: |pre| Ok(Box::new(family::Exports::find(pre)?)) };

#[allow(
    clippy::pedantic,
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "generated from the WIT package"
)]
mod generated {
    wasmtime::component::bindgen!({
        path: "../../wit/family@0.1",
        inline: "
            package modelhost:runtime;

            /// Every interface that a plugin may export; which it does is found out one by one.
            world plugin {
                import modelhost:family/log@0.1.0;
                export modelhost:family/identity@0.1.0;
                export modelhost:family/chat@0.1.0;
                export modelhost:family/preparation@0.1.0;
                export modelhost:family/completion@0.1.0;
                export modelhost:family/transcription@0.1.0;
            }
        ",
        world: "modelhost:runtime/plugin",
        ownership: Borrowing { duplicate_if_necessary: true },
    });
}

fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    types::add_to_linker::<State, HasSelf<State>>(linker, |state| state)?;
    log::add_to_linker::<State, HasSelf<State>>(linker, |state| state)
}

fn offers(import: &str) -> bool {
    ["modelhost:family/log@0.1.", "modelhost:family/types@0.1."]
        .iter()
        .any(|name| import.starts_with(name))
}

impl types::Host for State {}

impl log::Host for State {
    fn write(&mut self, level: log::Level, message: String) {
        let level = match level {
            log::Level::Debug => Level::Debug,
            log::Level::Info => Level::Info,
            log::Level::Warn => Level::Warn,
            log::Level::Error => Level::Error,
        };
        self.log(level, &message);
    }
}
