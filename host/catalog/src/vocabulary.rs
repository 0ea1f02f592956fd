//! The vocabulary: what the tokenizer of the engine would trip over, and what the card needs.

use std::{borrow::Cow, collections::HashSet};

use model::ControlToken;

use crate::{
    error::{Problem, Result, quoted},
    metadata::Metadata,
    value::{Array, Kind, Strings},
};

/// The numbers of `tokenizer.ggml.token_type`.
const CONTROL: i64 = 3;
const USER_DEFINED: i64 = 4;
const BYTE: i64 = 6;
const LAST_TYPE: i64 = 6;

/// What is kept of a vocabulary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Vocabulary {
    pub(crate) size: u32,
    pub(crate) bos: Option<u32>,
    pub(crate) eos: Option<u32>,
    pub(crate) control: Vec<ControlToken>,
}

const TOKENS: &str = "tokenizer.ggml.tokens";
const TYPES: &str = "tokenizer.ggml.token_type";
const SCORES: &str = "tokenizer.ggml.scores";
const MERGES: &str = "tokenizer.ggml.merges";
const CHARSMAP: &str = "tokenizer.ggml.precompiled_charsmap";
const MODEL: &str = "tokenizer.ggml.model";

/// Ids that must name a token where they are given.
///
/// The engine passes over others that do not, such as the `-1` that some converters write.
const REQUIRED_IDS: [&str; 3] = [
    "tokenizer.ggml.bos_token_id",
    "tokenizer.ggml.eos_token_id",
    "tokenizer.ggml.unknown_token_id",
];

impl Vocabulary {
    pub(crate) fn read(metadata: &Metadata) -> Result<Self> {
        let tokenizer = tokenizer(metadata)?;
        let tokens = tokens(metadata)?;
        let size = u32::try_from(tokens.len()).unwrap_or(u32::MAX);
        if size == 0 {
            return Err(Problem::wrong(format_args!("`{TOKENS}`"), "empty", "at least one token"));
        }
        let types = types(metadata, size)?;
        check_scores(metadata, size)?;
        check_merges(metadata, tokenizer)?;
        check_charsmap(metadata)?;
        check_texts(tokens, types, tokenizer)?;
        for key in REQUIRED_IDS {
            check_id(metadata, key, size)?;
        }
        if tokenizer == Tokenizer::WordPiece {
            check_word_pieces(metadata, types, size)?;
        }
        let (bos, eos) = tokenizer.default_ends();
        let end = |key: &str, default: Option<u32>| -> Result<Option<u32>> {
            Ok(metadata.u32(key)?.or(default).filter(|&id| id < size))
        };
        let [bos_key, eos_key, _] = REQUIRED_IDS;
        Ok(Self {
            size,
            bos: end(bos_key, bos)?,
            eos: end(eos_key, eos)?,
            control: control_tokens(tokens, types),
        })
    }
}

/// The tokenizers that the engine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tokenizer {
    SentencePiece,
    BytePair,
    WordPiece,
    Unigram,
    Rwkv,
    Plamo2,
}

impl Tokenizer {
    /// The ids of the begin and the end of a sequence where the file names none.
    fn default_ends(self) -> (Option<u32>, Option<u32>) {
        match self {
            Self::SentencePiece | Self::Plamo2 => (Some(1), Some(2)),
            Self::Unigram => (None, Some(1)),
            Self::BytePair | Self::WordPiece | Self::Rwkv => (None, None),
        }
    }
}

fn tokenizer(metadata: &Metadata) -> Result<Tokenizer> {
    let name = metadata.text(MODEL)?.ok_or_else(|| Problem::Missing {
        field: format!("`{MODEL}`"),
        remedy: "a text model needs its vocabulary; convert it again with its tokenizer",
    })?;
    Ok(match name.as_str() {
        "llama" => Tokenizer::SentencePiece,
        "gpt2" | "gemma4" | "hybriddna" | "whitespace" => Tokenizer::BytePair,
        "bert" => Tokenizer::WordPiece,
        "t5" => Tokenizer::Unigram,
        "rwkv" => Tokenizer::Rwkv,
        "plamo2" => Tokenizer::Plamo2,
        _ => {
            return Err(Problem::unsupported(
                format_args!("`{MODEL}`"),
                quoted(name.as_bytes()),
                "the engine's tokenizers are llama, gpt2, gemma4, bert, t5, rwkv and plamo2",
            ));
        }
    })
}

