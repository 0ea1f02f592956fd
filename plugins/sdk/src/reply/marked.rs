//! Calls that a marker begins, or that open the reply: one parser for every such notation.

use super::ends::{Brackets, Closing};
use super::json_call::{JsonCall, Outcome};
use super::notation::{Head, Heading, Keys, LONGEST_HEAD, MOST_HELD, Notation, Read};
use super::scan::{Found, begins, find, take};
use super::{Call, ContentText, Events, ReplyParser};
use crate::{ChatRequest, FinishReason, Tools};

/// How many calls a reply may hold; what follows is content.
const MOST_CALLS: usize = 128;

/// Finds the calls of one [`Notation`]; everything else is content.
///
/// - Text before, between and after calls is kept, but for whitespace between calls.
/// - What begins like a call and is none is content, with its markers.
/// - Arguments in JSON are passed on as the model wrote them, once they are whole; a call that is
///   malformed or cut short is content.
/// - A request without tools has no calls, whatever the text looks like.
pub struct Marked {
    notation: &'static Notation,
    /// The openings, then the silent markers.
    markers: Vec<&'static str>,
    tools: Tools,
    content: ContentText,
    state: State,
    /// The opening before the buffer: content if no call follows.
    opening: String,
    /// The last marker of the opening.
    marker: &'static str,
    buffer: String,
    calls: usize,
}

enum State {
    /// Nothing but whitespace so far.
    Start,
    /// In content.
    Text,
    /// After an opening; it is not known yet what follows.
    Head,
    /// In a call that is JSON.
    Json(Box<Json>),
    /// In a call that ends with a marker.
    Closed(Closing),
    /// In a call that ends with the bracket that closes its first one.
    Bracketed { read: Read, brackets: Brackets },
    /// After a call; `list` says that a list of them is open, `again` that another may follow
    /// without a marker.
    After { list: bool, again: bool },
}

/// A call in JSON, and where in the buffer it begins.
struct Json {
    call: JsonCall,
    from: usize,
    /// Whether it is one of a list.
    list: bool,
    /// Whether another may follow it without a marker.
    again: bool,
}

impl Marked {
    /// A parser for the reply to a request.
    pub fn new(notation: &'static Notation, request: &ChatRequest) -> Self {
        let tools = Tools::of(request);
        // Without tools nothing is a call, but markers that say nothing still do not show.
        let openings = if tools.is_empty() { &[][..] } else { notation.openings };
        Self {
            notation,
            markers: openings.iter().chain(notation.silent).copied().collect(),
            state: if tools.is_empty() { State::Text } else { State::Start },
            tools,
            content: ContentText::new(request),
            opening: String::new(),
            marker: "",
            buffer: String::new(),
            calls: 0,
        }
    }

    /// The prompt ended with `start`, the beginning of a call: the reply goes on from there.
    #[must_use]
    pub fn opened(mut self, start: &str) -> Self {
        let mut events = Events::default();
        self.push(start, &mut events);
        self
    }

    /// Works on the buffer; false when more text is needed.
    fn step(&mut self, events: &mut Events) -> bool {
        match &mut self.state {
            State::Start => self.start(events),
            State::Text => self.text(events),
            State::Head => self.head(events),
            State::Json(_) => self.json(events),
            State::Closed(_) => self.closed(events),
            State::Bracketed { .. } => self.bracketed(events),
            State::After { .. } => self.after(),
        }
    }

    /// Decides whether the reply opens with a call that has no marker.
    fn start(&mut self, events: &mut Events) -> bool {
        let blank = self.buffer.len() - self.buffer.trim_start().len();
        let blank = take(&mut self.buffer, blank);
        self.content.push(&blank, events);
        let Some(first) = self.buffer.chars().next() else { return false };
        let may_be_call = self.notation.starts.iter().any(|start| *start == first || *start == '*');
        self.marker = "";
        self.state = if may_be_call { State::Head } else { State::Text };
        true
    }

