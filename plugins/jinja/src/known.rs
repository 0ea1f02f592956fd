//! What the source of a template says, found out once for a model.
//!
//! Looking through a long template for some fifty words takes longer than filling it in.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ptr;
use std::rc::Rc;

use plugin_sdk::reply::Syntax;
use plugin_sdk::{ControlToken, Error, ModelCard};

use crate::reply;
use crate::shape::Shape;
use crate::tokens::Tokens;
use crate::twins::{Alphabet, Twins, private};

/// What a template's source says.
#[derive(Clone, Copy)]
pub(crate) struct Known {
    /// How it wants the conversation.
    pub(crate) shape: Shape,
    /// Whether it knows tools by Firefunction's names.
    pub(crate) functions: bool,
    /// Whether it knows the beginning-of-sequence token.
    pub(crate) bos: bool,
}

/// The same for the model that this instance has read ahead.
///
/// The model and its template are told by their places: to compare their texts for each request
/// takes as long as half of a rendering.
struct Ahead {
    card: &'static ModelCard,
    source: &'static str,
    known: Known,
    syntax: Option<Syntax>,
    vocabulary: Rc<Vocabulary<'static>>,
}

/// The special tokens of a model, and how its clients' texts are told from them.
pub(crate) struct Vocabulary<'a> {
    /// The tokens.
    pub(crate) tokens: Tokens<'a>,
    /// The twins of their characters.
    pub(crate) twins: Rc<Twins>,
    /// Private characters of the template and the tokens, which cannot be twins.
    pub(crate) taken: BTreeSet<char>,
}

impl<'a> Vocabulary<'a> {
    /// Of a model and the template that is used.
    pub(crate) fn of(card: &'a ModelCard, source: &str) -> Result<Rc<Self>, Error> {
        let ahead: Option<Rc<Vocabulary<'static>>> =
            Ahead::get(card, |ahead| ahead.is_of(source).then(|| ahead.vocabulary.clone()));
        match ahead {
            Some(found) => Ok(found),
            None => Self::find(&card.control_tokens, source),
        }
    }

    fn find(tokens: &'a [ControlToken], source: &str) -> Result<Rc<Self>, Error> {
        let mut taken = BTreeSet::new();
        private(source, &mut taken);
        for token in tokens {
            private(&token.text, &mut taken);
        }
        let twins = Rc::new(Twins::of(Rc::new(Alphabet::of(tokens)), &taken)?);
        Ok(Rc::new(Self { tokens: Tokens::of(tokens), twins, taken }))
    }
}

thread_local! {
    static AHEAD: RefCell<Option<Ahead>> = const { RefCell::new(None) };
}

impl Known {
    /// What one of a model's templates says, and the operator's options over it.
    pub(crate) fn of(card: &ModelCard, source: &str) -> Result<Self, Error> {
        Ahead::get(card, |ahead| ahead.is_of(source).then_some(ahead.known))
            .map_or_else(|| Self::find(card, source), Ok)
    }

    fn find(card: &ModelCard, source: &str) -> Result<Self, Error> {
        Ok(Self {
            shape: Shape::of(card, source)?,
            functions: source.contains("functions"),
            bos: source.contains("bos_token"),
        })
    }

    /// Finds it out ahead of the request.
    pub(crate) fn prepare(card: &'static ModelCard, source: &'static str) {
        AHEAD.set(Ahead::find(card, source).ok());
    }
}

/// How a model's replies are read; `None`: as text alone.
pub(crate) fn syntax(card: &ModelCard) -> Result<Option<Syntax>, Error> {
    Ahead::get(card, |ahead| Some(ahead.syntax)).map_or_else(|| reply::syntax(card), Ok)
}

impl Ahead {
    fn find(card: &'static ModelCard, source: &'static str) -> Result<Self, Error> {
        Ok(Self {
            card,
            source,
            known: Known::find(card, source)?,
            syntax: reply::syntax(card)?,
            vocabulary: Vocabulary::find(&card.control_tokens, source)?,
        })
    }

    /// Whether it is about this template of the model.
    fn is_of(&self, source: &str) -> bool {
        ptr::eq(self.source, source)
    }

    /// Asks what was found out ahead, where that was of this model.
    fn get<T>(card: &ModelCard, ask: impl FnOnce(&Self) -> Option<T>) -> Option<T> {
        AHEAD.with_borrow(|ahead| {
            let ahead = ahead.as_ref()?;
            if ptr::eq(ahead.card, card) { ask(ahead) } else { None }
        })
    }
}
