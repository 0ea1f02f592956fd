//! Everything that a subcommand prints.
//!
//! Writing can fail: the reader of a pipe may be gone. That error travels up like any other, and
//! `problem` ends the process quietly for it.

use std::io::{self, Write};

/// Prints a line to standard output.
pub(crate) fn line(text: impl AsRef<str>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", text.as_ref())
}

/// Prints text to standard output as it is, at once.
pub(crate) fn text(text: impl AsRef<str>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_ref().as_bytes())?;
    out.flush()
}

/// Prints a line to standard error.
pub(crate) fn note(text: impl AsRef<str>) -> io::Result<()> {
    let mut out = io::stderr().lock();
    writeln!(out, "{}", text.as_ref())
}

/// Prints text to standard error as it is.
pub(crate) fn aside(text: impl AsRef<str>) -> io::Result<()> {
    let mut out = io::stderr().lock();
    out.write_all(text.as_ref().as_bytes())
}
