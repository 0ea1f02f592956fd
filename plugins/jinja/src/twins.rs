//! Telling what clients sent from what a template writes.
//!
//! Templates write special tokens as text, and so may users. Before a template sees a text that a
//! client sent, every character of it that some special token has becomes its *twin*: a private
//! character that stands for it and that no token has. Whatever the template then does with the
//! text, be it cut apart, turned round, formatted or joined with words of its own, each character
//! says for itself whose it is. After rendering, a special token is one only if it has no twin in
//! it, and every twin becomes its character again, so that the text is exactly as it would have
//! been.
//!
//! A twin is one character for one, so lengths and places are as they were. What looks at
//! characters rather than moving them, such as comparing, searching, sorting or changing case,
//! sees through twins: see [`crate::text`] and [`crate::alike`].

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;

use plugin_sdk::{ControlToken, Error};

/// Where twins may lie, and how many have room there: private characters of Unicode.
const ROOMS: [(u32, u32); 3] = [(0xe000, 0x1000), (0xf_0000, 0xfffe), (0x10_0000, 0xfffe)];
/// The first bytes of these characters.
const LEADS: [u8; 3] = [0xee, 0xf3, 0xf4];
/// The first twins are those of ASCII, each at its own place.
const ASCII: u32 = 128;

/// The characters that special tokens have.
#[derive(Debug)]
pub(crate) struct Alphabet {
    ascii: [bool; ASCII as usize],
    /// Those beyond ASCII, ascending.
    more: Vec<char>,
}

impl Alphabet {
    /// Of these tokens; one of nothing but whitespace is text to a template.
    pub(crate) fn of(tokens: &[ControlToken]) -> Self {
        let mut found = Self { ascii: [false; ASCII as usize], more: Vec::new() };
        for token in tokens.iter().filter(|token| !token.text.trim().is_empty()) {
            if token.text.is_ascii() {
                token.text.bytes().for_each(|byte| found.add_ascii(byte));
            } else {
                token.text.chars().for_each(|c| found.add(c));
            }
        }
        found.more.sort_unstable();
        found.more.dedup();
        // A template may change the case of what a user typed.
        for upper in b'A'..=b'Z' {
            let lower = upper.to_ascii_lowercase();
            if found.has_ascii(upper) || found.has_ascii(lower) {
                found.add_ascii(upper);
                found.add_ascii(lower);
            }
        }
        found
    }

    fn add(&mut self, c: char) {
        match u8::try_from(c) {
            Ok(byte) if byte.is_ascii() => self.add_ascii(byte),
            _ => self.more.push(c),
        }
    }

    fn add_ascii(&mut self, byte: u8) {
        if let Some(entry) = self.ascii.get_mut(usize::from(byte)) {
            *entry = true;
        }
    }

    fn has_ascii(&self, byte: u8) -> bool {
        self.ascii.get(usize::from(byte)).copied().unwrap_or_default()
    }

    /// The place of a character among the twins.
    fn place(&self, c: char) -> Option<u32> {
        let code = u32::from(c);
        if code < ASCII {
            return self.ascii.get(code as usize)?.then_some(code);
        }
        let place = self.more.binary_search(&c).ok()?;
        Some(ASCII + u32::try_from(place).ok()?)
    }

    /// The character of a place.
    fn character(&self, place: u32) -> Option<char> {
        if place < ASCII {
            let known = *self.ascii.get(place as usize)?;
            return char::from_u32(place).filter(|_| known);
        }
        self.more.get((place - ASCII) as usize).copied()
    }

    fn count(&self) -> u32 {
        ASCII.saturating_add(u32::try_from(self.more.len()).unwrap_or(u32::MAX))
    }
}

/// The twins of an alphabet.
#[derive(Clone, Debug)]
pub(crate) struct Twins {
    alphabet: Rc<Alphabet>,
    first: u32,
    lead: u8,
    spaces: bool,
}

thread_local! {
    /// The twins of the render that goes on, for what a template calls.
    static CURRENT: RefCell<Option<Rc<Twins>>> = const { RefCell::new(None) };
}

/// The twins of the render that goes on.
pub(crate) fn current() -> Rc<Twins> {
    CURRENT.with_borrow(Option::clone).unwrap_or_else(|| Rc::new(Twins::none()))
}

impl Twins {
    /// No character has one.
    fn none() -> Self {
        let alphabet = Alphabet { ascii: [false; ASCII as usize], more: Vec::new() };
        Self { alphabet: Rc::new(alphabet), first: 0xe000, lead: 0xee, spaces: false }
    }

    /// The twins of an alphabet, which are none of the characters that are `taken`.
    pub(crate) fn of(alphabet: Rc<Alphabet>, taken: &BTreeSet<char>) -> Result<Self, Error> {
        let count = alphabet.count();
        let first = ROOMS
            .iter()
            .flat_map(|&(from, room)| (0..room / count).map(move |index| from + index * count))
            .find(|first| {
                let range = char::from_u32(*first).zip(char::from_u32(first + count - 1));
                range.is_some_and(|(first, last)| taken.range(first..=last).next().is_none())
            });
        let lead = |first| char::from_u32(first).map(lead_of);
        let Some((first, lead)) = first.and_then(|first| Some((first, lead(first)?))) else {
            return Err(Error::InvalidRequest(
                "the conversation has so many of Unicode's private characters that none are left \
                 to tell it from the model's chat template; leave some of them out"
                    .to_owned(),
            ));
        };
        let mut known = (0..count).filter_map(|place| alphabet.character(place));
        let spaces = known.any(char::is_whitespace);
        Ok(Self { alphabet, first, lead, spaces })
    }

