//! Why a worker is gone, for the operator and for clients.

use std::fmt;

use crate::explain;

/// Why a worker is gone, or why a model cannot run.
///
/// Its [`Display`](fmt::Display) is for the operator and may quote logs and name folders;
/// [`brief`](Self::brief) is for clients and does neither.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cause {
    full: String,
    brief: String,
}

impl Cause {
    /// A cause in both forms.
    pub fn new(full: impl Into<String>, brief: impl Into<String>) -> Self {
        Self { full: full.into(), brief: brief.into() }
    }

    /// A cause as an engine or the system words it; the brief form is made of it.
    ///
    /// Whatever an engine quotes of its libraries stands after `says:`, which ends the brief form.
    pub fn told(full: impl Into<String>) -> Self {
        let full = full.into();
        let mut brief = without_folders(without_quotation(&full));
        if brief.len() < full.len()
            && let Some(advice) = explain::advice(&full)
            && !brief.contains(advice)
        {
            brief.push_str(" (");
            brief.push_str(advice);
            brief.push(')');
        }
        Self { full, brief }
    }

    /// What clients may read: no lines of a log, and of a path the last name alone.
    pub fn brief(&self) -> &str {
        &self.brief
    }

    /// The cause with more behind both forms.
    #[must_use]
    pub(crate) fn and(mut self, more: &str) -> Self {
        self.full.push_str(more);
        self.brief.push_str(more);
        self
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.full)
    }
}

/// What stands before the first `: NAME says:`.
fn without_quotation(text: &str) -> &str {
    let Some((head, _)) = text.split_once(" says: ") else { return text };
    head.rsplit_once([':', ';']).map_or(head, |(before, _)| before)
}

/// The text with every path cut to its last name: quoted ones, and absolute ones without quotes.
fn without_folders(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (index, part) in text.split('`').enumerate() {
        if index > 0 {
            out.push('`');
        }
        if index % 2 == 1 {
            out.push_str(last_name(part));
            continue;
        }
        for word in part.split_inclusive(char::is_whitespace) {
            match absolute(word).and_then(|start| word.split_at_checked(start)) {
                Some((before, path)) => {
                    out.push_str(before);
                    out.push_str(last_name(path));
                }
                None => out.push_str(word),
            }
        }
    }
    out
}

/// Where an absolute path begins in a word.
fn absolute(word: &str) -> Option<usize> {
    let start = word.find('/')?;
    let before = word.get(..start)?.chars().next_back();
    before.is_none_or(|before| "'\"([{<=,;".contains(before)).then_some(start)
}

/// What stands after the last slash; a slash that ends the text is no separator.
fn last_name(path: &str) -> &str {
    let end = path.trim_end_matches(|c: char| c == '/' || c.is_whitespace()).len();
    let start = path.get(..end).and_then(|path| path.rfind('/')).map_or(0, |slash| slash + 1);
    path.get(start..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(full: &str, brief: &str) {
        let cause = Cause::told(full);
        assert_eq!(cause.to_string(), full);
        assert_eq!(cause.brief(), brief);
    }

    #[test]
    fn clients_see_names_without_folders() {
        check("`/srv/my models/tiny.gguf` is cut short", "`tiny.gguf` is cut short");
        check("`models/tiny.gguf` is cut short", "`tiny.gguf` is cut short");
        check("cannot bind (/run/a/0-0): in use", "cannot bind (0-0): in use");
        check("open '/srv/a.gguf', then /srv/b.gguf end", "open 'a.gguf', then b.gguf end");
        check("`block_count` is 0", "`block_count` is 0");
        check("3 tokens/s and and/or", "3 tokens/s and and/or");
        check("`/`", "`/`");
        check("", "");
    }

    #[test]
    fn clients_see_no_quotation_of_a_log() {
        check("no context can be made: llama.cpp says: n_ctx /x; y", "no context can be made");
        check(
            "no context can be made: llama.cpp says: cudaMalloc failed: out of memory",
            &format!(
                "no context can be made ({})",
                explain::advice("out of memory").unwrap_or_default()
            ),
        );
    }
}
