//! Text with guards in it.
//!
//! A guard is a private character in front of a character that a client sent and that must not
//! begin a special token. Templates look into texts and cut them, as if there were no guards: every
//! operation works on the bare text, and the guards go with the characters that they stand before.

use std::borrow::Cow;
use std::sync::Arc;

/// What the methods of texts know of guards.
#[derive(Clone)]
pub(crate) struct Guards {
    /// The private character.
    pub(crate) sign: Option<char>,
    /// The special tokens, for templates that take texts apart and put them together again.
    pub(crate) tokens: Arc<[String]>,
}

impl Guards {
    /// Whether a special token could reach from the end of `left` into what follows it.
    pub(crate) fn reach_over(&self, left: &str, right: &str) -> bool {
        let (left, right) = (left.as_bytes(), right.as_bytes());
        self.tokens.iter().map(String::as_bytes).any(|token| {
            (1..token.len().min(left.len() + 1)).any(|count| {
                let (start, end) = token.split_at(count);
                let end = end.get(..end.len().min(right.len())).unwrap_or_default();
                left.get(left.len() - count..).is_some_and(|tail| tail.eq_ignore_ascii_case(start))
                    && right.get(..end.len()).is_some_and(|head| head.eq_ignore_ascii_case(end))
            })
        })
    }
}

/// A text and its guards.
pub(crate) struct Dressed<'a> {
    /// The text without guards.
    pub(crate) bare: Cow<'a, str>,
    /// The places in the bare text that a guard stands before, ascending.
    marks: Vec<usize>,
    guard: Option<char>,
}

impl<'a> Dressed<'a> {
    /// Takes the guards off a text.
    pub(crate) fn of(text: &'a str, guard: Option<char>) -> Self {
        let Some(sign) = guard.filter(|sign| text.contains(*sign)) else {
            return Self { bare: Cow::Borrowed(text), marks: Vec::new(), guard };
        };
        let mut bare = String::with_capacity(text.len());
        let mut marks = Vec::new();
        for piece in text.split(sign) {
            bare.push_str(piece);
            marks.push(bare.len());
        }
        marks.pop();
        Self { bare: Cow::Owned(bare), marks, guard }
    }

    /// The text from `start` to `end`, in bytes of the bare text, with its guards.
    pub(crate) fn cut(&self, start: usize, end: usize) -> String {
        let mut out = String::new();
        self.copy(start, end, &mut out);
        out
    }

    /// As [`Dressed::cut`], onto `out`.
    pub(crate) fn copy(&self, start: usize, end: usize, out: &mut String) {
        let mut from = start;
        for &mark in self.marks.iter().filter(|mark| (start..end).contains(*mark)) {
            out.push_str(self.bare.get(from..mark).unwrap_or_default());
            out.extend(self.guard);
            from = mark;
        }
        out.push_str(self.bare.get(from..end).unwrap_or_default());
    }

    /// The text mapped by `change`, its guards at their places where the length stays the same.
    pub(crate) fn map(&self, change: impl Fn(&str) -> String) -> String {
        let changed = change(&self.bare);
        if self.marks.is_empty() || changed.len() != self.bare.len() {
            return if self.marks.is_empty() { changed } else { self.map_pieces(&change) };
        }
        Self { bare: Cow::Owned(changed), marks: self.marks.clone(), guard: self.guard }.whole()
    }

    fn whole(&self) -> String {
        self.cut(0, self.bare.len())
    }

    fn map_pieces(&self, change: &impl Fn(&str) -> String) -> String {
        let mut out = String::new();
        let mut from = 0;
        for &mark in &self.marks {
            out.push_str(&change(self.bare.get(from..mark).unwrap_or_default()));
            out.extend(self.guard);
            from = mark;
        }
        out.push_str(&change(self.bare.get(from..).unwrap_or_default()));
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guards_go_with_their_characters() {
        let text = Dressed::of("aG<b>cG<d>", Some('G'));
        assert_eq!(text.bare, "a<b>c<d>");
        assert_eq!(text.cut(0, 8), "aG<b>cG<d>");
        assert_eq!(text.cut(0, 1), "a");
        assert_eq!(text.cut(1, 5), "G<b>c");
        assert_eq!(text.map(str::to_uppercase), "AG<B>CG<D>");
        assert_eq!(Dressed::of("ßG<", Some('G')).map(|text| text.replace('ß', "SSS")), "SSSG<");
        assert_eq!(Dressed::of("abc", None).cut(1, 2), "b");
    }
}
