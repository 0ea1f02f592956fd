//! The reader and validator, from outside: valid files, every refusal, and hostile bytes.

#![cfg(test)]

mod adapters;
mod cards;
mod properties;
mod real_files;
mod refusals;
mod whisper;
mod writer;

use std::path::Path;

use catalog::{CatalogError, ModelFile};

/// Inspects bytes as if they were a file.
fn inspect(bytes: &[u8]) -> Result<ModelFile, CatalogError> {
    ModelFile::read(bytes, bytes.len() as u64, Path::new("case.gguf"))
}

#[track_caller]
fn check_message(result: Result<ModelFile, CatalogError>, expect: &str) {
    let message = result.expect_err("the file must be refused").to_string();
    assert!(message.starts_with("`case.gguf`: "), "`{message}` does not name the file");
    assert!(message.contains(expect), "`{message}` lacks `{expect}`");
}
