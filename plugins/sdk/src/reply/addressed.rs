//! Messages that say in a header to whom they go.

use super::notation::{LONGEST_HEAD, Notation};
use super::scan::{Found, begins, find, take};
use super::text::ReasoningText;
use super::{Events, Marked, ReplyParser};
use crate::{ChatRequest, FinishReason};

const START: &str = "<|start|>";
const MESSAGE: &str = "<|message|>";
/// What ends a message; the next one's start does so too.
const ENDS: [&str; 3] = ["<|eom|>", "<|eot|>", START];

/// Splits a reply into messages: those to the model itself are reasoning, all others are read for
/// calls.
///
/// A reply without any header is one message.
pub struct Addressed {
    others: Marked,
    reasoning: ReasoningText,
    state: State,
    buffer: String,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    /// Before the first header, if there is one.
    Start,
    /// In a header.
    Header,
    /// In a message to the model itself.
    Reasoning,
    /// In any other message.
    Message,
    /// After a message, before the next.
    Between,
}

impl Addressed {
    /// A parser for the reply to a request, with calls in this notation.
    pub fn new(notation: &'static Notation, request: &ChatRequest) -> Self {
        Self {
            others: Marked::new(notation, request),
            reasoning: ReasoningText::default(),
            state: State::Start,
            buffer: String::new(),
        }
    }

    fn step(&mut self, events: &mut Events) -> bool {
        match self.state {
            State::Start => self.start(),
            State::Header => self.header(),
            State::Between => self.between(),
            State::Reasoning | State::Message => self.message(events),
        }
    }

    fn start(&mut self) -> bool {
        match begins(self.buffer.trim_start(), &[START, MESSAGE, "to="]) {
            Found::Marker { .. } => self.state = State::Header,
            Found::Perhaps { .. } if self.buffer.len() <= LONGEST_HEAD => return false,
            _ => self.state = State::Message,
        }
        true
    }

    fn header(&mut self) -> bool {
        match find(&self.buffer, &[MESSAGE]) {
            Found::Marker { at, .. } if at <= LONGEST_HEAD => {
                let header = take(&mut self.buffer, at);
                take(&mut self.buffer, MESSAGE.len());
                let to = header.rsplit_once("to=").map_or("", |(_, to)| to.trim());
                self.state = if to == "self" { State::Reasoning } else { State::Message };
                true
            }
            _ if self.buffer.len() > LONGEST_HEAD => {
                self.state = State::Message;
                true
            }
            _ => false,
        }
    }

    /// Passes a message on up to its end.
    fn message(&mut self, events: &mut Events) -> bool {
        let (count, ended) = match find(&self.buffer, &ENDS) {
            Found::Marker { at, .. } => (at, true),
            Found::Perhaps { at } => (at, false),
            Found::Nothing => (self.buffer.len(), false),
        };
        let text = take(&mut self.buffer, count);
        self.pass_on(&text, events);
        if ended {
            self.reasoning.end();
            self.state = State::Between;
        }
        ended
    }

    fn pass_on(&mut self, text: &str, events: &mut Events) {
        if self.state == State::Reasoning {
            self.reasoning.push(text, events);
        } else {
            self.others.push(text, events);
        }
    }

    /// What ends a message is dropped, and the next one's header begins.
    fn between(&mut self) -> bool {
        if self.buffer.is_empty() {
            return false;
        }
        match begins(&self.buffer, &ENDS) {
            Found::Marker { index, .. } => {
                let marker = ENDS.get(index).copied().unwrap_or_default();
                take(&mut self.buffer, marker.len());
                if marker == START {
                    self.state = State::Header;
                }
                true
            }
            Found::Perhaps { .. } => false,
            Found::Nothing => {
                self.state = State::Message;
                true
            }
        }
    }
}

impl ReplyParser for Addressed {
    fn push(&mut self, text: &str, events: &mut Events) {
        self.buffer.push_str(text);
        while self.step(events) {}
    }

    fn finish(&mut self, reason: FinishReason, events: &mut Events) {
        let text = std::mem::take(&mut self.buffer);
        // A header that was cut short says nothing.
        if !matches!(self.state, State::Header | State::Between) {
            self.pass_on(&text, events);
        }
        self.others.finish(reason, events);
    }
}
