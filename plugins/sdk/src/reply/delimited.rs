//! Tool calls between an opening and a closing marker.

use super::scan::{Found, find_from, take};
use super::{Call, ContentText, Events, ReplyParser};
use crate::{ChatRequest, FinishReason, Tools};

/// Reads what stands between the markers; `None`: it is no call.
type Read = fn(&str, &Tools) -> Option<Vec<Call>>;

/// Finds calls between two markers; everything else is content.
///
/// A request without tools has no calls, whatever the text looks like.
pub struct Delimited {
    markers: [&'static str; 2],
    read: Read,
    tools: Tools,
    content: ContentText,
    inside: bool,
    calls: usize,
    buffer: String,
    /// How much of the buffer is known to hold no marker, so that a long call is searched once.
    searched: usize,
}

impl Delimited {
    /// Calls between `markers`, read by `read`: [`json_object`](super::json_object),
    /// [`glm_xml`](super::glm_xml) or a family's own function.
    pub fn new(markers: [&'static str; 2], read: Read, request: &ChatRequest) -> Self {
        Self {
            markers,
            read,
            tools: Tools::of(request),
            content: ContentText::new(request),
            inside: false,
            calls: 0,
            buffer: String::new(),
            searched: 0,
        }
    }

    /// `<tool_call>` and `</tool_call>`.
    pub fn tool_call(read: Read, request: &ChatRequest) -> Self {
        Self::new(["<tool_call>", "</tool_call>"], read, request)
    }

    /// The prompt ended with the opening marker and `start`: the reply begins inside a call.
    #[must_use]
    pub fn opened(mut self, start: &str) -> Self {
        self.inside = true;
        start.clone_into(&mut self.buffer);
        self
    }

    /// Takes the next stretch off the buffer; false when more text is needed.
    fn step(&mut self, events: &mut Events) -> bool {
        let [open, close] = self.markers;
        let marker = if self.inside { close } else { open };
        match find_from(&self.buffer, self.searched, &[marker]) {
            Found::Marker { at, .. } => {
                let text = take(&mut self.buffer, at);
                take(&mut self.buffer, marker.len());
                self.searched = 0;
                if self.inside {
                    self.call(&text, events);
                } else {
                    self.content.push(&text, events);
                }
                self.inside = !self.inside;
                true
            }
            Found::Perhaps { at } if !self.inside => {
                let text = take(&mut self.buffer, at);
                self.content.push(&text, events);
                false
            }
            Found::Nothing if !self.inside => {
                let text = std::mem::take(&mut self.buffer);
                self.content.push(&text, events);
                false
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

    fn call(&mut self, body: &str, events: &mut Events) {
        let Some(calls) = (self.read)(body, &self.tools) else {
            let [open, close] = self.markers;
            self.content.push(&format!("{open}{body}{close}"), events);
            return;
        };
        self.content.before_call(events);
        for call in calls {
            self.calls += 1;
            if self.calls == 1 || !self.tools.single() {
                events.call(call);
            }
        }
    }
}

impl ReplyParser for Delimited {
    fn push(&mut self, text: &str, events: &mut Events) {
        if self.tools.is_empty() {
            self.content.push(text, events);
            return;
        }
        self.buffer.push_str(text);
        while self.step(events) {}
    }

    fn finish(&mut self, reason: FinishReason, events: &mut Events) {
        if self.inside {
            let [open, _] = self.markers;
            self.content.push(open, events);
        }
        let text = std::mem::take(&mut self.buffer);
        self.content.push(&text, events);
        self.content.finish(reason, events);
    }
}