fn tokens(metadata: &Metadata) -> Result<&Strings> {
    match metadata.array(TOKENS)? {
        Some(Array::Strings(tokens)) => Ok(tokens),
        Some(other) => Err(wrong_element(TOKENS, other, "string")),
        None => Err(Problem::Missing {
            field: format!("`{TOKENS}`"),
            remedy: "a text model needs its vocabulary; convert it again with its tokenizer",
        }),
    }
}

fn types(metadata: &Metadata, size: u32) -> Result<&[i64]> {
    let types = match metadata.array(TYPES)? {
        None => return Ok(&[]),
        Some(Array::Integers(Kind::I32, types)) => types,
        Some(other) => return Err(wrong_element(TYPES, other, "i32")),
    };
    check_length(TYPES, types.len() as u64, size)?;
    let odd = types.iter().enumerate().find(|&(_, given)| !(0..=LAST_TYPE).contains(given));
    if let Some((at, given)) = odd {
        let field = format_args!("`{TYPES}[{at}]`");
        return Err(Problem::wrong(field, given, format_args!("from 0 to {LAST_TYPE}")));
    }
    Ok(types)
}

fn check_scores(metadata: &Metadata, size: u32) -> Result<()> {
    match metadata.array(SCORES)? {
        None => Ok(()),
        Some(scores) if matches!(scores.element(), Kind::F32 | Kind::I32) => {
            check_length(SCORES, scores.len(), size)
        }
        Some(other) => Err(wrong_element(SCORES, other, "f32")),
    }
}

fn check_length(key: &str, given: u64, size: u32) -> Result<()> {
    if given == u64::from(size) {
        return Ok(());
    }
    let expected = format!("{size}, the number of tokens");
    Err(Problem::wrong(format_args!("the length of `{key}`"), given, expected))
}

fn check_merges(metadata: &Metadata, tokenizer: Tokenizer) -> Result<()> {
    let merges = match metadata.array(MERGES)? {
        None if tokenizer == Tokenizer::BytePair => {
            // Kimi's tokenizer is the one that does without.
            if metadata.text("tokenizer.ggml.pre")?.as_deref() == Some("kimi-k2") {
                return Ok(());
            }
            return Err(Problem::Missing {
                field: format!("`{MERGES}`"),
                remedy: "this tokenizer merges pairs; convert the model again",
            });
        }
        None => return Ok(()),
        Some(Array::Strings(merges)) => merges,
        Some(other) => return Err(wrong_element(MERGES, other, "string")),
    };
    // The pair is cut at the first space that is not the first byte.
    let is_pair = |merge: &[u8]| merge.iter().skip(1).any(|&byte| byte == b' ');
    match merges.iter().enumerate().find(|(_, merge)| !is_pair(merge)) {
        None => Ok(()),
        Some((at, merge)) => {
            let field = format_args!("`{MERGES}[{at}]`");
            Err(Problem::wrong(field, quoted(merge), "two texts with a space between them"))
        }
    }
}

/// The engine reads a length from the first four bytes and trusts what lies behind it.
fn check_charsmap(metadata: &Metadata) -> Result<()> {
    let bytes = match metadata.array(CHARSMAP)? {
        None => return Ok(()),
        Some(Array::Bytes(bytes)) => bytes,
        Some(other) => return Err(wrong_element(CHARSMAP, other, "u8")),
    };
    let length = bytes.first_chunk().map(|first| u32::from_le_bytes(*first));
    let fits = length.is_some_and(|n| n % 4 == 0 && u64::from(n) + 4 < bytes.len() as u64);
    if fits {
        return Ok(());
    }
    let given = length.map_or_else(|| "absent".to_owned(), |n| n.to_string());
    let expected = format!("a multiple of 4 below the array's own {} bytes", bytes.len());
    Err(Problem::wrong(format_args!("the table's length in `{CHARSMAP}`"), given, expected))
}

/// Checks what the engine asserts of token texts: unique ones, and byte tokens that name a byte.
fn check_texts(tokens: &Strings, types: &[i64], tokenizer: Tokenizer) -> Result<()> {
    let mut seen = HashSet::with_capacity(tokens.len());
    for (at, token) in tokens.iter().enumerate() {
        if types.get(at) == Some(&BYTE) && byte_token(token).is_none() {
            let expected = "`<0x` two hexadecimal digits `>`, being a byte token";
            return Err(Problem::wrong(format_args!("`{TOKENS}[{at}]`"), quoted(token), expected));
        }
        if !seen.insert(as_engine_sees(token, at)) {
            let field = format!("the token {} (`{TOKENS}[{at}]`)", quoted(token));
            return Err(Problem::Duplicate { field });
        }
    }
    if !matches!(tokenizer, Tokenizer::SentencePiece | Tokenizer::Plamo2) {
        return Ok(());
    }
    // Text that the vocabulary has no piece for falls back to byte tokens, and a missing one ends
    // the engine. Up to 0x7f a byte is a character, which may be a token itself.
    let has = |text: &[u8]| seen.contains(text);
    let missing = (0..=u8::MAX).find(|&byte| {
        let alone = (1..0x80).contains(&byte) && has(&[byte]);
        !alone && !has(format!("<0x{byte:02X}>").as_bytes()) && can_occur(byte)
    });
    match missing {
        None => Ok(()),
        Some(byte) => Err(Problem::Missing {
            field: format!("the byte token `<0x{byte:02X}>` in `{TOKENS}`"),
            remedy: "some user's text would end the engine; convert the model again with its byte tokens",
        }),
    }
}

