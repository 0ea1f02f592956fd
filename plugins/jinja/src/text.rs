//! Texts in which some characters are a client's.
//!
//! What a template searches, cuts and changes is the text without twins; what comes out of it has
//! each character from where it came.

use std::borrow::Cow;

use crate::twins::Twins;

/// A text, and which of its characters a client sent.
pub(crate) struct Text<'a> {
    /// The text without twins.
    pub(crate) bare: Cow<'a, str>,
    twins: &'a Twins,
    /// Where the characters begin to be a client's, or the template's, in bytes of the bare text.
    runs: Vec<(usize, bool)>,
}

impl<'a> Text<'a> {
    /// Takes the twins out of a text.
    pub(crate) fn of(text: &'a str, twins: &'a Twins) -> Self {
        if !twins.any(text) {
            return Self { bare: Cow::Borrowed(text), twins, runs: Vec::new() };
        }
        let mut bare = String::with_capacity(text.len());
        let mut runs: Vec<(usize, bool)> = Vec::new();
        for c in text.chars() {
            let original = twins.original(c);
            // What no token has is nobody's.
            let client = if original.is_some() || twins.twin(c).is_some() {
                Some(original.is_some())
            } else {
                None
            };
            if let Some(client) = client
                && runs.last().is_none_or(|last| last.1 != client)
            {
                runs.push((if runs.is_empty() { 0 } else { bare.len() }, client));
            }
            bare.push(original.unwrap_or(c));
        }
        Self { bare: Cow::Owned(bare), twins, runs }
    }

    /// The text from `start` to `end`, in bytes of the bare text.
    pub(crate) fn cut(&self, start: usize, end: usize) -> String {
        let mut out = String::new();
        self.copy(start, end, &mut out);
        out
    }

    /// As [`Text::cut`], onto `out`.
    pub(crate) fn copy(&self, start: usize, end: usize, out: &mut String) {
        for (piece, client) in self.pieces(start, end) {
            if client {
                self.twins.write_client(piece, out);
            } else {
                out.push_str(piece);
            }
        }
    }

    /// The pieces from `start` to `end`, and whether they are a client's.
    fn pieces(&self, start: usize, end: usize) -> impl Iterator<Item = (&str, bool)> {
        let runs = if self.runs.is_empty() { [(0, false)].as_slice() } else { &self.runs };
        let ends = runs.iter().skip(1).map(|run| run.0).chain([self.bare.len()]);
        runs.iter().zip(ends).filter_map(move |(&(from, client), to)| {
            let (from, to) = (from.max(start), to.min(end));
            (from < to).then(|| (self.bare.get(from..to).unwrap_or_default(), client))
        })
    }

    /// The text changed, character by character as far as whose they are is concerned.
    ///
    /// Few characters that no token has become ones of tokens, such as the long s in capitals.
    /// Whose those were is not known, so they are a client's.
    pub(crate) fn map(&self, change: impl Fn(&str) -> String) -> String {
        let mut out = String::with_capacity(self.bare.len());
        let whole = change(&self.bare);
        if whole.chars().count() != self.bare.chars().count() {
            for (piece, client) in self.pieces(0, self.bare.len()) {
                let changed = change(piece);
                if client || !piece.is_ascii() {
                    self.twins.write_client(&changed, &mut out);
                } else {
                    out.push_str(&changed);
                }
            }
            return out;
        }
        // What a character becomes may depend on those before it, as in titles.
        let mut changed = whole.chars();
        for (piece, client) in self.pieces(0, self.bare.len()) {
            for (before, after) in piece.chars().zip(&mut changed) {
                let own = !client && self.twins.twin(before).is_some();
                out.push(if own { after } else { self.twins.twin(after).unwrap_or(after) });
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::rc::Rc;

    use plugin_sdk::ControlToken;

    use super::*;
    use crate::twins::Alphabet;

    #[test]
    fn characters_keep_whose_they_are() {
        let tokens = [ControlToken { text: "<abs>".into(), id: 0 }];
        let twins = Twins::of(Rc::new(Alphabet::of(&tokens)), &BTreeSet::new()).unwrap();
        let mixed = format!("<a {} b>", twins.client("<b> x"));
        let text = Text::of(&mixed, &twins);
        assert_eq!(text.bare, "<a <b> x b>");
        assert_eq!(text.cut(0, text.bare.len()), mixed);
        assert_eq!(text.cut(1, 5), format!("a {}", twins.client("<b")));
        assert_eq!(text.cut(4, 11), format!("{} b>", twins.client("b> x")));
        assert_eq!(text.map(str::to_uppercase), format!("<A {} B>", twins.client("<B> X")));
        let plain = Text::of("abc", &twins);
        assert_eq!(plain.cut(1, 2), "b");
        let long = Text::of("\u{17f}", &twins);
        assert_eq!(long.map(str::to_uppercase), twins.client("S"));
    }
}
