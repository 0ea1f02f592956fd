//! What could run: the reader and validator of GGUF headers, and the cards made from them.
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

use std::{fs::File, path::Path};

pub use adapter::AdapterFile;
pub use error::{CatalogError, Problem};
pub use model_file::ModelFile;
use model_file::Weights;

/// Opens a model file, reads its header and validates it.
pub fn inspect(path: &Path) -> Result<ModelFile, CatalogError> {
    read(path, |file, bytes| ModelFile::read_with(file, bytes, Weights::Needed))
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
