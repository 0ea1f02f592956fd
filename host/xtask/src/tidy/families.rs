//! The host never matches on a family's name: what is particular to a family is in its plugin.

use super::{Finding, TextFile, source};

/// Names that only plugins know.
const FAMILIES: [&str; 5] = ["vicuna", "chatglm", "baichuan", "orca", "whisper"];

/// Paths that may name families, each with the reason.
const EXEMPT: [(&str, &str); 5] = [
    ("host/xtask/", "it builds the plugins"),
    ("host/demo/", "data, not code"),
    ("host/engines/whisper/", "an engine named after the library that it links"),
    ("host/catalog/", "file formats are named after the programs that define them"),
    ("host/cli/src/commands/serve/mapping.rs", "engines are named after the libraries they link"),
];

pub(super) fn check(files: &[TextFile]) -> Vec<Finding> {
    files
        .iter()
        .filter(|file| file.is_rust() && is_checked(&file.path))
        .flat_map(check_file)
        .collect()
}

fn is_checked(path: &str) -> bool {
    let source = path.starts_with("host/") && path.contains("/src/");
    let test = path.contains("/tests/") || path.ends_with("/tests.rs");
    source && !test && !EXEMPT.iter().any(|(start, _)| path.starts_with(start))
}

fn check_file(file: &TextFile) -> Vec<Finding> {
    if file.text.contains("#![cfg(test)]") {
        return Vec::new();
    }
    let code = source::code(&file.text);
    let mut findings = Vec::new();
    for (number, line) in (1..).zip(code.lines()) {
        let lower = line.to_ascii_lowercase();
        for family in FAMILIES.iter().filter(|family| has_name(&lower, family)) {
            let message = format!("the host does not know `{family}`: move this into its plugin");
            findings.push(Finding::new(&file.path, number, message));
        }
    }
    findings
}

/// Whether a name occurs, alone or as a part of an identifier, but not inside another word.
fn has_name(line: &str, name: &str) -> bool {
    line.match_indices(name).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        let after = line.get(at + name.len()..).and_then(|text| text.chars().next());
        let letter = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphabetic());
        !letter(before) && !letter(after)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_one(path: &str, text: &str, expect: usize) {
        let file = TextFile { path: path.to_owned(), text: text.to_owned() };
        assert_eq!(check(&[file]).len(), expect, "{text}");
    }

    #[test]
    fn names() {
        let path = "host/gateway/src/chat.rs";
        check_one(path, "if family == \"chatglm\" {}", 1);
        check_one(path, "fn is_Vicuna_v1() {}", 1);
        check_one(path, "name.starts_with(\"baichuan2-\")", 1);
        check_one(path, "// such as `vicuna`\n/// or chatglm", 0);
        check_one(path, "#[schema(example = \"vicuna-v1.5\")]", 0);
        check_one(path, "#[cfg(test)]\nmod tests { const A: &str = \"orca\"; }", 0);
        check_one(path, "let orcas = recorca();", 0);
        check_one("host/gateway/tests/chat.rs", "\"chatglm\"", 0);
        check_one("plugins/chatglm/src/lib.rs", "\"chatglm\"", 0);
        check_one("host/engines/whisper/src/main.rs", "whisper::run()", 0);
    }
}
