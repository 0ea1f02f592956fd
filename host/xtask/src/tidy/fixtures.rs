//! Every fixture plugin is used by a test: one that nothing loads is a rule that nothing keeps.

use std::collections::BTreeSet;

use super::{Finding, TextFile};

const FOLDER: &str = "tests/fixtures/plugins/";

pub(super) fn check(files: &[TextFile]) -> Vec<Finding> {
    let names: BTreeSet<&str> = files
        .iter()
        .filter_map(|file| file.path.strip_prefix(FOLDER)?.strip_suffix("/Cargo.toml"))
        .filter(|name| !name.contains('/'))
        .collect();
    let is_test = |file: &&TextFile| {
        let path = file.path.as_str();
        file.is_rust() && path.contains("tests/") && !path.starts_with(FOLDER)
    };
    let tests: Vec<&TextFile> = files.iter().filter(is_test).collect();
    let unused = |name: &&str| {
        let spellings = [format!("\"{name}"), format!("\"{}", name.replace('-', "_"))];
        !tests.iter().any(|test| spellings.iter().any(|name| mentions(&test.text, name)))
    };
    let finding = |name| Finding::new(format!("{FOLDER}{name}"), 0, "no test uses this fixture");
    names.into_iter().filter(unused).map(finding).collect()
}

/// Whether a literal begins with a name: `"echo"` and `"echo.wasm"`, but not `"echo-next"`.
fn mentions(text: &str, start: &str) -> bool {
    text.match_indices(start).any(|(at, _)| {
        let after = text.get(at + start.len()..).and_then(|rest| rest.chars().next());
        matches!(after, Some('"' | '.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unused_fixtures_are_found() {
        let file = |path: &str, text: &str| TextFile { path: path.into(), text: text.into() };
        let files = [
            file("tests/fixtures/plugins/Cargo.toml", ""),
            file("tests/fixtures/plugins/echo/Cargo.toml", ""),
            file("tests/fixtures/plugins/echo-next/Cargo.toml", ""),
            file("tests/fixtures/plugins/mute/Cargo.toml", ""),
            file(
                "host/plugin-runtime/tests/it/a.rs",
                "host(&[\"echo_next\"]); load(\"mute.wasm\")",
            ),
        ];
        let found: Vec<String> = check(&files).into_iter().map(|finding| finding.path).collect();
        assert_eq!(found, ["tests/fixtures/plugins/echo"]);
    }
}
