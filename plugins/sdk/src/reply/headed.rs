//! Tool calls that begin with the tool's name on a line of its own.

use super::notation::LONGEST_HEAD;
use super::scan::{Found, find, find_from, take};
use super::{Call, ContentText, Events, ReplyParser};
use crate::{ChatRequest, FinishReason, Tools};

/// What follows the line with the name.
#[derive(Clone, Copy, Debug)]
pub struct Body {
    /// The character that the body must begin with.
    pub first: char,
    /// Reads the body of a call to the tool `name`; `None`: it is no call.
    pub read: fn(&str, &str) -> Option<Call>,
}

/// Finds calls of the form `name`, line break, body, as GLM-4 and ChatGLM3 write them.
///
/// A reply has segments, parted by a marker; a segment that begins with the name of a tool that
/// the request has is a call, and any other is content. A name further down in a segment begins no
/// call, as in the models' own parsers. A marker beside a call belongs to the call; any other is
/// content as well.
pub struct Headed {
    separator: &'static str,
    body: Body,
    tools: Tools,
    content: ContentText,
    state: State,
    /// The marker before this segment, until it is known whether a call follows.
    marker: &'static str,
    calls: usize,
    buffer: String,
    /// How much of a call in the buffer is known to hold no separator.
    searched: usize,
}

enum State {
    /// At the start of a segment, where a name may stand.
    Head,
    /// After this name. What was written up to the body comes with it.
    Call {
        name: String,
        line: String,
    },
    Content,
}

impl Headed {
    /// Calls in segments that `separator` parts.
    pub fn new(separator: &'static str, body: Body, request: &ChatRequest) -> Self {
        Self {
            separator,
            body,
            tools: Tools::of(request),
            content: ContentText::new(request),
            state: State::Head,
            marker: "",
            calls: 0,
            buffer: String::new(),
            searched: 0,
        }
    }

    /// The prompt ended with the line of this tool and `start`: the reply begins in the call's body.
    #[must_use]
    pub fn opened(mut self, name: &str, start: &str) -> Self {
        self.state = State::Call { name: name.to_owned(), line: String::new() };
        start.clone_into(&mut self.buffer);
        self
    }

    /// Works on the buffer; false when more text is needed.
    fn step(&mut self, events: &mut Events) -> bool {
        match &self.state {
            State::Head => self.head(events),
            State::Call { .. } => self.call(events),
            State::Content => self.segment(events),
        }
    }

    /// Decides whether the segment is a call.
    fn head(&mut self, events: &mut Events) -> bool {
        let text = self.buffer.trim_start();
        let blank = self.buffer.len() - text.len();
        let line = text.split('\n').next().unwrap_or_default();
        if blank.max(line.len()) > LONGEST_HEAD {
            self.keep_marker(events);
            self.state = State::Content;
            return true;
        }
        if text.is_empty() {
            return false;
        }
        if let Some((line, rest)) = text.split_once('\n') {
            let name = line.trim();
            self.state = if self.tools.contains(name) {
                let used = self.buffer.len() - rest.len();
                let name = name.to_owned();
                let marker = std::mem::take(&mut self.marker);
                State::Call { name, line: marker.to_owned() + &take(&mut self.buffer, used) }
            } else {
                self.keep_marker(events);
                State::Content
            };
            return true;
        }
        let may_be_name = self.tools.names().any(|name| {
            name.starts_with(text)
                || text.strip_prefix(name).is_some_and(|blank| blank.trim().is_empty())
        });
        if !may_be_name {
            self.keep_marker(events);
            self.state = State::Content;
        }
        !may_be_name
    }

    /// No call follows the marker: it is content.
    fn keep_marker(&mut self, events: &mut Events) {
        self.content.push(std::mem::take(&mut self.marker), events);
    }

    /// Waits for the end of a call, unless it cannot be one.
    fn call(&mut self, events: &mut Events) -> bool {
        let first = self.buffer.trim_start().chars().next();
        if first.is_some_and(|first| first != self.body.first) {
            self.not_a_call(events);
            return true;
        }
        match find_from(&self.buffer, self.searched, &[self.separator]) {
            Found::Marker { at, .. } => {
                let body = take(&mut self.buffer, at);
                take(&mut self.buffer, self.separator.len());
                if !self.end_call(&body, events) {
                    self.marker = self.separator;
                }
                self.searched = 0;
                self.state = State::Head;
                true
            }
            Found::Perhaps { at } => {
                self.searched = at;
                false
            }
            Found::Nothing => {
                self.searched = self.buffer.len();
                false
            }
        }
    }

    /// The line with the name is content, and so is what follows.
    fn not_a_call(&mut self, events: &mut Events) {
        if let State::Call { line, .. } = &self.state {
            self.content.push(line, events);
        }
        self.searched = 0;
        self.state = State::Content;
    }

    /// Ends what looked like a call; false: it was content.
    fn end_call(&mut self, body: &str, events: &mut Events) -> bool {
        let State::Call { name, line } = &self.state else { return false };
        if let Some(call) = (self.body.read)(name, body) {
            self.content.before_call(events);
            self.calls += 1;
            if self.calls == 1 || !self.tools.single() {
                events.call(call);
            }
            return true;
        }
        self.content.push(line, events);
        self.content.push(body, events);
        false
    }

    /// Passes content on up to the next separator.
    fn segment(&mut self, events: &mut Events) -> bool {
        let (count, ended) = match find(&self.buffer, &[self.separator]) {
            Found::Marker { at, .. } => (at, true),
            Found::Perhaps { at } => (at, false),
            Found::Nothing => (self.buffer.len(), false),
        };
        let text = take(&mut self.buffer, count);
        self.content.push(&text, events);
        if ended {
            take(&mut self.buffer, self.separator.len());
            self.marker = self.separator;
            self.state = State::Head;
        }
        ended
    }
}

impl ReplyParser for Headed {
    fn push(&mut self, text: &str, events: &mut Events) {
        self.buffer.push_str(text);
        while self.step(events) {}
    }

    fn finish(&mut self, reason: FinishReason, events: &mut Events) {
        let text = std::mem::take(&mut self.buffer);
        if matches!(self.state, State::Call { .. }) {
            self.end_call(&text, events);
        } else {
            self.keep_marker(events);
            self.content.push(&text, events);
        }
        self.content.finish(reason, events);
    }
}
