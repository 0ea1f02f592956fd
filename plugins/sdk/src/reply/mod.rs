//! Building blocks for reply parsers.
//!
//! A parser takes raw text in pieces and gives events.
//! However the text is cut, the joined events are the same; so whatever may still turn out to be
//! the start of a marker is held back.
//! A call that is malformed or cut short becomes content, never an error.
//!
//! Blocks nest: [`Reasoning`] hands everything after the reasoning to the parser inside it.
//! [`Marked`] reads every notation in which a marker begins a call; [`syntax`] has them as data.

mod addressed;
mod calls;
pub(crate) mod elements;
mod ends;
mod events;
pub(crate) mod gemma;
mod harmony;
mod headed;
mod json_call;
mod json_text;
mod literal;
mod marked;
pub(crate) mod notation;
mod plain;
mod reasoning;
mod scan;
pub mod syntax;
pub(crate) mod tags;
mod text;

pub use addressed::Addressed;
pub use calls::{Call, headed_json, python_call};
pub use events::Events;
pub use harmony::Harmony;
pub use headed::{Body, Headed};
pub use literal::{call_list, dictionary, keyword_arguments};
pub use marked::Marked;
pub use notation::{Head, Heading, Keys, Notation, Read};
pub use plain::Plain;
pub use reasoning::{Opening, Reasoning};
pub use scan::{Found, find};
pub use syntax::Syntax;
pub use tags::Tags;
pub use text::ContentText;

use crate::FinishReason;

/// Splits the raw text of one sequence into events.
pub trait ReplyParser {
    /// Takes more text and adds the events that it completes.
    fn push(&mut self, text: &str, events: &mut Events);

    /// Ends the text and adds the events of what was held back.
    fn finish(&mut self, reason: FinishReason, events: &mut Events);
}

impl ReplyParser for Box<dyn ReplyParser> {
    fn push(&mut self, text: &str, events: &mut Events) {
        (**self).push(text, events);
    }

    fn finish(&mut self, reason: FinishReason, events: &mut Events) {
        (**self).finish(reason, events);
    }
}
