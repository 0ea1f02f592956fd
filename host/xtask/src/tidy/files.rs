//! Rules for single files: size, a first line that says what the file is for, banned words.

use super::{Finding, TextFile};

/// Lines at which one asks whether a file is two things.
const LONG: usize = 400;
/// Lines that no hand-written file has.
const TOO_LONG: usize = 800;

/// Findings, and notes that are no findings.
pub(super) fn check(files: &[TextFile]) -> (Vec<Finding>, Vec<Finding>) {
    let mut findings = Vec::new();
    let mut notes = Vec::new();
    for file in files {
        findings.extend(banned_words(file));
        if !file.is_rust() {
            continue;
        }
        findings.extend(missing_doc(file));
        match file.text.lines().count() {
            lines if lines > TOO_LONG => {
                let message =
                    format!("{lines} lines, at most {TOO_LONG}: it is more than one noun");
                findings.push(Finding::new(&file.path, 0, message));
            }
            lines if lines > LONG => {
                let message = format!("{lines} lines: is it two things?");
                notes.push(Finding::new(&file.path, 0, message));
            }
            _ => {}
        }
    }
    (findings, notes)
}

/// A file begins by saying what it is for.
fn missing_doc(file: &TextFile) -> Option<Finding> {
    let first = file.text.lines().find(|line| !line.trim().is_empty() && !line.starts_with("#!["));
    let documented = first.is_some_and(|line| line.starts_with("//!"));
    (!documented)
        .then(|| Finding::new(&file.path, 1, "begin with `//!` and say what the file is for"))
}

/// Words that no file has, each with the reason. Written in halves, so that this file passes.
const BANNED: [(&str, &str); 4] = [
    (concat!("FIX", "ME"), "mend it, or open an issue"),
    (concat!("XX", "X:"), "mend it, or open an issue"),
    (concat!("/wo", "rk/"), "absolute paths exist on one machine"),
    (concat!("/ro", "ot/"), "absolute paths exist on one machine"),
];

fn banned_words(file: &TextFile) -> Vec<Finding> {
    const UNDONE: &str = concat!("TO", "DO");
    let mut findings = Vec::new();
    for (number, line) in (1..).zip(file.text.lines()) {
        for (word, reason) in BANNED {
            if line.contains(word) {
                findings.push(Finding::new(&file.path, number, format!("`{word}`: {reason}")));
            }
        }
        if has_word(line, UNDONE) && !line.contains(concat!("TO", "DO(")) {
            let message = format!("`{UNDONE}` without an owner: write `{UNDONE}(name)`, or do it");
            findings.push(Finding::new(&file.path, number, message));
        }
    }
    findings
}

/// Whether a word stands alone in a line.
fn has_word(line: &str, word: &str) -> bool {
    line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|part| part == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_one(path: &str, text: &str, expect: &[&str]) {
        let file = TextFile { path: path.to_owned(), text: text.to_owned() };
        let (findings, _) = check(&[file]);
        let given: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert_eq!(given.len(), expect.len(), "{given:?}");
        for (given, part) in given.iter().zip(expect) {
            assert!(given.contains(part), "`{given}` lacks `{part}`");
        }
    }

    #[test]
    fn first_lines() {
        check_one("a.rs", "//! Numbers.\n", &[]);
        check_one("a.rs", "#![cfg(test)]\n\n//! Numbers.\n", &[]);
        check_one("a.rs", "use std::fs;\n", &["a.rs:1: begin with"]);
        check_one("a.rs", "", &["begin with"]);
        check_one("a.toml", "a = 1", &[]);
    }

    #[test]
    fn sizes() {
        let text = |lines: usize| "//! Long.\n".to_owned() + &"\n".repeat(lines - 1);
        check_one("a.rs", &text(800), &[]);
        check_one("a.rs", &text(801), &["a.rs: 801 lines, at most 800"]);
        let note = check(&[TextFile { path: "a.rs".into(), text: text(401) }]).1;
        assert_eq!(note.len(), 1);
    }

    #[test]
    fn words() {
        let undone = concat!("TO", "DO");
        check_one("a.md", &format!("\n{undone}: later"), &["a.md:2: `TO"]);
        check_one("a.md", &format!("{undone}(ann): later"), &[]);
        check_one("a.md", &format!("There are no {undone}s."), &[]);
        check_one("a.md", concat!("see /wo", "rk/main"), &["absolute paths"]);
        check_one("a.md", concat!("FIX", "ME"), &["mend it"]);
    }
}
