//! A template that is read once, be it ahead of the request or for it.
//!
//! Reading a long template takes several times as long as rendering it.

use std::cell::RefCell;

use minijinja::Error;

use crate::environment::Template;

/// A template and the source that it was read from.
pub(crate) struct Read {
    source: String,
    pub(crate) template: Template,
}

thread_local! {
    static READY: RefCell<Option<Read>> = const { RefCell::new(None) };
}

impl Read {
    fn new(source: &str) -> Result<Self, Error> {
        Ok(Self { source: source.to_owned(), template: Template::read(source)? })
    }

    /// Takes what was read ahead where it is of this template, else reads it now.
    pub(crate) fn of(source: &str) -> Result<Self, Error> {
        match READY.take().filter(|read| read.source == source) {
            Some(read) => Ok(read),
            None => Self::new(source),
        }
    }

    /// Leaves it to the instance, whose memory goes as a whole: taking it apart piece by piece
    /// would take a part of the time in which it was read.
    pub(crate) fn leave(self) {
        READY.set(Some(self));
    }
}

/// Reads a template ahead; one that is wrong is read again for the request, which gets the error.
pub(crate) fn prepare(source: &str) {
    READY.set(Read::new(source).ok());
}
