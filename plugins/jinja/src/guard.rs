//! Keeping what clients send from becoming special tokens.
//!
//! Templates write special tokens as text, and so may users. Before a template sees a text that a
//! client sent, a guard (a private character that occurs nowhere in the request) is put in front of
//! every place where a special token could begin with a character of that text:
//!
//! - at every sign, such as `<`, that some token begins with, whatever follows: templates take
//!   pieces out of texts, and what is left may spell a token;
//! - where the text spells one that begins with a letter, in whatever case, for templates that change it;
//! - where the text ends inside one, for templates that put two texts together;
//! - where the text would complete what the template has begun, as in `'<|' + name + '|>'`.
//!
//! After rendering, what follows a guard is text, and the guards are gone: the prompt reads exactly
//! as if there had been none. See [`crate::dressed`] for templates that look into texts.

use std::cell::{Cell, RefCell};

use plugin_sdk::Error;

use crate::tokens::Tokens;

/// The first byte of all characters that can be guards, U+E000 to U+EFFF.
const PRIVATE: u8 = 0xee;
/// The first of them, and their number.
const FIRST: u32 = 0xe000;
const COUNT: usize = 0x1000;

/// Puts guards into texts.
pub(crate) struct Guard<'a> {
    tokens: &'a Tokens<'a>,
    /// What the template writes right before an expression and a token begins with.
    frames: Vec<&'a str>,
    template: &'a str,
    sign: char,
    placed: Cell<bool>,
    /// The private characters that texts hold themselves.
    taken: RefCell<Vec<bool>>,
}

impl<'a> Guard<'a> {
    /// For a template and the special tokens that it can write.
    pub(crate) fn new(tokens: &'a Tokens<'a>, template: &'a str) -> Self {
        Self {
            frames: frames(tokens, template),
            tokens,
            template,
            sign: '\u{e000}',
            placed: Cell::new(false),
            taken: RefCell::default(),
        }
    }

    /// The guard; `None` where texts hold every character that could be one.
    pub(crate) fn sign(&self) -> Option<char> {
        (!self.clashes()).then_some(self.sign)
    }

    /// Whether a guard was put into some text.
    pub(crate) fn placed(&self) -> bool {
        self.placed.get()
    }

    /// Whether a text seen so far holds the guard itself, so that another has to be taken.
    pub(crate) fn clashes(&self) -> bool {
        let first = (u32::from(self.sign) - FIRST) as usize;
        self.taken.borrow().get(first).copied().unwrap_or_default()
    }

    /// Takes a guard that occurs in no text seen so far.
    pub(crate) fn another(&mut self) -> Result<(), Error> {
        let taken = self.taken.borrow();
        let free = (0..COUNT).find(|index| !taken.get(*index).copied().unwrap_or_default());
        let free = free.and_then(|index| char::from_u32(FIRST + u32::try_from(index).ok()?));
        drop(taken);
        match free {
            Some(sign) => self.sign = sign,
            None if self.placed.get() => {
                return Err(Error::InvalidRequest(
                    "the conversation spells special tokens and has every character from U+E000 \
                     to U+EFFF; leave one of these characters out"
                        .to_owned(),
                ));
            }
            None => {}
        }
        Ok(())
    }

    /// The text with guards, or `None` where it needs none.
    pub(crate) fn dress(&self, text: &str) -> Option<String> {
        let bytes = text.as_bytes();
        // A template may cut the whitespace off.
        let end = text.trim_end().len();
        let mut marks = Vec::new();
        if !self.frames.is_empty() {
            let start = text.trim_start();
            if self.completes(start.trim_end(), start) {
                marks.push(text.len() - start.len());
            }
        }
        for (at, byte) in bytes.iter().enumerate() {
            if self.tokens.begins(*byte) {
                let rest = bytes.get(at..).unwrap_or_default();
                let trimmed = bytes.get(at..end).unwrap_or_default();
                let touches = |rest: &[u8]| !rest.is_empty() && self.tokens.touches(rest);
                // Whatever a template takes out of the text behind it, a sign that tokens begin
                // with stays a client's. Letters are too many, and only where they spell one.
                let sign = !byte.is_ascii_alphanumeric() && !byte.is_ascii_whitespace();
                if sign || touches(rest) || (trimmed.len() < rest.len() && touches(trimmed)) {
                    marks.push(at);
                }
            } else if *byte == PRIVATE {
                self.take(text.get(at..));
            }
        }
        if marks.is_empty() {
            return None;
        }
        self.placed.set(true);
        let mut out = String::with_capacity(text.len() + 3 * marks.len());
        let mut from = 0;
        for at in marks {
            out.push_str(text.get(from..at).unwrap_or_default());
            out.push(self.sign);
            from = at;
        }
        out.push_str(text.get(from..).unwrap_or_default());
        Some(out)
    }

