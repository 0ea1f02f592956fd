//! What a plugin wrote, made fit for one line of a log or a table.

/// Cuts `text` to `limit` characters and turns control characters into spaces.
///
/// A plugin can then neither forge a line of the log nor fill it with one.
pub(crate) fn one_line(text: &str, limit: usize) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    let mut line: String = text.trim().chars().take(limit).map(plain).collect();
    // A character takes at least a byte, so a text no longer than its line was not cut.
    if line.len() < text.trim().len() {
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[track_caller]
    fn check(text: &str, expect: &str) {
        assert_eq!(one_line(text, 4), expect);
    }

    #[test]
    fn lines() {
        check("", "");
        check("four", "four");
        check(" four\n", "four");
        check("five5", "five…");
        check("a\nb\u{1b}c", "a b …");
        check("äöüß", "äöüß");
        check("äöüßé", "äöüß…");
    }
}
