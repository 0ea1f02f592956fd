//! Finding the vocabulary's special tokens in a text.

use plugin_sdk::ControlToken;

/// The special tokens of a model, grouped so that a search costs little to prepare and to make.
///
/// A request meets a fresh instance, so the index is built for each render: one pass over the
/// tokens, which gathers neighbours with the same first eight bytes, as `<|reserved_...` are.
pub(crate) struct Tokens<'a> {
    known: Vec<&'a ControlToken>,
    groups: Vec<Group>,
    /// Which bytes some token begins with, in either case.
    firsts: [bool; 256],
    longest: usize,
}

struct Group {
    /// The first bytes in lower case, and which of the eight there are.
    prefix: u64,
    mask: u64,
    start: usize,
    end: usize,
}

impl<'a> Tokens<'a> {
    /// The tokens that a template can write; one of nothing but whitespace is text to it.
    pub(crate) fn of(tokens: &'a [ControlToken]) -> Self {
        let mut index =
            Self { known: Vec::new(), groups: Vec::new(), firsts: [false; 256], longest: 0 };
        for token in tokens.iter().filter(|token| !token.text.trim().is_empty()) {
            index.add(token);
        }
        index
    }

    fn add(&mut self, token: &'a ControlToken) {
        let bytes = token.text.as_bytes();
        let (prefix, mask) = (word(bytes), mask(bytes.len()));
        let end = self.known.len() + 1;
        match self.groups.last_mut() {
            Some(last) if last.prefix == prefix && last.mask == mask => last.end = end,
            _ => self.groups.push(Group { prefix, mask, start: end - 1, end }),
        }
        if let Some(first) = bytes.first() {
            for byte in [first.to_ascii_lowercase(), first.to_ascii_uppercase()] {
                if let Some(entry) = self.firsts.get_mut(usize::from(byte)) {
                    *entry = true;
                }
            }
        }
        self.longest = self.longest.max(bytes.len());
        self.known.push(token);
    }

    /// Whether some token begins with this byte, in either case.
    pub(crate) fn begins(&self, byte: u8) -> bool {
        self.firsts.get(usize::from(byte)).copied().unwrap_or_default()
    }

    /// The number of bytes of the longest token.
    pub(crate) fn longest(&self) -> usize {
        self.longest
    }

    /// The longest token that `text` begins with.
    pub(crate) fn at(&self, text: &[u8]) -> Option<&'a ControlToken> {
        let found = self.near(text, text.len()).filter(|token| text.starts_with(bytes(token)));
        found.max_by_key(|token| token.text.len())
    }

    /// Whether `text` begins with a token in either case, or is the beginning of one.
    ///
    /// A template may change the case of what a user typed.
    pub(crate) fn touches(&self, text: &[u8]) -> bool {
        self.near(text, text.len()).any(|token| {
            let count = token.text.len().min(text.len());
            same(bytes(token).get(..count), text.get(..count))
        })
    }

    /// What the tokens that begin with `start` go on with.
    pub(crate) fn rests(&self, start: &[u8]) -> impl Iterator<Item = &'a str> {
        let count = start.len();
        self.near(start, count)
            .filter(move |token| token.text.len() > count)
            .filter_map(move |token| token.text.split_at_checked(count).map(|(_, rest)| rest))
    }

    /// The tokens that agree with `text` in the first `count` or eight bytes.
    fn near(&self, text: &[u8], count: usize) -> impl Iterator<Item = &'a ControlToken> {
        let (word, known) = (word(text), mask(count));
        let near = move |group: &&Group| (group.prefix ^ word) & group.mask & known == 0;
        let tokens = |group: &Group| self.known.get(group.start..group.end).unwrap_or_default();
        self.groups.iter().filter(near).flat_map(tokens).copied()
    }
}

fn bytes(token: &ControlToken) -> &[u8] {
    token.text.as_bytes()
}

fn same(one: Option<&[u8]>, other: Option<&[u8]>) -> bool {
    one.zip(other).is_some_and(|(one, other)| one.eq_ignore_ascii_case(other))
}

/// The first eight bytes in lower case.
fn word(text: &[u8]) -> u64 {
    let mut word = [0; 8];
    for (to, from) in word.iter_mut().zip(text) {
        *to = from.to_ascii_lowercase();
    }
    u64::from_le_bytes(word)
}

/// The bytes of a word that a text of this length fills.
fn mask(len: usize) -> u64 {
    match len {
        0..8 => (1 << (8 * len)) - 1,
        _ => u64::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens() -> Vec<ControlToken> {
        let texts = ["<s>", "<|im_start|>", "<|im_end|>", "<|im_end|>!", "[INST]", "\n\n"];
        texts.iter().zip(0..).map(|(text, id)| ControlToken { text: (*text).into(), id }).collect()
    }

    #[test]
    fn finds_the_longest() {
        let all = tokens();
        let index = Tokens::of(&all);
        let at = |text: &str| index.at(text.as_bytes()).map(|token| token.text.clone());
        assert_eq!(at("<|im_end|>?"), Some("<|im_end|>".into()));
        assert_eq!(at("<|im_end|>!"), Some("<|im_end|>!".into()));
        assert_eq!(at("<|IM_END|>"), None);
        assert_eq!(at("<|im_"), None);
        assert_eq!(at("\n\n"), None);
        assert!(index.begins(b'<') && index.begins(b'[') && !index.begins(b'\n'));
    }

    #[test]
    fn finds_beginnings_and_look_alikes() {
        let all = tokens();
        let index = Tokens::of(&all);
        assert!(index.touches(b"<|im_"));
        assert!(index.touches(b"<"));
        assert!(index.touches(b"[inst] and more"));
        assert!(!index.touches(b"<|im and more"));
        assert_eq!(index.rests(b"<|im_e").collect::<Vec<_>>(), ["nd|>", "nd|>!"]);
    }
}