    /// Passes content on up to the next marker.
    fn text(&mut self, events: &mut Events) -> bool {
        match find(&self.buffer, &self.markers) {
            Found::Marker { at, index } => {
                let text = take(&mut self.buffer, at);
                self.content.push(&text, events);
                let marker = self.markers.get(index).copied().unwrap_or_default();
                let marker_text = take(&mut self.buffer, marker.len());
                let silent = index + self.notation.silent.len() >= self.markers.len();
                if !silent {
                    if self.calls >= MOST_CALLS {
                        self.content.push(&marker_text, events);
                    } else {
                        self.opening = marker_text;
                        self.marker = marker;
                        self.state = State::Head;
                    }
                }
                true
            }
            Found::Perhaps { at } => {
                let text = take(&mut self.buffer, at);
                self.content.push(&text, events);
                false
            }
            Found::Nothing => {
                let text = std::mem::take(&mut self.buffer);
                self.content.push(&text, events);
                false
            }
        }
    }

    /// Decides what follows the opening.
    fn head(&mut self, events: &mut Events) -> bool {
        // Some notations frame their calls, and models leave a frame out or repeat it.
        if !self.marker.is_empty() {
            let rest = self.buffer.trim_start();
            match begins(rest, self.notation.openings) {
                Found::Marker { index, .. } => {
                    let marker = self.notation.openings.get(index).copied().unwrap_or_default();
                    let used = self.buffer.len() - rest.len() + marker.len();
                    let used = take(&mut self.buffer, used);
                    self.opening.push_str(&used);
                    self.marker = marker;
                    return self.opening.len() <= LONGEST_HEAD || self.no_call(events);
                }
                Found::Perhaps { .. } => return self.within(LONGEST_HEAD, events),
                Found::Nothing => {}
            }
        }
        let heading = Heading { marker: self.marker, text: &self.buffer, tools: &self.tools };
        match (self.notation.head)(&heading) {
            Head::Unknown => return self.within(LONGEST_HEAD, events),
            Head::NoCall => return self.no_call(events),
            Head::Content { at } => {
                take(&mut self.buffer, at);
                self.opening.clear();
                self.state = State::Text;
            }
            Head::Closed { read, close, quotes } => {
                self.state = State::Closed(Closing::new(read, close, quotes));
            }
            Head::Bracketed { read } => {
                self.state = State::Bracketed { read, brackets: Brackets::default() };
            }
            Head::Object { at } => self.begin_json(at, None, false, true),
            Head::List { at } => self.begin_json(at, None, true, false),
            Head::Arguments { call, at } => self.begin_json(at, Some(call), false, false),
        }
        true
    }

    /// Begins a call in JSON at the byte `from`: an object with the parts of a call, or the
    /// arguments of `call`.
    fn begin_json(&mut self, from: usize, call: Option<Call>, list: bool, again: bool) {
        let wanted = self.calls == 0 || !self.tools.single();
        let call = match (call, self.notation.keys) {
            (Some(call), _) => JsonCall::arguments_of(call, wanted),
            (None, keys) => JsonCall::object(keys.unwrap_or(&Keys::COMMON), wanted),
        };
        self.state = State::Json(Box::new(Json { call, from, list, again }));
    }

    /// Waits for more, unless there is too much already.
    fn within(&mut self, limit: usize, events: &mut Events) -> bool {
        self.buffer.len() > limit && self.no_call(events)
    }

    /// What looked like a call is content; the rest may hold calls.
    fn no_call(&mut self, events: &mut Events) -> bool {
        let opening = std::mem::take(&mut self.opening);
        self.content.push(&opening, events);
        if self.marker.is_empty() {
            // Past the character with which it began, or the same would be tried for ever.
            let first = self.buffer.chars().next().map_or(0, char::len_utf8);
            let first = take(&mut self.buffer, first);
            self.content.push(&first, events);
        }
        self.state = State::Text;
        true
    }

    fn json(&mut self, events: &mut Events) -> bool {
        let State::Json(json) = &mut self.state else { return false };
        let body = self.buffer.get(json.from..).unwrap_or_default();
        let (from, list, again) = (json.from, json.list, json.again);
        match json.call.advance(body, &self.tools, &mut self.content, events) {
            Outcome::Open => self.within(MOST_HELD, events),
            Outcome::NoCall => self.no_call(events),
            Outcome::Given(used) => {
                self.calls += 1;
                self.end_call(from + used, list, again);
                true
            }
        }
    }

    fn give(&mut self, call: Call, events: &mut Events) {
        self.content.before_call(events);
        self.calls += 1;
        if self.calls == 1 || !self.tools.single() {
            events.call(call);
        }
    }

    fn end_call(&mut self, used: usize, list: bool, again: bool) {
        take(&mut self.buffer, used);
        self.opening.clear();
        self.state = State::After { list, again };
    }

