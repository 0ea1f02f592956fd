//! Building blocks for reply parsers.
//!
//! A parser takes raw text in pieces and gives events.
//! However the text is cut, the joined events are the same; so whatever may still turn out to be
//! the start of a marker is held back.
//! A call that is malformed or cut short becomes content, never an error.
//!
//! Blocks nest: [`Reasoning`] hands everything after the reasoning to the parser inside it.

mod calls;
mod delimited;
mod events;
mod headed;
mod literal;
mod plain;
mod reasoning;
mod scan;
mod text;

pub use calls::{Call, glm_xml, json_object, python_call};
pub use delimited::Delimited;
pub use events::Events;
pub use headed::{Body, Headed};
pub use literal::keyword_arguments;
pub use plain::Plain;
pub use reasoning::{Opening, Reasoning};
pub use scan::{Found, find};
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
