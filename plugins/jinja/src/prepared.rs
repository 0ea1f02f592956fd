//! A template that is read once, be it ahead of the request or for it.
//!
//! Reading a long template takes several times as long as rendering it.

use std::cell::RefCell;

use minijinja::{Environment, Error};

use crate::environment::{adapted, reader};

/// The name of the one template of an environment.
pub(crate) const NAME: &str = "chat";

/// A template that was read, with the environment for rendering it.
pub(crate) struct Read {
    source: String,
    pub(crate) env: Environment<'static>,
}

thread_local! {
    static READY: RefCell<Option<Read>> = const { RefCell::new(None) };
}

impl Read {
    /// Reads a template; `guarded` where the texts of the request hold guards.
    fn new(source: &str, guarded: bool) -> Result<Self, Error> {
        let mut env = reader();
        env.add_template_owned(NAME, adapted(source, guarded).into_owned())?;
        Ok(Self { source: source.to_owned(), env })
    }

    /// Takes what was read ahead where it is of this template, else reads it now.
    pub(crate) fn of(source: &str, guarded: bool) -> Result<Self, Error> {
        let fits = |read: &Read| {
            read.source == source && (!guarded || adapted(source, true) == adapted(source, false))
        };
        match READY.take().filter(fits) {
            Some(read) => Ok(read),
            None => Self::new(source, guarded),
        }
    }

    /// Leaves it to the instance, whose memory goes as a whole: taking it apart piece by piece
    /// would take a part of the time in which it was read.
    pub(crate) fn leave(self) {
        if cfg!(target_arch = "wasm32") {
            READY.set(Some(self));
        }
    }
}

/// Reads a template ahead; one that is wrong is read again for the request, which gets the error.
pub(crate) fn prepare(source: &str) {
    READY.set(Read::new(source, false).ok());
}
