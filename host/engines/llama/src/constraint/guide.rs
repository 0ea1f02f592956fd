//! One sequence's way through a grammar.

use std::sync::Arc;

use llguidance::Matcher;
use toktrie::SimpleVob;

use super::Compiled;
use super::compiler::explained;

/// What a token did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// The sequence goes on.
    Open,
    /// A constraint that bound from the first token is satisfied and allows nothing more.
    Complete,
}

enum State {
    /// Waiting for a trigger, with the end of the text so far.
    Free { tail: Vec<u8> },
    /// Following the grammar.
    Bound(Box<Matcher>),
}

/// Follows a grammar from the first token, or from each trigger to the end of what it starts.
pub(crate) struct Guide {
    compiled: Arc<Compiled>,
    state: State,
    /// What the grammar allows next; `None`: everything.
    mask: Option<SimpleVob>,
}

impl Guide {
    pub(crate) fn new(compiled: Arc<Compiled>) -> Self {
        let (state, mask) = if compiled.triggers().is_empty() {
            (State::Bound(Box::new(compiled.start())), Some(compiled.first().clone()))
        } else {
            (State::Free { tail: Vec::new() }, None)
        };
        Self { compiled, state, mask }
    }

    /// The grammar.
    pub(super) fn compiled(&self) -> &Compiled {
        &self.compiled
    }

    /// Whether its grammar is known to take long for a token.
    pub(crate) fn is_slow(&self) -> bool {
        self.compiled.is_slow()
    }

    /// The tokens that the grammar allows next; `None`: all.
    pub(crate) fn mask(&self) -> Option<&SimpleVob> {
        self.mask.as_ref()
    }

    /// Whether a token may follow while no grammar binds: one that runs on past a trigger may
    /// only if what runs on is what the grammar begins with.
    pub(crate) fn admits(&self, piece: &[u8]) -> bool {
        match &self.state {
            State::Bound(_) => true,
            State::Free { tail } => match self.triggered(tail, piece) {
                None => true,
                Some(rest) => self.bind(&rest).is_some(),
            },
        }
    }

    /// Whether the text may end here.
    pub(crate) fn may_end(&mut self) -> bool {
        match &mut self.state {
            State::Free { .. } => true,
            State::Bound(matcher) => {
                matcher.is_stopped() || matcher.is_accepting().unwrap_or(false)
            }
        }
    }

    /// Goes on by a token that the mask allows and [`Guide::admits`] admits, and finds what may
    /// come next. An ambiguous grammar can take a second for it.
    ///
    /// # Errors
    /// The grammar cannot follow, or needs more work for one token than its limits allow.
    pub(super) fn follow(&mut self, token: u32, piece: &[u8]) -> Result<Progress, String> {
        let progress = self.accept(token, piece)?;
        self.mask = match &mut self.state {
            State::Bound(matcher) if progress == Progress::Open => {
                Some(matcher.compute_mask_or_eos().map_err(|error| explained(&error.to_string()))?)
            }
            _ => None,
        };
        Ok(progress)
    }

    fn accept(&mut self, token: u32, piece: &[u8]) -> Result<Progress, String> {
        match &mut self.state {
            State::Bound(matcher) => {
                matcher.consume_token(token).map_err(|error| explained(&error.to_string()))?;
            }
            State::Free { tail } => {
                let before = std::mem::take(tail);
                if let Some(rest) = self.triggered(&before, piece) {
                    let matcher = self.bind(&rest).ok_or("the trigger's token does not fit")?;
                    self.state = State::Bound(Box::new(matcher));
                } else {
                    self.state = State::Free { tail: self.keep(before, piece) };
                }
            }
        }
        Ok(self.settle())
    }

    fn settle(&mut self) -> Progress {
        let State::Bound(matcher) = &self.state else { return Progress::Open };
        if !matcher.is_stopped() {
            return Progress::Open;
        }
        if self.compiled.triggers().is_empty() {
            return Progress::Complete;
        }
        self.state = State::Free { tail: Vec::new() };
        Progress::Open
    }

    /// What follows the first trigger that `piece` completes.
    fn triggered(&self, tail: &[u8], piece: &[u8]) -> Option<Vec<u8>> {
        let mut text = tail.to_vec();
        text.extend_from_slice(piece);
        let end = self
            .compiled
            .triggers()
            .iter()
            .filter(|trigger| !trigger.is_empty())
            .filter_map(|trigger| {
                let trigger = trigger.as_bytes();
                let at = text.windows(trigger.len()).position(|window| window == trigger)?;
                Some(at + trigger.len())
            })
            .min()?;
        Some(text.split_off(end))
    }

    /// A matcher that has read `text`, if the grammar can begin with it.
    fn bind(&self, text: &[u8]) -> Option<Matcher> {
        let mut matcher = self.compiled.start();
        if text.is_empty() {
            return Some(matcher);
        }
        // Any tokens of the same bytes do: grammars are matched byte by byte.
        let trie = self.compiled.trie();
        let tokens = trie.greedy_tokenize(text);
        if trie.decode(&tokens) != text {
            return None;
        }
        let read = matcher.try_consume_tokens(&tokens).ok()?;
        (read == tokens.len() && !matcher.is_error()).then_some(matcher)
    }

    /// The end of the text that a trigger may still begin in.
    fn keep(&self, mut tail: Vec<u8>, piece: &[u8]) -> Vec<u8> {
        tail.extend_from_slice(piece);
        let longest = self.compiled.triggers().iter().map(String::len).max().unwrap_or(0);
        let surplus = tail.len().saturating_sub(longest.saturating_sub(1));
        tail.drain(..surplus);
        tail
    }
}
