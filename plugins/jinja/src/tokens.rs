//! Finding the vocabulary's special tokens in a text.

use plugin_sdk::ControlToken;

/// The special tokens of a model, grouped so that a search costs little to prepare and to make.
///
/// Building it is one pass over the tokens, which gathers neighbours with the same first eight
/// bytes, as `<|reserved_...` are.
pub(crate) struct Tokens<'a> {
    known: Vec<&'a ControlToken>,
    groups: Vec<Group>,
    /// Which bytes some token begins with.
    firsts: [bool; 256],
}

struct Group {
    /// The first bytes, and which of the eight there are.
    prefix: u64,
    mask: u64,
    start: usize,
    end: usize,
}

impl<'a> Tokens<'a> {
    /// The tokens that a template can write; one of nothing but whitespace is text to it.
    pub(crate) fn of(tokens: &'a [ControlToken]) -> Self {
        let mut index = Self { known: Vec::new(), groups: Vec::new(), firsts: [false; 256] };
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
        if let Some(entry) =
            bytes.first().and_then(|first| self.firsts.get_mut(usize::from(*first)))
        {
            *entry = true;
        }
        self.known.push(token);
    }

    /// Whether some token begins with this byte.
    pub(crate) fn begins(&self, byte: u8) -> bool {
        self.firsts.get(usize::from(byte)).copied().unwrap_or_default()
    }

    /// The longest token that `text` begins with.
    pub(crate) fn at(&self, text: &[u8]) -> Option<&'a ControlToken> {
        let found = self.near(text).filter(|token| text.starts_with(bytes(token)));
        found.max_by_key(|token| token.text.len())
    }

    /// The tokens that agree with `text` in the first eight bytes.
    fn near(&self, text: &[u8]) -> impl Iterator<Item = &'a ControlToken> {
        let (word, known) = (word(text), mask(text.len()));
        let near = move |group: &&Group| (group.prefix ^ word) & group.mask & known == 0;
        let tokens = |group: &Group| self.known.get(group.start..group.end).unwrap_or_default();
        self.groups.iter().filter(near).flat_map(tokens).copied()
    }
}

fn bytes(token: &ControlToken) -> &[u8] {
    token.text.as_bytes()
}

/// The first eight bytes.
fn word(text: &[u8]) -> u64 {
    let mut word = [0; 8];
    for (to, from) in word.iter_mut().zip(text) {
        *to = *from;
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
}
