//! What could run: the readers and validators of model files, and the cards made from them.
//!
//! Language models come as GGUF; whisper models and voice activity detectors as ggml files.
//!
//! Model files come from strangers, and the engines that load them are written in C++. So every
//! file is read here first: counts, sizes, types, offsets, shapes, the network's numbers and the
//! vocabulary are checked, with limits, before an engine sees the path. A refused file is told
//! apart by what it is (a legacy model, a web page, half a download), and the message names the
//! field, its value, and the limit or the remedy.
//!
//! ```no_run
//! let file = catalog::inspect("models/tiny.gguf".as_ref())?;
//! let card = file.card("tiny", None, &[]);
//! println!("{} of {} parameters", card.architecture, file.parameters());
//! # Ok::<(), catalog::CatalogError>(())
//! ```

mod adapter;
mod error;
mod foreign;
mod ggml;
mod header;
mod limits;
mod metadata;
mod model_file;
mod names;
mod network;
mod source;
mod tensor;
mod value;
mod vocabulary;

use std::{
    fs::File,
    io::{Read as _, Seek as _},
    path::Path,
};

pub use adapter::AdapterFile;
pub use error::{CatalogError, Problem};
pub use ggml::VadFile;
pub use model_file::ModelFile;
use model_file::Weights;

/// Opens a model file, reads its header and validates it.
///
/// Takes GGUF files and whisper models, which it tells apart by their content.
pub fn inspect(path: &Path) -> Result<ModelFile, CatalogError> {
    read(path, |mut file, bytes| {
        let mut start = Vec::new();
        (&mut file).take(foreign::SAMPLE).read_to_end(&mut start)?;
        file.rewind()?;
        if ggml::is_whisper(&start) {
            ModelFile::parse_ggml(file, bytes)
        } else {
            ModelFile::read_with(file, bytes, Weights::Needed)
        }
    })
}

/// The engine that runs a file, by the file's beginning alone: `llama` or `whisper`.
///
/// A file that cannot be read, or is of no known format, counts as `llama`'s; [`inspect`] says what
/// is wrong with it.
pub fn engine_for(path: &Path) -> &'static str {
    let is_file = std::fs::metadata(path).is_ok_and(|found| found.is_file());
    let mut start = Vec::new();
    let read =
        is_file && File::open(path).is_ok_and(|file| file.take(12).read_to_end(&mut start).is_ok());
    if read && ggml::is_whisper(&start) { "whisper" } else { "llama" }
}

/// Opens a voice activity detector and validates it.
pub fn inspect_vad(path: &Path) -> Result<VadFile, CatalogError> {
    read(path, VadFile::parse)
}

/// As [`inspect`], but a file that holds a vocabulary alone is welcome; for tools and tests.
pub fn inspect_vocabulary(path: &Path) -> Result<ModelFile, CatalogError> {
    read(path, |file, bytes| ModelFile::read_with(file, bytes, Weights::Optional))
}

/// Opens a LoRA adapter and validates it.
pub fn inspect_adapter(path: &Path) -> Result<AdapterFile, CatalogError> {
    read(path, AdapterFile::read)
}

fn read<T>(
    path: &Path,
    parse: impl FnOnce(File, u64) -> Result<T, Problem>,
) -> Result<T, CatalogError> {
    let open = || {
        // Asked before opening, since opening a pipe would wait for its other end.
        let kind = std::fs::metadata(path)?.file_type();
        if kind.is_dir() {
            return Err(Problem::NotAFile { found: "a folder" });
        }
        if !kind.is_file() {
            return Err(Problem::NotAFile { found: "no regular file" });
        }
        let file = File::open(path)?;
        let bytes = file.metadata()?.len();
        Ok((file, bytes))
    };
    let parsed = open().and_then(|(file, bytes)| parse(file, bytes));
    let result = parsed.map_err(|problem| CatalogError::new(path, problem));
    match &result {
        Ok(_) => tracing::debug!(file = %path.display(), "model file is valid"),
        Err(error) => tracing::debug!(%error, "model file is refused"),
    }
    result
}
