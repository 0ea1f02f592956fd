//! Prompts to tokens, and tokens to bytes.
//!
//! What a user writes can never become a control token: text is tokenized with control tokens read
//! as plain text, and should a tokenizer's merges still arrive at one, it is taken apart again.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use engine_protocol::{EngineError, ErrorCode, Prompt, PromptPart};

use crate::native::{TokenKind, Weights};

/// Text is given to the tokenizer in pieces of about so many bytes, where it can be cut.
const PIECE: usize = 8 << 10;

/// The tokenizer of a model, with its pieces at hand.
pub struct Vocabulary {
    weights: Arc<Weights>,
    /// Control and user-defined tokens, by their spelling.
    special: HashMap<String, u32>,
    /// Spellings of user-defined tokens, the longest first, for vocabularies that look for them in
    /// text and put a space after each.
    user_defined: Vec<(String, u32)>,
    /// Every character that occurs in a spelling, for vocabularies that write all others as bytes.
    spelled: Option<HashSet<char>>,
    control: Vec<bool>,
    ends: Vec<bool>,
    bytes: Vec<u8>,
    offsets: Vec<usize>,
    silent: Vec<u32>,
    bos: Option<u32>,
    adds_bos: bool,
    adds_space: bool,
    longest: usize,
}

impl Vocabulary {
    pub(crate) fn new(weights: Arc<Weights>) -> Self {
        let size = weights.vocabulary_size();
        let mut special = HashMap::new();
        let mut user_defined = Vec::new();
        let mut spelled = weights.is_sentencepiece().then(HashSet::new);
        let mut control = Vec::new();
        let mut ends = Vec::new();
        let mut bytes = Vec::new();
        let mut offsets = vec![0];
        let mut silent: Vec<u32> = [weights.bos(), weights.pad()].into_iter().flatten().collect();
        let mut longest = 1;
        for token in 0..size {
            let kind = weights.kind(token);
            let spelling = weights.spelling(token).unwrap_or_default();
            if let Some(spelled) = &mut spelled {
                spelled.extend(spelling.chars());
            }
            let frames = kind == TokenKind::UserDefined && is_marker(&spelling);
            control.push(kind == TokenKind::Control || frames);
            ends.push(weights.ends_generation(token));
            let piece = weights.piece(token);
            longest = longest.max(piece.len());
            bytes.extend_from_slice(&piece);
            offsets.push(bytes.len());
            if kind == TokenKind::Unknown {
                silent.push(token);
            }
            if matches!(kind, TokenKind::Control | TokenKind::UserDefined) && !spelling.is_empty() {
                if kind == TokenKind::UserDefined && !frames {
                    user_defined.push((spelling.clone(), token));
                }
                special.entry(spelling).or_insert(token);
            }
        }
        user_defined.sort_by_key(|(spelling, _)| std::cmp::Reverse(spelling.len()));
        // A sentencepiece file without the key means that there is a space.
        let declared = weights.metadata(c"tokenizer.ggml.add_space_prefix");
        let adds_space = weights.is_sentencepiece() && declared.as_deref() != Some("false");
        Self {
            special,
            user_defined,
            spelled,
            control,
            ends,
            bytes,
            offsets,
            silent,
            bos: weights.bos(),
            adds_bos: weights.adds_bos(),
            adds_space,
            longest,
            weights,
        }
    }

    /// How many tokens there are.
    pub fn size(&self) -> u32 {
        self.weights.vocabulary_size()
    }

    /// The bytes that a token stands for; a special one by its spelling.
    pub fn piece(&self, token: u32) -> &[u8] {
        let at = |index: usize| self.offsets.get(index).copied();
        usize::try_from(token)
            .ok()
            .and_then(|index| self.bytes.get(at(index)?..at(index + 1)?))
            .unwrap_or_default()
    }

    /// The bytes that a token adds to a reply. Control tokens are spelled out, as families' reply
    /// parsers look for them, but for those that frame a text and say nothing.
    pub fn reply_piece(&self, token: u32) -> &[u8] {
        if self.silent.contains(&token) || self.ends_generation(token) {
            return &[];
        }
        self.piece(token)
    }

    /// Whether a token ends generation by the vocabulary's own rules.
    pub fn ends_generation(&self, token: u32) -> bool {
        flag(&self.ends, token)
    }

    /// Every token that ends generation.
    pub fn end_tokens(&self) -> impl Iterator<Item = u32> {
        (0..self.size()).filter(|token| self.ends_generation(*token))
    }

    /// Whether a token is a control token.
    pub fn is_control(&self, token: u32) -> bool {
        flag(&self.control, token)
    }

    /// The end-of-sequence token.
    pub(crate) fn eos(&self) -> Option<u32> {
        self.weights.eos()
    }

    /// The greatest number of bytes that a token stands for.
    pub(crate) fn longest_piece(&self) -> usize {
        self.longest
    }

