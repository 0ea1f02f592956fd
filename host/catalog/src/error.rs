//! Why a model file is refused.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

/// A model file that cannot be served, and why.
#[derive(Debug, thiserror::Error)]
#[error("`{}`: {problem}", file.display())]
pub struct CatalogError {
    file: PathBuf,
    #[source]
    problem: Problem,
}

impl CatalogError {
    pub(crate) fn new(file: &Path, problem: Problem) -> Self {
        Self { file: file.to_owned(), problem }
    }

    /// The file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// What is wrong with it.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }
}

/// What is wrong with a model file: the field, the value given, and the limit or the remedy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The operating system would not let us read.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    /// The path leads to something else than a file.
    #[error("is {found}: give the path of a GGUF file")]
    NotAFile {
        /// What is there.
        found: &'static str,
    },
    /// A file of another format.
    #[error("is no GGUF file but {found}: {remedy}")]
    Foreign {
        /// The format found.
        found: &'static str,
        /// What the operator can do.
        remedy: &'static str,
    },
    /// The file ends before what it announces.
    #[error(
        "is cut short: {field} needs {needs} bytes where {left} are left, so at least {} are missing; copy or download it again",
        needs.saturating_sub(*left)
    )]
    Truncated {
        /// What was being read.
        field: String,
        /// The bytes that it needs.
        needs: u64,
        /// The bytes that the file has left.
        left: u64,
    },
    /// A count or a size beyond its limit.
    #[error("{field} is {given}, the limit is {limit}")]
    TooLarge {
        /// The count or size.
        field: String,
        /// Its value.
        given: u64,
        /// The greatest value allowed.
        limit: u64,
    },
    /// A value that breaks a rule of the format or of the engine.
    #[error("{field} is {given}; it must be {expected}")]
    Wrong {
        /// The field.
        field: String,
        /// Its value.
        given: String,
        /// The rule.
        expected: String,
    },
    /// A field that is not there.
    #[error("{field} is missing: {remedy}")]
    Missing {
        /// The field.
        field: String,
        /// Why it is needed, or what to do.
        remedy: &'static str,
    },
    /// Two fields with one name.
    #[error("{field} occurs twice; names must be unique")]
    Duplicate {
        /// The field.
        field: String,
    },
    /// A valid file of a kind that is not served like this.
    #[error("{field} is {given}: {remedy}")]
    Unsupported {
        /// The field.
        field: String,
        /// Its value.
        given: String,
        /// What the operator can do.
        remedy: String,
    },
}

impl Problem {
    /// A broken rule.
    pub(crate) fn wrong(
        field: impl fmt::Display,
        given: impl fmt::Display,
        expected: impl fmt::Display,
    ) -> Self {
        Self::Wrong {
            field: field.to_string(),
            given: given.to_string(),
            expected: expected.to_string(),
        }
    }

    /// A kind of file that is not served.
    pub(crate) fn unsupported(
        field: impl fmt::Display,
        given: impl fmt::Display,
        remedy: impl Into<String>,
    ) -> Self {
        Self::Unsupported {
            field: field.to_string(),
            given: given.to_string(),
            remedy: remedy.into(),
        }
    }
}

/// The result of reading a part of a file.
pub(crate) type Result<T> = std::result::Result<T, Problem>;

/// Quotes text from a file for a message: cut to a printable size, control characters escaped.
pub(crate) fn quoted(bytes: &[u8]) -> String {
    const SHOWN: usize = 60;
    let text = String::from_utf8_lossy(bytes);
    let shown: String = text.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    let dots = if text.chars().nth(SHOWN).is_some() { "..." } else { "" };
    format!("`{shown}{dots}`")
}
