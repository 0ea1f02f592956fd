//! What the source of a template says, found out once for a model.
//!
//! Looking through a long template for some fifty words takes longer than filling it in.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use plugin_sdk::reply::Syntax;
use plugin_sdk::{ControlToken, Error, ModelCard};

use crate::shape::Shape;
use crate::tokens::Tokens;
use crate::twins::{Alphabet, Twins, private};
use crate::{reply, template};

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
struct Ahead {
    source: String,
    options: Vec<(String, String)>,
    known: Known,
    syntax: Option<Syntax>,
    tokens: &'static [ControlToken],
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
        let ahead: Option<Rc<Vocabulary<'static>>> = Ahead::get(card, |ahead| {
            let texts = |tokens: &'static [ControlToken]| tokens.iter().map(|token| &token.text);
            let same = texts(ahead.tokens).eq(card.control_tokens.iter().map(|token| &token.text));
            (same && ahead.source == source).then(|| ahead.vocabulary.clone())
        });
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
        Ahead::get(card, |ahead| (ahead.source == source).then_some(ahead.known))
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
    pub(crate) fn prepare(card: &ModelCard, source: &str) {
        AHEAD.set(Ahead::find(card, source).ok());
    }
}

/// How a model's replies are read; `None`: as text alone.
pub(crate) fn syntax(card: &ModelCard) -> Result<Option<Syntax>, Error> {
    Ahead::get(card, |ahead| Some(ahead.syntax)).map_or_else(|| reply::syntax(card), Ok)
}

impl Ahead {
    fn find(card: &ModelCard, source: &str) -> Result<Self, Error> {
        // An instance has one model, and its memory goes with it.
        let tokens: &'static [ControlToken] = card.control_tokens.clone().leak();
        Ok(Self {
            source: source.to_owned(),
            options: card.options.clone(),
            known: Known::find(card, source)?,
            syntax: reply::syntax(card)?,
            tokens,
            vocabulary: Vocabulary::find(tokens, source)?,
        })
    }

    /// Asks what was found out ahead, where that was of this model.
    fn get<T>(card: &ModelCard, ask: impl FnOnce(&Self) -> Option<T>) -> Option<T> {
        AHEAD.with_borrow(|ahead| {
            let ahead = ahead.as_ref()?;
            let same =
                ahead.options == card.options && template::all(card).eq([ahead.source.as_str()]);
            if same { ask(ahead) } else { None }
        })
    }
}