    /// Has the functions of templates use these twins.
    pub(crate) fn use_now(self: &Rc<Self>) {
        CURRENT.set(Some(self.clone()));
    }

    /// The same alphabet's, with none of these characters among them.
    pub(crate) fn without(&self, taken: &BTreeSet<char>) -> Result<Self, Error> {
        Self::of(self.alphabet.clone(), taken)
    }

    /// Whether a character is one of these twins, or would be taken for one.
    pub(crate) fn covers(&self, c: char) -> bool {
        u32::from(c).checked_sub(self.first).is_some_and(|place| place < self.alphabet.count())
    }

    /// Whether some whitespace has a twin.
    pub(crate) fn spaces(&self) -> bool {
        self.spaces
    }

    /// The twin of a character.
    pub(crate) fn twin(&self, c: char) -> Option<char> {
        char::from_u32(self.first + self.alphabet.place(c)?)
    }

    /// The character that a twin stands for.
    pub(crate) fn original(&self, c: char) -> Option<char> {
        self.alphabet.character(u32::from(c).checked_sub(self.first)?)
    }

    /// The character itself, or the one that a twin stands for.
    pub(crate) fn plain(&self, c: char) -> char {
        self.original(c).unwrap_or(c)
    }

    /// Whether a text may have twins.
    pub(crate) fn any(&self, text: &str) -> bool {
        text.as_bytes().contains(&self.lead)
    }

    /// A text as a client's.
    pub(crate) fn client(&self, text: &str) -> String {
        let mut out = String::with_capacity(3 * text.len());
        self.write_client(text, &mut out);
        out
    }

    /// As [`Twins::client`], onto `out`.
    pub(crate) fn write_client(&self, text: &str, out: &mut String) {
        out.reserve(3 * text.len());
        for c in text.chars() {
            out.push(self.twin(c).unwrap_or(c));
        }
    }

    /// A text without twins, as it is told to anybody.
    pub(crate) fn bare<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if !self.any(text) {
            return Cow::Borrowed(text);
        }
        let mut out = String::with_capacity(text.len());
        out.extend(text.chars().map(|c| self.plain(c)));
        Cow::Owned(out)
    }
}

/// The first byte of a character.
fn lead_of(c: char) -> u8 {
    c.encode_utf8(&mut [0; 4]).bytes().next().unwrap_or_default()
}

/// The private characters of a text, which cannot be twins.
pub(crate) fn private(text: &str, taken: &mut BTreeSet<char>) {
    if text.bytes().any(|byte| LEADS.contains(&byte)) {
        let room =
            |c: char| ROOMS.iter().any(|&(from, room)| (from..from + room).contains(&u32::from(c)));
        taken.extend(text.chars().filter(|c| room(*c)));
    }
}

/// Makes clients' texts of texts, and remembers what they hold.
pub(crate) struct Clients {
    twins: Rc<Twins>,
    taken: RefCell<BTreeSet<char>>,
    clash: Cell<bool>,
}

impl Clients {
    /// With these twins; no text may have one of the characters that are `taken`.
    pub(crate) fn new(twins: Rc<Twins>) -> Self {
        Self { twins, taken: RefCell::default(), clash: Cell::new(false) }
    }

    /// Writes a text that a client sent.
    pub(crate) fn write(&self, text: &str, out: &mut String) {
        if text.bytes().any(|byte| LEADS.contains(&byte)) {
            private(text, &mut self.taken.borrow_mut());
            if text.chars().any(|c| self.twins.covers(c)) {
                self.clash.set(true);
            }
        }
        self.twins.write_client(text, out);
    }

    /// Other twins, where some text had one of these in it.
    pub(crate) fn others(&self, taken: &BTreeSet<char>) -> Option<Result<Twins, Error>> {
        self.clash.get().then(|| {
            let all = self.taken.borrow().union(taken).copied().collect();
            self.twins.without(&all)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn twins(texts: &[&str], taken: &str) -> Twins {
        let tokens: Vec<_> =
            texts.iter().map(|text| ControlToken { text: (*text).into(), id: 0 }).collect();
        let taken = taken.chars().collect();
        Twins::of(Rc::new(Alphabet::of(&tokens)), &taken).unwrap()
    }

    #[test]
    fn there_and_back() {
        let twins = twins(&["<s>", "<｜a｜>", "\n\n"], "");
        for text in ["", "<s>", "A<S>xyz\n", "｜é<｜", "日本"] {
            let client = twins.client(text);
            assert_eq!(twins.bare(&client), text);
            assert_eq!(client.chars().count(), text.chars().count());
            assert!(!client.contains(['<', 's', '>', '｜', 'a', 'S', 'A']), "{client}");
        }
        assert_eq!(twins.client("xyz \n日本"), "xyz \n日本");
        assert!(!twins.spaces());
    }

    #[test]
    fn others_where_they_are_taken() {
        let first = twins(&["<s>"], "");
        assert!(first.covers('\u{e000}'));
        let second = twins(&["<s>"], "\u{e000}");
        assert!(!second.covers('\u{e000}'));
        let every: String = ('\u{e000}'..='\u{efff}').collect();
        let third = twins(&["<s>"], &every);
        assert_eq!(third.bare(&third.client("<s>")), "<s>");
        assert!(third.covers('\u{f0000}'));
    }
}