/// Whether a byte occurs in UTF-8 text without NUL.
fn can_occur(byte: u8) -> bool {
    !matches!(byte, 0 | 0xC0 | 0xC1 | 0xF5..)
}

/// A token's text as the engine keeps it: cut at the first NUL, and named where it is empty.
fn as_engine_sees(token: &[u8], at: usize) -> Cow<'_, [u8]> {
    let end = token.iter().position(|&byte| byte == 0).unwrap_or(token.len());
    match token.get(..end) {
        Some(text) if !text.is_empty() => Cow::Borrowed(text),
        _ => Cow::Owned(format!("[EMPTY_{at}]").into_bytes()),
    }
}

/// The byte that `<0xXX>` names.
fn byte_token(text: &[u8]) -> Option<u8> {
    let digits: [u8; 2] = text.strip_prefix(b"<0x")?.strip_suffix(b">")?.try_into().ok()?;
    let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
    u8::try_from(high? * 16 + low?).ok()
}

/// Checks what the engine asserts of this tokenizer alone: no byte tokens, and a token to begin
/// with, to end with and for what it does not know.
fn check_word_pieces(metadata: &Metadata, types: &[i64], size: u32) -> Result<()> {
    const NEEDED: [(&str, u32); 3] = [
        ("tokenizer.ggml.bos_token_id", 101),
        ("tokenizer.ggml.seperator_token_id", 102),
        ("tokenizer.ggml.unknown_token_id", 100),
    ];
    if let Some(at) = types.iter().position(|&kind| kind == BYTE) {
        let field = format_args!("`{TYPES}[{at}]`");
        let expected = format!("another type than {BYTE}: the tokenizer bert has no byte tokens");
        return Err(Problem::wrong(field, BYTE, expected));
    }
    for (key, default) in NEEDED {
        // The engine goes back to its default where the file's id names no token.
        let given = metadata.u32(key)?.filter(|&id| id < size);
        if given.is_none() && default >= size {
            return Err(Problem::Missing {
                field: format!("`{key}`, or a token {default},"),
                remedy: "the tokenizer bert needs it; convert the model again with its tokenizer",
            });
        }
    }
    Ok(())
}

fn check_id(metadata: &Metadata, key: &str, size: u32) -> Result<()> {
    match metadata.u32(key)? {
        Some(id) if id >= size => {
            let expected = format!("below {size}, the number of tokens");
            Err(Problem::wrong(format_args!("`{key}`"), id, expected))
        }
        _ => Ok(()),
    }
}

fn control_tokens(tokens: &Strings, types: &[i64]) -> Vec<ControlToken> {
    let special = |&(_, (_, kind)): &(u32, (&[u8], &i64))| matches!(*kind, CONTROL | USER_DEFINED);
    (0..)
        .zip(tokens.iter().zip(types))
        .filter(special)
        .map(|(id, (text, _))| ControlToken { text: String::from_utf8_lossy(text).into(), id })
        .collect()
}

fn wrong_element(key: &str, array: &Array, expected: &str) -> Problem {
    Problem::wrong(format_args!("the element type of `{key}`"), array.element(), expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn byte_tokens() {
        #[track_caller]
        fn check(text: &str, expect: Option<u8>) {
            assert_eq!(byte_token(text.as_bytes()), expect, "{text}");
        }
        check("<0x00>", Some(0));
        check("<0xfF>", Some(255));
        check("<0x-1>", None);
        check("<0x+1>", None);
        check("<0x1>", None);
        check("<0x100>", None);
        check("<0x é>", None);
        check("", None);
    }

    #[test]
    fn empty_texts_get_a_name() {
        assert_eq!(as_engine_sees(b"", 7), b"[EMPTY_7]".as_slice());
        assert_eq!(as_engine_sees(b"\0a", 7), b"[EMPTY_7]".as_slice());
        assert_eq!(as_engine_sees(b"a\0b", 7), b"a".as_slice());
    }
}
