//! A template that is read once, be it ahead of the request or for it.
//!
//! Reading a long template takes several times as long as rendering it.

use std::cell::RefCell;
use std::ptr;

use minijinja::Error;

use crate::environment::Template;

/// A template that was read.
pub(crate) struct Read {
    /// What it was read from, where that was ahead of the request.
    source: Option<&'static str>,
    pub(crate) template: Template,
}

thread_local! {
    static READY: RefCell<Option<Read>> = const { RefCell::new(None) };
}

impl Read {
    /// Takes what was read ahead where it is of this template, else reads it now.
    pub(crate) fn of(source: &str) -> Result<Self, Error> {
        // Told by its place: to compare a long template takes a part of the time of filling it in.
        let same = |read: &Self| read.source.is_some_and(|ahead| ptr::eq(ahead, source));
        match READY.take().filter(same) {
            Some(read) => Ok(read),
            None => Ok(Self { source: None, template: Template::read(source)? }),
        }
    }

    /// Leaves it to the instance, whose memory goes as a whole: taking it apart piece by piece
    /// would take a part of the time in which it was read.
    pub(crate) fn leave(self) {
        READY.set(Some(self));
    }
}

/// Reads a template ahead; one that is wrong is read again for the request, which gets the error.
pub(crate) fn prepare(source: &'static str) {
    let read = Template::read(source).map(|template| Read { source: Some(source), template });
    READY.set(read.ok());
}
