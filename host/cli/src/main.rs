//! The `host` binary: it serves models, and it is the command line for a host that serves.
//!
//! One file per subcommand lies under `commands`; each holds its arguments, its help and what it
//! does. `commands::serve` is the composition root, the only place that knows every layer.

mod arguments;
mod commands;
mod connect;
mod output;
mod problem;
mod table;

use std::process::ExitCode;

/// Gives the memory of large bodies back to the system once their requests have ended.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = arguments::parse();
    match commands::run(arguments) {
        Ok(code) => code,
        Err(error) => problem::report(&error),
    }
}
