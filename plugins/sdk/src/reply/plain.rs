//! Replies that are text and nothing else.

use super::{ContentText, Events, ReplyParser};
use crate::{ChatRequest, FinishReason};

/// Passes text on as content, free of the whitespace around it.
#[derive(Clone, Debug)]
pub struct Plain(ContentText);

impl Plain {
    /// A parser for the reply to a request.
    pub fn new(request: &ChatRequest) -> Self {
        Self(ContentText::new(request))
    }
}

impl ReplyParser for Plain {
    fn push(&mut self, text: &str, events: &mut Events) {
        self.0.push(text, events);
    }

    fn finish(&mut self, reason: FinishReason, events: &mut Events) {
        self.0.finish(reason, events);
    }
}
