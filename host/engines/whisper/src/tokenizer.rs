//! Plain text to tokens, for prompts.
//!
//! This is byte-pair encoding as the models were trained with: a token's id is its rank, and the
//! pair whose union has the lowest rank is joined first. whisper.cpp's own tokenizer takes the
//! longest match instead, knows ASCII letters only, and its regular expressions overflow the stack
//! on a long word.

use std::collections::HashMap;

/// Bytes of a word that are looked at together; no token is nearly as long.
const LONGEST_WORD: usize = 256;

/// The tokens that are text.
#[derive(Debug)]
pub(crate) struct Tokenizer {
    ranks: HashMap<Vec<u8>, u32>,
}

impl Tokenizer {
    /// A tokenizer of the texts of the tokens from 0 on.
    pub(crate) fn new(texts: impl Iterator<Item = Vec<u8>>) -> Self {
        let mut ranks = HashMap::new();
        for (id, text) in (0..).zip(texts) {
            if !text.is_empty() {
                ranks.entry(text).or_insert(id);
            }
        }
        Self { ranks }
    }

    /// The last `most` tokens of a text; bytes that no token stands for are left out.
    pub(crate) fn tail(&self, text: &str, most: usize) -> Vec<u32> {
        // A token has some bytes, so the beginning of a long text cannot matter.
        let start = text.len().saturating_sub(most.saturating_mul(LONGEST_WORD / 4));
        let start = (start..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let mut tokens = Vec::new();
        for word in words(text.get(start..).unwrap_or_default()) {
            for part in word.as_bytes().chunks(LONGEST_WORD) {
                self.encode(part, &mut tokens);
            }
        }
        let first = tokens.len().saturating_sub(most);
        tokens.split_off(first)
    }

    fn encode(&self, word: &[u8], into: &mut Vec<u32>) {
        if let Some(id) = self.ranks.get(word) {
            into.push(*id);
            return;
        }
        // Where each part begins, and the end.
        let mut bounds: Vec<usize> = (0..=word.len()).collect();
        let rank = |from: Option<&usize>, to: Option<&usize>| {
            word.get(*from?..*to?).and_then(|part| self.ranks.get(part)).copied()
        };
        loop {
            let pairs = 0..bounds.len().saturating_sub(2);
            let best =
                pairs.filter_map(|at| Some((rank(bounds.get(at), bounds.get(at + 2))?, at))).min();
            let Some((_, at)) = best else { break };
            bounds.remove(at + 1);
        }
        let parts = bounds.windows(2).filter_map(|pair| rank(pair.first(), pair.last()));
        into.extend(parts);
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Letter,
    Number,
    Space,
    Other,
}

fn kind(character: char) -> Kind {
    if character.is_alphabetic() {
        Kind::Letter
    } else if character.is_numeric() {
        Kind::Number
    } else if character.is_whitespace() {
        Kind::Space
    } else {
        Kind::Other
    }
}

/// Splits a text as GPT-2's pattern does:
/// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (word, after) = rest.split_at(first_word(rest));
        words.push(word);
        rest = after;
    }
    words
}

/// The length of the first word of a text that is not empty.
fn first_word(text: &str) -> usize {
    const ENDINGS: [&str; 7] = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"];
    if let Some(ending) = ENDINGS.iter().find(|ending| text.starts_with(**ending)) {
        return ending.len();
    }
    let run = |from: &str, of: Kind| -> usize {
        from.chars().take_while(|c| kind(*c) == of).map(char::len_utf8).sum()
    };
    let space = usize::from(text.starts_with(' '));
    let body = text.get(space..).unwrap_or_default();
    match body.chars().next().map(kind) {
        Some(of @ (Kind::Letter | Kind::Number | Kind::Other)) => return space + run(body, of),
        Some(Kind::Space) | None => {}
    }
    // White space keeps its last character for the word behind it.
    let spaces = run(text, Kind::Space);
    let last = text.get(..spaces).and_then(|all| all.chars().next_back()).map_or(0, char::len_utf8);
    if spaces == text.len() || spaces == last { spaces.max(1) } else { spaces - last }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, expect: &[&str]) {
        assert_eq!(words(text).as_slice(), expect);
    }

    #[test]
    fn texts_are_split_as_gpt2_does() {
        check("", &[]);
        check("Hello world", &["Hello", " world"]);
        check("it's we'll 'tis", &["it", "'s", " we", "'ll", " '", "tis"]);
        check("a  b   c", &["a", " ", " b", "  ", " c"]);
        check("a \n\nb ", &["a", " \n", "\n", "b", " "]);
        check("route 66!? ok", &["route", " 66", "!?", " ok"]);
        check("été 你好，世界", &["été", " 你好", "，", "世界"]);
        check("   ", &["   "]);
    }

    fn tokenizer() -> Tokenizer {
        let bytes = (0..=255_u8).map(|byte| vec![byte]);
        let merged =
            ["he", "ll", "hell", " w", "or", "ld", " wor"].map(|text| text.as_bytes().to_vec());
        Tokenizer::new(bytes.chain(merged))
    }

    #[test]
    fn pairs_of_low_rank_are_joined_first() {
        let found = tokenizer().tail("hello world", 99);
        assert_eq!(found, [258, 111, 262, 261]);
        assert_eq!(tokenizer().tail("hello world", 2), [262, 261]);
        assert!(tokenizer().tail("hello world", 0).is_empty());
    }

    proptest! {
        #[test]
        fn words_are_the_whole_text(text in "\\PC{0,40}[ \\n\\t'a1,]{0,10}\\PC{0,10}") {
            prop_assert_eq!(words(&text).concat(), text);
        }

        #[test]
        fn tokens_are_the_end_of_the_text(text in "[a-z é你]{0,60}", most in 0_usize..20) {
            let tokenizer = tokenizer();
            let texts: HashMap<u32, Vec<u8>> =
                tokenizer.ranks.iter().map(|(text, id)| (*id, text.clone())).collect();
            let tokens = tokenizer.tail(&text, most);
            prop_assert!(tokens.len() <= most);
            let bytes: Vec<u8> = tokens.iter().flat_map(|id| texts[id].clone()).collect();
            prop_assert!(text.as_bytes().ends_with(&bytes));
        }
    }
}
