//! From tokens to words, by OpenAI's rules.

use std::ops::RangeInclusive;

use plugin_sdk::transcript::Characters;
use plugin_sdk::{DecodedToken, Word};

/// Punctuation that belongs to the word after it.
const PREPENDED: &str = "\"'“¿([{-";
/// Punctuation that belongs to the word before it.
const APPENDED: &str = "\"'.。,，!！?？:：”)]}、";
/// Python's `string.punctuation`: a piece that occurs in it is a word of its own at first.
const PUNCTUATION: &str = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

/// Splits a segment's tokens into words.
///
/// Words begin at spaces, and in languages without them with each token that ends a character.
/// Punctuation joins the word that it belongs to, but says nothing about its time.
pub(crate) fn words(
    tokens: &[DecodedToken],
    unspaced: bool,
    bounds: RangeInclusive<u32>,
) -> Vec<Word> {
    let mut words: Vec<Raw> = Vec::new();
    for piece in pieces(tokens) {
        let punctuation = PUNCTUATION.contains(piece.text.trim());
        match words.last_mut() {
            Some(word) if !(unspaced || punctuation || piece.text.starts_with(' ')) => {
                word.extend(&piece);
            }
            _ => words.push(piece),
        }
    }
    let words = append(prepend(words));
    let mut earliest = *bounds.start();
    let word = |raw: Raw| {
        let start_ms = raw.start_ms.clamp(earliest, *bounds.end());
        let end_ms = raw.end_ms.clamp(start_ms, *bounds.end());
        earliest = start_ms;
        let probability = raw.probability();
        Word { text: raw.text.trim().to_owned(), start_ms, end_ms, probability }
    };
    words.into_iter().filter(|raw| !raw.text.trim().is_empty()).map(word).collect()
}

/// A word in the making.
#[derive(Clone, Debug)]
struct Raw {
    text: String,
    start_ms: u32,
    end_ms: u32,
    /// The sum of the tokens' probabilities, and their number.
    sum: f32,
    count: f32,
}

impl Raw {
    fn extend(&mut self, other: &Self) {
        self.text.push_str(&other.text);
        self.end_ms = other.end_ms;
        self.sum += other.sum;
        self.count += other.count;
    }

    fn probability(&self) -> f32 {
        let mean = self.sum / self.count.max(1.0);
        if mean.is_finite() { mean.clamp(0.0, 1.0) } else { 0.0 }
    }
}

/// The least runs of tokens that are whole characters.
fn pieces(tokens: &[DecodedToken]) -> Vec<Raw> {
    let mut pieces: Vec<Raw> = Vec::new();
    let mut characters = Characters::default();
    let mut open: Option<Raw> = None;
    for token in tokens.iter().filter(|token| !token.bytes.is_empty()) {
        let text = characters.push(&token.bytes);
        let DecodedToken { probability, start_ms, end_ms, .. } = *token;
        let own = Raw { text, start_ms, end_ms, sum: probability, count: 1.0 };
        let mut piece = match open.take() {
            Some(mut piece) => {
                piece.extend(&own);
                piece
            }
            None => own,
        };
        if characters.is_open() {
            open = Some(piece);
        } else {
            piece.end_ms = end_ms;
            pieces.push(piece);
        }
    }
    if let Some(mut piece) = open {
        piece.text.push_str(characters.finish());
        pieces.push(piece);
    }
    pieces
}

/// Joins opening punctuation with the word after it.
fn prepend(words: Vec<Raw>) -> Vec<Raw> {
    let mut joined: Vec<Raw> = Vec::new();
    let mut before: Option<Raw> = None;
    for mut word in words {
        let opens = word.text.starts_with(' ') && PREPENDED.contains(word.text.trim());
        if let Some(before) = before.take() {
            word.text.insert_str(0, &before.text);
        }
        if opens {
            before = Some(word);
        } else {
            joined.push(word);
        }
    }
    joined.extend(before);
    joined
}

/// Joins closing punctuation with the word before it.
fn append(words: Vec<Raw>) -> Vec<Raw> {
    let mut joined: Vec<Raw> = Vec::new();
    for word in words {
        match joined.last_mut() {
            Some(last) if !last.text.ends_with(' ') && APPENDED.contains(&word.text) => {
                last.text.push_str(&word.text);
            }
            _ => joined.push(word),
        }
    }
    joined
}
