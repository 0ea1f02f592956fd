//! Rust source with its comments, attributes and tests blanked out, line by line.
//!
//! Not a parser: it knows as much of the language as keeps a word in a comment from being taken for
//! code.

/// What is left of a source, with as many lines as it had.
pub(super) fn code(source: &str) -> String {
    let mut cutter = Cutter { rest: source, out: String::with_capacity(source.len()) };
    while !cutter.rest.is_empty() {
        cutter.item();
    }
    cutter.out
}

struct Cutter<'a> {
    rest: &'a str,
    out: String,
}

impl Cutter<'_> {
    /// Takes the next piece: one that is blanked out, a literal, or a character.
    fn item(&mut self) {
        if let Some(length) = comment(self.rest) {
            self.blank(length);
        } else if let Some(length) = attribute(self.rest) {
            let is_test = self.rest.get(..length).is_some_and(|text| text.contains("cfg(test)"));
            self.blank(length);
            if is_test {
                self.blank(test_item(self.rest));
            }
        } else {
            self.keep(literal(self.rest).unwrap_or_else(|| character(self.rest)));
        }
    }

    fn keep(&mut self, length: usize) {
        let (taken, rest) = self.rest.split_at(length.min(self.rest.len()));
        self.out.push_str(taken);
        self.rest = rest;
    }

    fn blank(&mut self, length: usize) {
        let (taken, rest) = self.rest.split_at(length.min(self.rest.len()));
        self.out.extend(taken.chars().filter(|&c| c == '\n'));
        self.rest = rest;
    }
}

fn character(text: &str) -> usize {
    text.chars().next().map_or(0, char::len_utf8)
}

fn comment(text: &str) -> Option<usize> {
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    if text.starts_with("/*") {
        return Some(text.find("*/").map_or(text.len(), |end| end + 2));
    }
    None
}

/// A string, raw string or character; lifetimes are no literals.
fn literal(text: &str) -> Option<usize> {
    let plain = text.strip_prefix('b').unwrap_or(text);
    let prefix = text.len() - plain.len();
    if let Some(raw) = plain.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        let body = raw.get(hashes..)?.strip_prefix('"')?;
        let end = format!("\"{}", "#".repeat(hashes));
        let length = body.find(&end).map_or(body.len(), |at| at + end.len());
        return Some(prefix + 1 + hashes + 1 + length);
    }
    if let Some(body) = plain.strip_prefix('"') {
        return Some(prefix + 1 + quoted(body, '"'));
    }
    let body = plain.strip_prefix('\'')?;
    let is_character = body.starts_with('\\') || body.chars().nth(1) == Some('\'');
    is_character.then(|| prefix + 1 + quoted(body, '\''))
}

/// The length of a literal's body, its end mark with it.
fn quoted(body: &str, end: char) -> usize {
    let mut escaped = false;
    for (at, c) in body.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == end => return at + c.len_utf8(),
            _ => {}
        }
    }
    body.len()
}

fn attribute(text: &str) -> Option<usize> {
    let start = ["#[", "#!["].into_iter().find(|start| text.starts_with(start))?;
    Some(balanced(text, start.len() - 1, '[', ']'))
}

/// The length of the item behind `#[cfg(test)]`: to its semicolon, or to its closing brace.
fn test_item(text: &str) -> usize {
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let skipped = comment(rest).or_else(|| attribute(rest)).or_else(|| literal(rest));
        match (skipped, rest.chars().next()) {
            (Some(length), _) => at += length,
            (None, Some(';')) => return at + 1,
            (None, Some('{')) => return balanced(text, at, '{', '}'),
            _ => at += character(rest),
        }
    }
    text.len()
}

/// The end of what opens at `at`, past comments and literals.
fn balanced(text: &str, mut at: usize, open: char, close: char) -> usize {
    let mut depth = 0_usize;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if let Some(length) = comment(rest).or_else(|| literal(rest)) {
            at += length;
            continue;
        }
        let c = rest.chars().next().unwrap_or(close);
        at += c.len_utf8();
        if c == open {
            depth += 1;
        } else if c == close {
            depth = depth.saturating_sub(1);
            if depth == 0 {
                return at;
            }
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &str, expect: &str) {
        assert_eq!(code(source), expect);
    }

    #[test]
    fn comments_attributes_and_tests_are_blanked_out() {
        check("a // b\nc", "a \nc");
        check("//! doc\n/* x\ny */a", "\n\na");
        check("#[derive(A)]\nstruct B;", "\nstruct B;");
        check("#[x = \"]\"] a", " a");
        check("#[cfg(test)]\nmod tests {\n fn a() { \"}\" }\n}\nb", "\n\n\n\nb");
        check("#[cfg(test)]\nmod tests;\nb", "\n\nb");
        check("\"// no comment\" 'a' '\\'' x", "\"// no comment\" 'a' '\\'' x");
        check("r#\"a \" // b\"# // c", "r#\"a \" // b\"# ");
        check("fn a<'a>(x: &'a str) {} // b", "fn a<'a>(x: &'a str) {} ");
        check("b\"#[\" // é", "b\"#[\" ");
    }

    #[test]
    fn unfinished_text_ends() {
        for text in ["\"abc", "r##\"a\"#", "/* a", "#[a", "'\\", "#[cfg(test)] mod a { \"", "é"] {
            code(text);
        }
    }
}
