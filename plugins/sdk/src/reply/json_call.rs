//! A call in JSON, from its first byte to its last.

use serde_json::{Map, Value};

use super::json_text::{JsonText, Progress};
use super::notation::{Keys, STREAMED_FROM};
use super::{Call, ContentText, Events};
use crate::Tools;

/// What became of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It goes on.
    Open,
    /// It is no call, and nothing of it was given.
    NoCall,
    /// It was given, and ended before this byte.
    Given(usize),
    /// A part of it was given before this byte, from which on it is malformed.
    Broken(usize),
}

/// A call in JSON on its way: an object with a name and arguments, or the arguments alone.
#[derive(Debug)]
pub(super) struct JsonCall {
    text: JsonText,
    /// What names its parts; `None`: all of it is the arguments of `call`.
    keys: Option<&'static Keys>,
    call: Call,
    /// How much of the text was given as arguments, once any was.
    given: Option<usize>,
    /// Whether the call is one of those that are passed on.
    wanted: bool,
}

impl JsonCall {
    /// An object with the parts of a call.
    pub(super) fn object(keys: &'static Keys, wanted: bool) -> Self {
        let call = Call::new("", "");
        Self { text: JsonText::default(), keys: Some(keys), call, given: None, wanted }
    }

    /// The arguments of `call`.
    pub(super) fn arguments_of(call: Call, wanted: bool) -> Self {
        Self { text: JsonText::default(), keys: None, call, given: None, wanted }
    }

    /// Whether a part of it was given.
    pub(super) fn is_given(&self) -> bool {
        self.given.is_some()
    }

    /// Reads on in `body`, the text from the call's first byte on.
    pub(super) fn advance(
        &mut self,
        body: &str,
        tools: &Tools,
        content: &mut ContentText,
        events: &mut Events,
    ) -> Outcome {
        let progress = self.text.advance(body.get(self.text.read()..).unwrap_or_default());
        self.note(body, tools);
        if self.is_foreign(body, tools) {
            return Outcome::NoCall;
        }
        match progress {
            Progress::Open => {
                self.give_part(body, content, events);
                Outcome::Open
            }
            Progress::Wrong(at) => {
                // Whether a part was given does not depend on how the text was cut.
                self.give_part(body, content, events);
                if self.is_given() { Outcome::Broken(at) } else { Outcome::NoCall }
            }
            Progress::Ended(end) => {
                self.give_part(body, content, events);
                if self.is_given() {
                    return Outcome::Given(end);
                }
                let Some(call) = self.whole(body.get(..end).unwrap_or_default()) else {
                    return Outcome::NoCall;
                };
                content.before_call(events);
                if self.wanted {
                    events.call(call);
                }
                self.given = Some(end);
                Outcome::Given(end)
            }
        }
    }

    /// Whether an object that nothing marks as a call has shown that it is none.
    fn is_foreign(&self, body: &str, tools: &Tools) -> bool {
        let Some(keys) = self.keys.filter(|keys| keys.strict && !self.is_given()) else {
            return false;
        };
        let fields = self.text.fields();
        keys.first_is_foreign(body, fields)
            || keys.name(body, fields).is_some_and(|name| !tools.contains(&name))
    }

    /// Notes the name and the id, once they are known.
    fn note(&mut self, body: &str, tools: &Tools) {
        let Some(keys) = self.keys else { return };
        if self.call.name.is_empty()
            && let Some(name) = keys.name(body, self.text.fields())
            && (!keys.strict || tools.contains(&name))
        {
            self.call.name = name;
        }
        if self.call.id.is_none() {
            self.call.id = keys.id(body, self.text.fields());
        }
    }

    /// Where the arguments begin, and end once they have.
    fn arguments(&self, body: &str) -> Option<(usize, Option<usize>)> {
        match self.keys {
            None => Some((body.len() - body.trim_start().len(), None)),
            Some(keys) => keys.arguments(body, self.text.fields()),
        }
    }

    /// Gives what has come of the arguments, once enough is known and enough has come.
    fn give_part(&mut self, body: &str, content: &mut ContentText, events: &mut Events) {
        let Some((start, end)) = self.arguments(body) else { return };
        let end = end.unwrap_or(self.text.read()).min(self.text.read());
        let Some(arguments) = body.get(start..end) else { return };
        let begins = self.given.is_none();
        if begins {
            let known = !self.call.name.is_empty()
                && self.keys.is_none_or(|keys| !keys.id_comes_last || self.call.id.is_some());
            if !known || !arguments.starts_with('{') || arguments.len() < STREAMED_FROM {
                return;
            }
            content.before_call(events);
        }
        if self.wanted {
            if begins {
                events.begin_call(&self.call);
            }
            let from = self.given.unwrap_or(start);
            events.arguments(body.get(from..end).unwrap_or_default());
        }
        self.given = Some(end.max(self.given.unwrap_or(start)));
    }

    /// The call, whole.
    fn whole(&mut self, body: &str) -> Option<Call> {
        if self.call.name.is_empty() {
            return None;
        }
        if let Some(keys) = self.keys {
            return keys.call(body, self.text.fields());
        }
        let arguments = body.trim();
        serde_json::from_str::<Map<String, Value>>(arguments).ok()?;
        let call = std::mem::replace(&mut self.call, Call::new("", ""));
        Some(Call { arguments: arguments.to_owned(), ..call })
    }
}
