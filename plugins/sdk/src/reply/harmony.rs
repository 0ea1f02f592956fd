//! Messages with a channel and a recipient each, as gpt-oss and its like write them.

use super::json_call::{JsonCall, Outcome};
use super::notation::{LONGEST_HEAD, MOST_HELD};
use super::scan::{Found, begins, find, take};
use super::text::ReasoningText;
use super::{Call, ContentText, Events, ReplyParser};
use crate::{ChatRequest, FinishReason, Tools};

const START: &str = "<|start|>";
const CHANNEL: &str = "<|channel|>";
const CONSTRAIN: &str = "<|constrain|>";
const MESSAGE: &str = "<|message|>";
/// What ends a message; the next one's start does so too.
const ENDS: [&str; 5] = ["<|end|>", "<|call|>", "<|return|>", START, CHANNEL];

/// Splits a reply in OpenAI's harmony format.
///
/// - The channel `analysis` is reasoning; `final`, and `commentary` to nobody, are content.
/// - A message to `functions.NAME` is a call, on whatever channel.
/// - A message to a tool that the model has of its own, such as `python`, is not for the client
///   and is dropped; llama.cpp does the same.
/// - A reply without any header is content.
pub struct Harmony {
    tools: Tools,
    content: ContentText,
    state: State,
    buffer: String,
    reasoning: ReasoningText,
    calls: usize,
}

enum State {
    /// Before the first header, if there is one.
    Start,
    /// In a header.
    Header,
    Reasoning,
    Content,
    Call(Box<JsonCall>),
    Dropped,
    /// After a message, before the next.
    Between,
}

impl Harmony {
    /// A parser for the reply to a request.
    pub fn new(request: &ChatRequest) -> Self {
        Self {
            tools: Tools::of(request),
            content: ContentText::new(request),
            state: State::Start,
            buffer: String::new(),
            reasoning: ReasoningText::default(),
            calls: 0,
        }
    }

    /// The prompt ended with `start`, the beginning of a message: the reply goes on from there.
    #[must_use]
    pub fn opened(mut self, start: &str) -> Self {
        let mut events = Events::default();
        self.push(start, &mut events);
        self
    }

    fn step(&mut self, events: &mut Events) -> bool {
        match &mut self.state {
            State::Start => self.start(),
            State::Header => self.header(events),
            State::Between => self.between(events),
            State::Call(_) => self.call(events),
            State::Reasoning | State::Content | State::Dropped => self.message(events),
        }
    }

    fn start(&mut self) -> bool {
        let rest = self.buffer.trim_start();
        match begins(rest, &[START, CHANNEL, CONSTRAIN, MESSAGE, "to=", "assistant"]) {
            Found::Marker { .. } => self.state = State::Header,
            Found::Perhaps { .. } if self.buffer.len() <= LONGEST_HEAD => return false,
            _ => self.state = State::Content,
        }
        true
    }

    fn header(&mut self, events: &mut Events) -> bool {
        match find(&self.buffer, &[MESSAGE]) {
            Found::Marker { at, .. } => {
                let header = take(&mut self.buffer, at);
                take(&mut self.buffer, MESSAGE.len());
                self.open(&header);
                true
            }
            _ if self.buffer.len() > LONGEST_HEAD => {
                let header = std::mem::take(&mut self.buffer);
                self.content.push(&header, events);
                self.state = State::Content;
                true
            }
            _ => false,
        }
    }

    /// Begins the message of a header.
    fn open(&mut self, header: &str) {
        let channel = header.rsplit_once(CHANNEL).map_or("", |(_, channel)| channel);
        let word = |text: &str| {
            let text = text.trim_start();
            let end = text.find(|c: char| c.is_whitespace() || c == '<').unwrap_or(text.len());
            text.get(..end).unwrap_or_default().to_owned()
        };
        let recipient = header.rsplit_once("to=").map(|(_, to)| word(to)).unwrap_or_default();
        let function = recipient.strip_prefix("functions.").filter(|name| !name.is_empty());
        let wanted = self.calls == 0 || !self.tools.single();
        self.state = match function {
            Some(name) if !self.tools.is_empty() => {
                let call = Call::new(name, "");
                State::Call(Box::new(JsonCall::arguments_of(call, wanted)))
            }
            None if !matches!(recipient.as_str(), "" | "assistant" | "user" | "all") => {
                State::Dropped
            }
            None if word(channel) == "analysis" => State::Reasoning,
            _ => State::Content,
        };
    }

    /// Passes a message on up to its end.
    fn message(&mut self, events: &mut Events) -> bool {
        let (count, ended) = match find(&self.buffer, &ENDS) {
            Found::Marker { at, .. } => (at, true),
            Found::Perhaps { at } => (at, false),
            Found::Nothing => (self.buffer.len(), false),
        };
        let text = take(&mut self.buffer, count);
        match self.state {
            State::Reasoning => self.reasoning.push(&text, events),
            State::Content => self.content.push(&text, events),
            _ => {}
        }
        if ended {
            self.state = State::Between;
        }
        ended
    }

    fn call(&mut self, events: &mut Events) -> bool {
        let State::Call(call) = &mut self.state else { return false };
        match call.advance(&self.buffer, &self.tools, &mut self.content, events) {
            Outcome::Open => {
                let too_much = self.buffer.len() > MOST_HELD;
                if too_much {
                    self.state = State::Content;
                }
                too_much
            }
            Outcome::NoCall => {
                self.state = State::Content;
                true
            }
            Outcome::Given(used) => {
                self.calls += 1;
                take(&mut self.buffer, used);
                self.state = State::Between;
                true
            }
        }
    }

    /// Between messages: what ends one is dropped, and the next one's header begins.
    fn between(&mut self, events: &mut Events) -> bool {
        let blank = self.buffer.len() - self.buffer.trim_start().len();
        let blank = take(&mut self.buffer, blank);
        self.content.push(&blank, events);
        if self.buffer.is_empty() {
            return false;
        }
        match begins(&self.buffer, &ENDS) {
            Found::Marker { index, .. } => {
                let marker = ENDS.get(index).copied().unwrap_or_default();
                if marker == START || marker == CHANNEL {
                    self.state = State::Header;
                } else {
                    take(&mut self.buffer, marker.len());
                }
                true
            }
            Found::Perhaps { .. } => false,
            Found::Nothing => {
                self.state = State::Content;
                true
            }
        }
    }
}

impl ReplyParser for Harmony {
    fn push(&mut self, text: &str, events: &mut Events) {
        self.buffer.push_str(text);
        while self.step(events) {}
    }

    fn finish(&mut self, reason: FinishReason, events: &mut Events) {
        let text = std::mem::take(&mut self.buffer);
        match &self.state {
            State::Reasoning => self.reasoning.push(&text, events),
            // A header that was cut short says nothing.
            State::Dropped | State::Header | State::Between => {}
            State::Start | State::Content | State::Call(_) => self.content.push(&text, events),
        }
        self.content.finish(reason, events);
    }
}
