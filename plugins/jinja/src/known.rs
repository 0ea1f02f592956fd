//! What the source of a template says, found out once for a model.
//!
//! Looking through a long template for some fifty words takes longer than filling it in.

use std::cell::RefCell;

use plugin_sdk::reply::Syntax;
use plugin_sdk::{Error, ModelCard};

use crate::shape::Shape;
use crate::{reply, template};

/// What a template's source says.
#[derive(Clone, Copy)]
pub(crate) struct Known {
    /// How it wants the conversation.
    pub(crate) shape: Shape,
    /// Whether it takes texts apart, and might put them together as a special token.
    pub(crate) cuts: bool,
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
            cuts: source.contains("split") || source.contains("replace"),
            functions: source.contains("functions"),
            bos: source.contains("bos_token"),
        })
    }

    /// Finds it out ahead of the request.
    pub(crate) fn prepare(card: &ModelCard, source: &str) {
        let found = Self::find(card, source).and_then(|known| Ok((known, reply::syntax(card)?)));
        AHEAD.set(found.ok().map(|(known, syntax)| Ahead {
            source: source.to_owned(),
            options: card.options.clone(),
            known,
            syntax,
        }));
    }
}

/// How a model's replies are read; `None`: as text alone.
pub(crate) fn syntax(card: &ModelCard) -> Result<Option<Syntax>, Error> {
    Ahead::get(card, |ahead| Some(ahead.syntax)).map_or_else(|| reply::syntax(card), Ok)
}

impl Ahead {
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
