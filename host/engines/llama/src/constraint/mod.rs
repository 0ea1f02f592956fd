//! Making the sampler follow a grammar.
//!
//! Everything goes through llguidance: schemas, expressions, Lark grammars, and GBNF by way of
//! [`gbnf`]. Grammars are compiled off the decoding thread and kept; a sequence follows one
//! through its [`Guide`], whose work the [`Follower`] does beside the decoding thread.

mod compiler;
mod follower;
mod gbnf;
mod guide;

pub(crate) use compiler::{Compiled, Compiler};
pub(crate) use follower::{Follower, Step, Stepped};
pub(crate) use guide::{Guide, Progress};

/// A limit that a grammar exceeds.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{given} {what}, but the limit is {limit}; simplify the grammar")]
pub(crate) struct LimitExceeded {
    pub(crate) what: &'static str,
    pub(crate) given: usize,
    pub(crate) limit: usize,
}