    /// The tokens of a prompt.
    ///
    /// # Errors
    /// Names a control token that the vocabulary does not have, or an id outside of it.
    pub fn tokenize(&self, prompt: &Prompt) -> Result<Vec<u32>, EngineError> {
        let mut tokens = Vec::new();
        match (prompt.add_bos, self.bos) {
            (Some(true), None) => {
                return Err(invalid(
                    "the vocabulary has no beginning-of-sequence token to put in front",
                ));
            }
            (wanted, Some(bos)) if wanted.unwrap_or(self.adds_bos) => tokens.push(bos),
            _ => {}
        }
        let mut run = String::new();
        for part in &prompt.parts {
            if let PromptPart::Text(text) = part {
                run.push_str(text);
                continue;
            }
            self.tokenize_run(&mut run, prompt.space_prefix, &mut tokens);
            match part {
                PromptPart::Text(_) | PromptPart::Split => {}
                PromptPart::Control(spelling) => tokens.push(self.control_token(spelling)?),
                PromptPart::Token(token) if *token < self.size() => tokens.push(*token),
                PromptPart::Token(token) => {
                    return Err(invalid(format!(
                        "token {token} is outside of the vocabulary of {} tokens",
                        self.size()
                    )));
                }
            }
        }
        self.tokenize_run(&mut run, prompt.space_prefix, &mut tokens);
        Ok(tokens)
    }

    fn control_token(&self, spelling: &str) -> Result<u32, EngineError> {
        self.special.get(spelling).copied().ok_or_else(|| {
            invalid(format!(
                "the vocabulary has no control token `{spelling}`; the model's family does not \
                 fit these weights, or the prompt part should be text"
            ))
        })
    }

    fn tokenize_run(&self, run: &mut String, space: Option<bool>, tokens: &mut Vec<u32>) {
        if run.is_empty() {
            return;
        }
        let text = std::mem::take(run);
        match space {
            Some(true) => self.tokenize_text(&format!(" {text}"), tokens),
            Some(false) => self.tokenize_text(&text, tokens),
            None if !self.adds_space => self.tokenize_text(&text, tokens),
            None => {
                for fragment in self.fragments(&text) {
                    match fragment {
                        Fragment::Text(text) => self.tokenize_text(&format!(" {text}"), tokens),
                        Fragment::Token(token) => tokens.push(token),
                    }
                }
            }
        }
    }

    /// Cuts a text at user-defined tokens, the longest first, as llama.cpp does: with a space
    /// prefix by the vocabulary, each fragment between them gets one.
    fn fragments<'a>(&self, text: &'a str) -> Vec<Fragment<'a>> {
        let mut fragments = vec![Fragment::Text(text)];
        for (spelling, token) in &self.user_defined {
            if !text.contains(spelling.as_str()) {
                continue;
            }
            fragments = fragments
                .into_iter()
                .flat_map(|fragment| match fragment {
                    Fragment::Text(text) => cut(text, spelling, *token),
                    Fragment::Token(token) => vec![Fragment::Token(token)],
                })
                .collect();
        }
        fragments
    }

    /// Where a text is cut for the tokenizer: llama.cpp's takes time with the square of the length
    /// for characters that no token spells. Before such a one the cut changes nothing, because
    /// it merges with no other.
    fn cut(&self, text: &str) -> usize {
        let Some(spelled) = &self.spelled else { return text.len() };
        let mut later = text.char_indices().skip_while(|(at, _)| *at < PIECE);
        let alone = later.find(|(_, character)| *character != ' ' && !spelled.contains(character));
        alone.map_or(text.len(), |(at, _)| at)
    }

    fn tokenize_text(&self, text: &str, tokens: &mut Vec<u32>) {
        let start = tokens.len();
        let mut rest = text;
        while !rest.is_empty() {
            let (piece, more) = rest.split_at_checked(self.cut(rest)).unwrap_or((rest, ""));
            self.weights.tokenize(piece, tokens);
            rest = more;
        }
        if !tokens.iter().skip(start).any(|token| self.is_control(*token)) {
            return;
        }
        // A tokenizer whose merges spell a control token: take each apart at its first character.
        let found = tokens.split_off(start);
        for token in found {
            if !self.is_control(token) {
                tokens.push(token);
                continue;
            }
            let spelling = self.weights.spelling(token).unwrap_or_default();
            let mut characters = spelling.chars();
            if let Some(first) = characters.next()
                && !characters.as_str().is_empty()
            {
                self.tokenize_text(&first.to_string(), tokens);
                self.tokenize_text(characters.as_str(), tokens);
            }
        }
    }
}

enum Fragment<'a> {
    Text(&'a str),
    Token(u32),
}

fn cut<'a>(text: &'a str, spelling: &str, token: u32) -> Vec<Fragment<'a>> {
    let mut fragments = Vec::new();
    for (index, piece) in text.split(spelling).enumerate() {
        if index > 0 {
            fragments.push(Fragment::Token(token));
        }
        if !piece.is_empty() {
            fragments.push(Fragment::Text(piece));
        }
    }
    fragments
}

/// Whether a spelling is that of a control token, whatever the file types it as: converters have
/// typed the tokens that frame turns as user-defined ones, which llama.cpp looks for in text.
fn is_marker(spelling: &str) -> bool {
    let framed = |open: &str, close: &str| {
        spelling.len() > open.len() + close.len()
            && spelling.starts_with(open)
            && spelling.ends_with(close)
    };
    framed("<|", "|>") || framed("<｜", "｜>")
}

fn flag(flags: &[bool], token: u32) -> bool {
    usize::try_from(token).ok().and_then(|index| flags.get(index)).copied().unwrap_or(false)
}

fn invalid(message: impl Into<String>) -> EngineError {
    EngineError::new(ErrorCode::Invalid, message)
}
