//! Making the sampler follow a grammar.
//!
//! Everything goes through llguidance: schemas, expressions, Lark grammars, and GBNF by way of
//! [`gbnf`]. Grammars are compiled in the [`Workshop`] beside the decoding thread and kept; a
//! sequence follows one through its [`Guide`], whose work the [`Follower`] does, also beside it.

mod compiler;
mod follower;
mod gbnf;
mod guide;
mod trial;
mod workshop;

pub(crate) use compiler::{Compiled, Compiler, check};
pub(crate) use follower::{Follower, STEP_LIMIT, Step, Stepped};
pub(crate) use guide::{Guide, Progress};
pub(crate) use trial::{START, Trials};
pub use trial::{trials_of, try_constraints};
pub(crate) use workshop::Workshop;

/// A limit that a grammar exceeds.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{given} {what}, but the limit is {limit}; simplify the grammar")]
pub(crate) struct LimitExceeded {
    pub(crate) what: &'static str,
    pub(crate) given: usize,
    pub(crate) limit: usize,
}