    /// Remembers a private character of a text.
    fn take(&self, text: Option<&str>) {
        let private = text.and_then(|text| text.chars().next()).map(u32::from);
        let index = private.and_then(|private| private.checked_sub(FIRST)).unwrap_or_default();
        let mut taken = self.taken.borrow_mut();
        taken.resize(COUNT, false);
        if let Some(entry) = taken.get_mut(index as usize) {
            *entry = true;
        }
    }

    /// Whether a text completes a token that the template begins right before an expression.
    fn completes(&self, whole: &str, start: &str) -> bool {
        let begins = |text: &str, with: &str| {
            let (text, with) = (text.as_bytes(), with.as_bytes());
            text.get(..with.len()).is_some_and(|text| text.eq_ignore_ascii_case(with))
        };
        self.frames.iter().flat_map(|frame| self.tokens.rests(frame.as_bytes())).any(|rest| {
            if begins(start, rest) {
                return true;
            }
            // The text would be the middle; the template then also writes the end after it.
            !whole.is_empty()
                && begins(rest, whole)
                && rest.get(whole.len()..).is_some_and(|end| goes_on_with(self.template, end))
                && !mentions(self.template, whole)
        })
    }
}

/// The ends of an expression, before which a frame may stand.
const OPEN: [&str; 4] = ["'", "\"", "{{", "{%"];
const CLOSE: [&str; 4] = ["'", "\"", "}}", "%}"];

/// What a template writes right before an expression and some token begins with.
fn frames<'a>(tokens: &Tokens<'_>, template: &'a str) -> Vec<&'a str> {
    let bytes = template.as_bytes();
    let mut frames: Vec<&str> = Vec::new();
    for at in (0..bytes.len()).filter(|at| bytes.get(*at).is_some_and(|byte| tokens.begins(*byte)))
    {
        let reach = bytes.len().min(at + tokens.longest());
        let rest = bytes.get(at..reach).unwrap_or_default();
        let Some(count) = rest.iter().position(|byte| matches!(byte, b'\'' | b'"' | b'{')) else {
            continue;
        };
        let Some(frame) = template.get(at..at + count) else { continue };
        let before_expression =
            template.get(at + count..).is_some_and(|text| OPEN.iter().any(|d| text.starts_with(d)));
        let begins = |frame: &str| tokens.rests(frame.as_bytes()).any(|rest| !rest.is_empty());
        if before_expression && count > 0 && !frames.contains(&frame) && begins(frame) {
            frames.push(frame);
        }
    }
    frames
}

/// Whether a template looks a word up or compares with it, as with `type` or `function`.
///
/// Guarded, it would not find it; and a token of words that the template has is the template's.
fn mentions(template: &str, word: &str) -> bool {
    template.match_indices(word).any(|(at, _)| {
        let before = template.get(..at).unwrap_or_default();
        let after = template.get(at + word.len()..).unwrap_or_default();
        ["'", "\""].iter().any(|quote| before.ends_with(quote) && after.starts_with(quote))
            || (before.ends_with('.')
                && !after.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
    })
}

/// Whether a template writes `end` right after an expression.
fn goes_on_with(template: &str, end: &str) -> bool {
    template.match_indices(end).any(|(at, _)| {
        let before = template.get(..at).unwrap_or_default();
        CLOSE.iter().any(|delimiter| before.ends_with(delimiter))
    })
}
