//! Files beside what they must give: `invalid/*.toml` an error, `valid/*.toml` settings.
//!
//! `BLESS=1` writes the expectations anew.

use std::path::{Path, PathBuf};

/// The cases of a folder, by path relative to the crate, so that messages are alike everywhere.
fn cases(folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut cases: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    cases.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    cases.sort();
    cases
}

/// Compares, and returns what differs; or writes the file where asked to.
fn compare(path: &Path, given: &str) -> Option<String> {
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, given).unwrap();
        return None;
    }
    let expected = std::fs::read_to_string(path).unwrap_or_default();
    (expected != given).then(|| {
        format!("--- {} (BLESS=1 writes it)\n{expected}\n+++ given\n{given}", path.display())
    })
}

#[test]
fn invalid_files() {
    let mut differences = Vec::new();
    let cases = cases("tests/invalid");
    assert!(cases.len() >= 20, "{}", cases.len());
    for case in cases {
        let text = std::fs::read_to_string(&case).unwrap();
        let error = match config::from_str(&text, &case) {
            Ok(_) => panic!("{} is accepted", case.display()),
            Err(error) => error.to_string() + "\n",
        };
        differences.extend(compare(&case.with_extension("err"), &error));
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn valid_files() {
    let mut differences = Vec::new();
    for case in cases("tests/valid") {
        let text = std::fs::read_to_string(&case).unwrap();
        let settings = config::from_str(&text, &case).unwrap_or_else(|error| panic!("{error}"));
        let settings = format!("{settings:#?}\n");
        differences.extend(compare(&case.with_extension("settings"), &settings));
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
