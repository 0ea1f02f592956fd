//! The whitespace around what a reply says.

use super::Events;
use crate::{ChatRequest, FinishReason};

/// Passes content on without the whitespace that models put around it.
///
/// - Whitespace before the first word is dropped, unless the reply continues a message.
/// - Whitespace at the end is held back, and dropped when the reply stops by itself.
/// - Line breaks before a tool call are dropped, and so is whitespace between two calls.
/// - Whitespace between a call and text after it is kept.
#[derive(Clone, Debug)]
pub struct ContentText {
    /// Whether anything but whitespace was passed on, or leading whitespace is wanted.
    started: bool,
    /// Whether anything was passed on since the last call.
    since_call: bool,
    /// Whether there was a call.
    called: bool,
    held: String,
}

impl ContentText {
    /// For the reply to a request.
    pub fn new(request: &ChatRequest) -> Self {
        Self {
            started: request.continues_last(),
            since_call: false,
            called: false,
            held: String::new(),
        }
    }

    /// Takes content.
    pub fn push(&mut self, text: &str, events: &mut Events) {
        let body = text.trim_end();
        let tail = text.get(body.len()..).unwrap_or_default();
        if !body.is_empty() {
            if self.started {
                events.content(&self.held);
                events.content(body);
            } else {
                events.content(body.trim_start());
            }
            self.held.clear();
            self.started = true;
            self.since_call = true;
        }
        self.held.push_str(tail);
    }

    /// A tool call follows.
    pub fn before_call(&mut self, events: &mut Events) {
        if self.since_call {
            events.content(self.held.trim_end_matches(['\n', '\r']));
        }
        self.held.clear();
        self.since_call = false;
        self.started = true;
        self.called = true;
    }

    /// Ends the content.
    pub fn finish(&mut self, reason: FinishReason, events: &mut Events) {
        let said = self.since_call || !self.called;
        if self.started && said && reason != FinishReason::Stop {
            events.content(&self.held);
        }
        self.held.clear();
    }
}

/// Passes reasoning on without the whitespace around it.
#[derive(Clone, Debug, Default)]
pub(super) struct ReasoningText {
    started: bool,
    held: String,
}

impl ReasoningText {
    /// Takes reasoning; whitespace at its end is held back until more follows.
    pub(super) fn push(&mut self, text: &str, events: &mut Events) {
        let body = text.trim_end();
        if !body.is_empty() {
            if self.started {
                events.reasoning(&self.held);
                events.reasoning(body);
            } else {
                events.reasoning(body.trim_start());
            }
            self.held.clear();
            self.started = true;
        }
        self.held.push_str(text.get(body.len()..).unwrap_or_default());
    }

    /// The reasoning ended, for now: whitespace at its end is dropped.
    pub(super) fn end(&mut self) {
        self.held.clear();
    }
}