    fn closed(&mut self, events: &mut Events) -> bool {
        let State::Closed(closing) = &mut self.state else { return false };
        let Some(at) = closing.find(&self.buffer) else {
            return self.within(MOST_HELD, events);
        };
        let Closing { read, close, .. } = *closing;
        let body = self.buffer.get(..at).unwrap_or_default();
        let heading = Heading { marker: self.marker, text: body, tools: &self.tools };
        let calls = read(&heading).filter(|calls| self.calls + calls.len() <= MOST_CALLS);
        let Some(calls) = calls else { return self.no_closed_call(at, events) };
        self.give_all(calls, events);
        self.end_call(at + close.len(), false, false);
        true
    }

    /// What was closed is no call, but the last opening in it may begin one: each end is tried
    /// twice at most.
    fn no_closed_call(&mut self, at: usize, events: &mut Events) -> bool {
        let body = self.buffer.get(..at).unwrap_or_default();
        let last = self.notation.openings.iter().filter_map(|opening| body.rfind(opening)).max();
        let opening = std::mem::take(&mut self.opening);
        self.content.push(&opening, events);
        let skipped = take(&mut self.buffer, last.unwrap_or(at));
        self.content.push(&skipped, events);
        self.state = State::Text;
        true
    }

    fn bracketed(&mut self, events: &mut Events) -> bool {
        let State::Bracketed { read, brackets } = &mut self.state else { return false };
        let read = *read;
        let Some(end) = brackets.advance(&self.buffer) else {
            return self.within(MOST_HELD, events);
        };
        let body = self.buffer.get(..end).unwrap_or_default();
        let heading = Heading { marker: self.marker, text: body, tools: &self.tools };
        let calls = read(&heading).filter(|calls| self.calls + calls.len() <= MOST_CALLS);
        let Some(calls) = calls else { return self.no_call(events) };
        self.give_all(calls, events);
        self.end_call(end, false, self.marker.is_empty());
        true
    }

    fn give_all(&mut self, calls: Vec<Call>, events: &mut Events) {
        for call in calls {
            self.give(call, events);
        }
    }

    /// Drops what closes a call, and finds the next one.
    fn after(&mut self) -> bool {
        let State::After { list, again } = self.state else { return false };
        let rest = self.buffer.trim_start();
        let blank = self.buffer.len() - rest.len();
        // Only what stands before the next thing counts: how much more is there already depends on
        // how the text was cut.
        if blank > LONGEST_HEAD {
            self.state = State::Text;
            return true;
        }
        if rest.is_empty() {
            return false;
        }
        if list && rest.starts_with(']') {
            take(&mut self.buffer, blank + 1);
            self.state = State::After { list: false, again: false };
            return true;
        }
        if (list || again) && self.calls < MOST_CALLS && self.notation.keys.is_some() {
            let next = rest.trim_start_matches([',', ';']).trim_start();
            let used = self.buffer.len() - next.len();
            if used > LONGEST_HEAD {
                self.state = State::Text;
                return true;
            }
            if next.is_empty() {
                return false;
            }
            if next.starts_with('{') {
                self.opening = take(&mut self.buffer, used);
                self.begin_json(0, None, list, again);
                return true;
            }
        }
        let closings = self.notation.closings;
        if let Some(closing) = closings.iter().find(|closing| rest.starts_with(**closing)) {
            take(&mut self.buffer, blank + closing.len());
            self.state = State::After { list: false, again: false };
            return true;
        }
        if closings.iter().any(|closing| closing.starts_with(rest)) {
            return false;
        }
        self.state = State::Text;
        true
    }
}

impl ReplyParser for Marked {
    fn push(&mut self, text: &str, events: &mut Events) {
        self.buffer.push_str(text);
        while self.step(events) {}
    }

    fn finish(&mut self, reason: FinishReason, events: &mut Events) {
        let closing = match &self.state {
            State::After { .. } => {
                let rest = self.buffer.trim_start();
                !rest.is_empty() && self.notation.closings.iter().any(|end| end.starts_with(rest))
            }
            _ => false,
        };
        if !closing {
            let opening = std::mem::take(&mut self.opening);
            self.content.push(&opening, events);
            let text = std::mem::take(&mut self.buffer);
            self.content.push(&text, events);
        }
        self.content.finish(reason, events);
    }
}
