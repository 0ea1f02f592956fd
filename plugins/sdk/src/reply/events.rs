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

    /// Adds the beginning of a tool call, without its arguments.
    pub fn begin_call(&mut self, call: &Call) {
        let start = ToolCallStart { id: call.id.clone(), name: call.name.clone() };
        self.0.push(ReplyEvent::ToolCallStart(start));
    }

    /// Adds more of the arguments of the call begun last.
    pub fn arguments(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        match self.0.last_mut() {
            Some(ReplyEvent::ToolCallArguments(last)) => last.push_str(text),
            _ => self.0.push(ReplyEvent::ToolCallArguments(text.to_owned())),
        }
    }

    /// Adds events that were collected apart.
    pub fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    /// Whether a tool call is among them.
    pub fn has_call(&self) -> bool {
        self.0.iter().any(|event| matches!(event, ReplyEvent::ToolCallStart(_)))
    }

    /// The events, in order.
    pub fn into_vec(self) -> Vec<ReplyEvent> {
        self.0
    }
}
