//! Test data that lies beside the repository, where it does.

use std::path::Path;
use std::{env, fs};

use serde_json::Value;

/// Reads a JSON file of the folder `shared/data` beside the repository; the path is below it.
///
/// Without the folder the answer is `None`, and a printed line says what was skipped.
/// The crate is two folders below the repository's root.
pub fn shared(path: &str) -> Option<Value> {
    let root = env::var("CARGO_MANIFEST_DIR").expect("cargo sets it in tests");
    let file = Path::new(&root).join("../../../shared/data").join(path);
    let Ok(text) = fs::read_to_string(&file) else {
        eprintln!("skipped: there is no {path} in ../shared/data beside the repository");
        return None;
    };
    let value = serde_json::from_str(&text);
    Some(value.unwrap_or_else(|error| panic!("{}: {error}", file.display())))
}
