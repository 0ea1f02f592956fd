//! Reasoning between two markers, in all its forms.

use super::scan::{Found, begins, find, take};
use super::text::ReasoningText;
use super::{Events, ReplyParser};
use crate::FinishReason;

/// How much whitespace may stand before the opening marker.
const MOST_BLANK: usize = 256;

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
/// - Where the openings of calls are known ([`Reasoning::with_calls`]), a call ends reasoning that
///   is never closed. One in reasoning that is closed later was a thought.
pub struct Reasoning<P> {
    markers: [&'static str; 2],
    opening: Opening,
    state: State,
    /// Text that is not yet decided.
    buffer: String,
    /// How much of a call in the reasoning is known to hold no closing marker.
    searched: usize,
    thoughts: ReasoningText,
    /// What begins a call.
    calls: &'static [&'static str],
    /// What else begins an answer where there is no reasoning.
    answers: &'static [&'static str],
    /// Whether reasoning may come again within the answer.
    again: bool,
    answer: P,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing but whitespace so far.
    Start,
    Reasoning,
    /// In the reasoning, from the opening of a call on.
    Call,
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
        Self {
            markers,
            opening,
            state: State::Start,
            buffer: String::new(),
            searched: 0,
            thoughts: ReasoningText::default(),
            calls: &[],
            answers: &[],
            again: false,
            answer,
        }
    }

    /// One of these begins a call, which the answer's parser reads.
    #[must_use]
    pub fn with_calls(mut self, openings: &'static [&'static str]) -> Self {
        self.calls = openings;
        self
    }

    /// One of these begins an answer, where the prompt opened the reasoning and the model has none.
    #[must_use]
    pub fn with_answers(mut self, openings: &'static [&'static str]) -> Self {
        self.answers = openings;
        self
    }

    /// Reasoning may come again within the answer, and closing markers there are dropped.
    #[must_use]
    pub fn interleaved(mut self) -> Self {
        self.again = true;
        self
    }

    /// Works on the buffer; false when more text is needed.
    fn step(&mut self, events: &mut Events) -> bool {
        match self.state {
            State::Start => self.start(),
            State::Reasoning => self.reasoning(events),
            State::Call => self.call(events),
            State::Unreasoned => self.unreasoned(events),
            State::Answer => {
                let text = std::mem::take(&mut self.buffer);
                self.answer.push(&text, events);
                false
            }
        }
    }

    fn start(&mut self) -> bool {
        let [open, _] = self.markers;
        let prompted = self.opening == Opening::Prompt;
        let blank = self.buffer.len() - self.buffer.trim_start().len();
        if prompted {
            take(&mut self.buffer, blank);
        } else if blank > MOST_BLANK {
            self.state = State::Unreasoned;
            return true;
        }
        let text = self.buffer.trim_start();
        if text.starts_with(open) {
            let used = self.buffer.len() - text.len() + open.len();
            take(&mut self.buffer, used);
            self.state = State::Reasoning;
            return true;
        }
        if open.starts_with(text) {
            return false;
        }
        if prompted {
            // Nothing was thought: what follows is the answer.
            for openings in [self.calls, self.answers] {
                match begins(text, openings) {
                    Found::Marker { .. } => {
                        self.state = State::Answer;
                        return true;
                    }
                    Found::Perhaps { .. } => return false,
                    Found::Nothing => {}
                }
            }
        }
        self.state = if prompted { State::Reasoning } else { State::Unreasoned };
        true
    }

    fn reasoning(&mut self, events: &mut Events) -> bool {
        let [_, close] = self.markers;
        let closing = find(&self.buffer, &[close]);
        let end = |found| match found {
            Found::Marker { at, .. } | Found::Perhaps { at } => Some(at),
            Found::Nothing => None,
        };
        let call =
            if self.calls.is_empty() { Found::Nothing } else { find(&self.buffer, self.calls) };
        if let Some(at) = end(call)
            && end(closing).is_none_or(|close| at < close)
        {
            self.reason(at, events);
            if let Found::Marker { .. } = call {
                self.searched = 0;
                self.state = State::Call;
                return true;
            }
            return false;
        }
        match closing {
            Found::Marker { at, .. } => {
                self.close(at, events);
                true
            }
            Found::Perhaps { at } => {
                self.reason(at, events);
                false
            }
            Found::Nothing => {
                self.reason(self.buffer.len(), events);
                false
            }
        }
    }

    /// Ends the reasoning at the closing marker at the byte `at`.
    fn close(&mut self, at: usize, events: &mut Events) {
        let [_, close] = self.markers;
        self.reason(at, events);
        self.thoughts.end();
        take(&mut self.buffer, close.len());
        self.state = if self.again { State::Unreasoned } else { State::Answer };
    }

    /// Holds what may be a call until the reasoning is closed, or the reply ends.
    fn call(&mut self, events: &mut Events) -> bool {
        let [_, close] = self.markers;
        let from = self.searched;
        match find(self.buffer.get(from..).unwrap_or_default(), &[close]) {
            Found::Marker { at, .. } => {
                self.close(from + at, events);
                true
            }
            Found::Perhaps { at } => {
                self.searched = from + at;
                false
            }
            Found::Nothing => {
                self.searched = self.buffer.len();
                false
            }
        }
    }

    fn unreasoned(&mut self, events: &mut Events) -> bool {
        let [open, close] = self.markers;
        let markers: &[&str] = if self.again { &[close, open] } else { &[close] };
        let found = find(&self.buffer, markers);
        // What a call holds is no marker of reasoning.
        let call = if self.again { Found::Nothing } else { find(&self.buffer, self.calls) };
        let at = |found| match found {
            Found::Marker { at, .. } | Found::Perhaps { at } => Some(at),
            Found::Nothing => None,
        };
        if let Found::Marker { at: call, .. } = call
            && at(found).is_none_or(|at| call < at)
        {
            self.state = State::Answer;
            return true;
        }
        let end = at(found).into_iter().chain(at(call)).min().unwrap_or(self.buffer.len());
        let text = take(&mut self.buffer, end);
        self.answer.push(&text, events);
        match found {
            Found::Marker { at, index } if at == end => {
                let marker = if index == 0 { close } else { open };
                take(&mut self.buffer, marker.len());
                self.state = match index {
                    0 if !self.again => State::Answer,
                    0 => State::Unreasoned,
                    _ => State::Reasoning,
                };
                true
            }
            _ => false,
        }
    }

    /// The buffer is reasoning up to the byte `end`.
    fn reason(&mut self, end: usize, events: &mut Events) {
        let text = take(&mut self.buffer, end);
        self.thoughts.push(&text, events);
    }

    /// What is held at the end of a reply that stopped by itself is a call, if it holds one.
    fn finish_call(&mut self, reason: FinishReason, events: &mut Events) {
        let text = std::mem::take(&mut self.buffer);
        if reason == FinishReason::Stop {
            let mut answer = Events::default();
            self.answer.push(&text, &mut answer);
            self.answer.finish(reason, &mut answer);
            if answer.has_call() {
                events.append(answer);
                return;
            }
        }
        self.thoughts.push(&text, events);
    }
}

impl<P: ReplyParser> ReplyParser for Reasoning<P> {
    fn push(&mut self, text: &str, events: &mut Events) {
        if self.state == State::Answer {
            self.answer.push(text, events);
        } else {
            self.buffer.push_str(text);
            while self.step(events) {}
        }
    }

    fn finish(&mut self, reason: FinishReason, events: &mut Events) {
        match self.state {
            State::Call => return self.finish_call(reason, events),
            State::Reasoning => self.reason(self.buffer.len(), events),
            State::Start if self.opening == Opening::Prompt => {
                self.reason(self.buffer.len(), events);
            }
            _ => {
                let text = std::mem::take(&mut self.buffer);
                self.answer.push(&text, events);
            }
        }
        self.answer.finish(reason, events);
    }
}
