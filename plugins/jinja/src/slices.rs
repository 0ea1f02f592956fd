//! Slices of texts that hold guards.
//!
//! The engine's slices count a guard as a character, and may begin behind it. Where a conversation
//! needed guards, `text[a:b]` therefore becomes a call of a method that knows them.

/// The name of the method.
pub(crate) const SLICE: &str = "__slice";

/// A template whose slices are calls.
pub(crate) fn with_slices(source: &str) -> String {
    let mut out = String::with_capacity(source.len() + 64);
    let mut rest = source;
    while let Some(at) = rest.find("{%").into_iter().chain(rest.find("{{")).min() {
        let (before, tag) = rest.split_at_checked(at + 2).unwrap_or((rest, ""));
        out.push_str(before);
        let end = tag_end(tag);
        expression(tag.get(..end).unwrap_or_default(), &mut out);
        rest = tag.get(end..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// Where a tag ends.
fn tag_end(tag: &str) -> usize {
    let mut quotes = Quotes::default();
    let mut previous = '\0';
    for (at, c) in tag.char_indices() {
        if !quotes.inside(c) && c == '}' && matches!(previous, '}' | '%') {
            return at - 1;
        }
        previous = c;
    }
    tag.len()
}

/// Whether a character is a part of a quoted text.
#[derive(Default)]
struct Quotes {
    open: Option<char>,
    escaped: bool,
}

impl Quotes {
    fn inside(&mut self, c: char) -> bool {
        match self.open {
            Some(_) if self.escaped => self.escaped = false,
            Some(_) if c == '\\' => self.escaped = true,
            Some(open) => {
                if open == c {
                    self.open = None;
                }
            }
            None if matches!(c, '\'' | '"') => self.open = Some(c),
            None => return false,
        }
        true
    }
}

/// Writes an expression with calls for its slices.
fn expression(text: &str, out: &mut String) {
    let mut quotes = Quotes::default();
    let mut previous = ' ';
    let mut skip = 0;
    for (at, c) in text.char_indices() {
        if at < skip {
            continue;
        }
        let subscript = !quotes.inside(c)
            && c == '['
            && (previous.is_alphanumeric() || matches!(previous, '_' | ')' | ']' | '\'' | '"'));
        let inner = text.get(at + 1..).filter(|_| subscript).and_then(subscript_of);
        match inner {
            Some((inner, bounds)) if bounds.len() > 1 => {
                out.extend([".", SLICE, "("]);
                for (index, bound) in bounds.iter().enumerate() {
                    out.push_str(if index > 0 { ", " } else { "" });
                    let bound = bound.trim();
                    expression(if bound.is_empty() { "none" } else { bound }, out);
                }
                out.push(')');
                skip = at + inner.len() + 2;
                previous = ')';
            }
            _ => {
                out.push(c);
                previous = c;
            }
        }
    }
}

/// The text up to the closing bracket, and its pieces between colons.
fn subscript_of(text: &str) -> Option<(&str, Vec<&str>)> {
    let mut quotes = Quotes::default();
    let (mut depth, mut from) = (0_usize, 0);
    let mut bounds = Vec::new();
    for (at, c) in text.char_indices() {
        if quotes.inside(c) {
            continue;
        }
        match c {
            ']' if depth == 0 => {
                bounds.push(text.get(from..at)?);
                return Some((text.get(..at)?, bounds));
            }
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.checked_sub(1)?,
            ':' if depth == 0 => {
                bounds.push(text.get(from..at)?);
                from = at + 1;
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &str, expect: &str) {
        assert_eq!(with_slices(source), expect);
    }

    #[test]
    fn slices_are_calls() {
        check("{{ a[1:] }}", "{{ a.__slice(1, none) }}");
        check("{{ a.b['c'][:-1] | d }}", "{{ a.b['c'].__slice(none, -1) | d }}");
        check("{% for x in m[::-1] %}a[1:]", "{% for x in m.__slice(none, none, -1) %}a[1:]");
        check("{{ a[b[1:]:c[0]].d() }}", "{{ a.__slice(b.__slice(1, none), c[0]).d() }}");
        check("{{ a['x:y'] ~ 'b[1:]' ~ [{'a': 1}] }}", "{{ a['x:y'] ~ 'b[1:]' ~ [{'a': 1}] }}");
        check("{{ a[1: ", "{{ a[1: ");
    }
}
