//! Reasoning between two markers, in all its forms.

use super::scan::{Found, find, take};
use super::{Events, ReplyParser};
use crate::FinishReason;

/// Who writes the opening marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// The prompt ended with it: the reply begins inside the reasoning.
    Prompt,
    /// The model, if it reasons at all.
    Model,
}

/// Splits the reasoning at the start of a reply from the answer, which goes to another parser.
///
/// - Reasoning that never ends is reasoning to the end of the reply.
/// - A marker that the model repeats after the prompt's, and a closing one without an opening
///   one, are dropped.
/// - Empty reasoning gives no event.
/// - Whitespace around the reasoning is dropped.
pub struct Reasoning<P> {
    markers: [&'static str; 2],
    opening: Opening,
    state: State,
    /// Text that is not yet decided, or whitespace at the end of the reasoning.
    buffer: String,
    /// Whether any reasoning was given, so that whitespace before it is known.
    started: bool,
    answer: P,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing but whitespace so far.
    Start,
    Reasoning,
    /// An answer without reasoning before it; a closing marker may still come.
    Unreasoned,
    Answer,
}

impl<P: ReplyParser> Reasoning<P> {
    /// `<think>` and `</think>`.
    pub fn think(opening: Opening, answer: P) -> Self {
        Self::new(["<think>", "</think>"], opening, answer)
    }

    /// Other markers.
    pub fn new(markers: [&'static str; 2], opening: Opening, answer: P) -> Self {
        let buffer = String::new();
        Self { markers, opening, state: State::Start, buffer, started: false, answer }
    }

    /// Works on the buffer until more text is needed.
    fn advance(&mut self, events: &mut Events) {
        let [open, close] = self.markers;
        if self.state == State::Start {
            let text = self.buffer.trim_start();
            if text.is_empty() || (open.len() > text.len() && open.starts_with(text)) {
                return;
            }
            if text.starts_with(open) {
                let blank = self.buffer.len() - text.len();
                take(&mut self.buffer, blank + open.len());
                self.state = State::Reasoning;
            } else if self.opening == Opening::Prompt {
                self.state = State::Reasoning;
            } else {
                self.state = State::Unreasoned;
            }
        }
        match self.state {
            State::Start => {}
            State::Reasoning => match find(&self.buffer, &[close]) {
                Found::Marker { at, .. } => {
                    let text = take(&mut self.buffer, at);
                    self.reason(text.trim_end(), events);
                    take(&mut self.buffer, close.len());
                    self.state = State::Answer;
                    self.pass_on(events);
                }
                Found::Perhaps { at } => self.reason_up_to(at, events),
                Found::Nothing => self.reason_up_to(self.buffer.len(), events),
            },
            State::Unreasoned => match find(&self.buffer, &[close]) {
                Found::Marker { at, .. } => {
                    let text = take(&mut self.buffer, at);
                    self.answer.push(&text, events);
                    take(&mut self.buffer, close.len());
                    self.state = State::Answer;
                    self.pass_on(events);
                }
                Found::Perhaps { at } => {
                    let text = take(&mut self.buffer, at);
                    self.answer.push(&text, events);
                }
                Found::Nothing => self.pass_on(events),
            },
            State::Answer => self.pass_on(events),
        }
    }

    /// Gives reasoning up to `end`, but for whitespace that may be its last.
    fn reason_up_to(&mut self, end: usize, events: &mut Events) {
        let text = self.buffer.get(..end).unwrap_or_default();
        let count = text.trim_end().len();
        let text = take(&mut self.buffer, count);
        self.reason(&text, events);
    }

    fn reason(&mut self, text: &str, events: &mut Events) {
        let text = if self.started { text } else { text.trim_start() };
        self.started |= !text.is_empty();
        events.reasoning(text);
    }

    fn pass_on(&mut self, events: &mut Events) {
        let text = std::mem::take(&mut self.buffer);
        self.answer.push(&text, events);
    }
}

impl<P: ReplyParser> ReplyParser for Reasoning<P> {
    fn push(&mut self, text: &str, events: &mut Events) {
        if self.state == State::Answer {
            self.answer.push(text, events);
        } else {
            self.buffer.push_str(text);
            self.advance(events);
        }
    }

    fn finish(&mut self, reason: FinishReason, events: &mut Events) {
        let inside = self.state == State::Reasoning
            || (self.state == State::Start && self.opening == Opening::Prompt);
        if inside {
            let text = std::mem::take(&mut self.buffer);
            self.reason(text.trim_end(), events);
        } else {
            self.pass_on(events);
        }
        self.answer.finish(reason, events);
    }
}
