//! Collecting events.

use super::Call;
use crate::{ReplyEvent, ToolCallStart};

/// The events of one step, neighbours of a kind joined.
#[derive(Debug, Default)]
pub struct Events(Vec<ReplyEvent>);

impl Events {
    /// Adds visible text.
    pub fn content(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        match self.0.last_mut() {
            Some(ReplyEvent::Content(last)) => last.push_str(text),
            _ => self.0.push(ReplyEvent::Content(text.to_owned())),
        }
    }

    /// Adds reasoning.
    pub fn reasoning(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        match self.0.last_mut() {
            Some(ReplyEvent::Reasoning(last)) => last.push_str(text),
            _ => self.0.push(ReplyEvent::Reasoning(text.to_owned())),
        }
    }

    /// Adds a whole tool call.
    pub fn call(&mut self, call: Call) {
        let start = ToolCallStart { id: call.id, name: call.name };
        self.0.push(ReplyEvent::ToolCallStart(start));
        self.0.push(ReplyEvent::ToolCallArguments(call.arguments));
    }

    /// The events, in order.
    pub fn into_vec(self) -> Vec<ReplyEvent> {
        self.0
    }
}
