//! The engine on real files: tiny ones that the tests write themselves, and trained ones where they
//! are there.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "tests may stop, and say what they skip; helpers are not seen as tests"
)]

mod load;
mod plans;
mod process;
mod session;
mod support;
mod trained;
