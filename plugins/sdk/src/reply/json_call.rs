//! A call in JSON, from its first byte to its last.

use serde_json::{Map, Value};

use super::json_text::{JsonText, Progress};
use super::notation::Keys;
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
}

/// A call in JSON on its way: an object with a name and arguments, or the arguments alone.
///
/// Nothing of it is given before it is whole: what breaks off is text, with its markers.
#[derive(Debug)]
pub(super) struct JsonCall {
    text: JsonText,
    /// What names its parts; `None`: all of it is the arguments of `call`.
    keys: Option<&'static Keys>,
    call: Call,
    /// Whether the call is one of those that are passed on.
    wanted: bool,
}

impl JsonCall {
    /// An object with the parts of a call.
    pub(super) fn object(keys: &'static Keys, wanted: bool) -> Self {
        let call = Call::new("", "");
        Self { text: JsonText::default(), keys: Some(keys), call, wanted }
    }

    /// The arguments of `call`.
    pub(super) fn arguments_of(call: Call, wanted: bool) -> Self {
        Self { text: JsonText::default(), keys: None, call, wanted }
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
        if self.is_foreign(body, tools) {
            return Outcome::NoCall;
        }
        match progress {
            Progress::Open => Outcome::Open,
            Progress::Wrong(_) => Outcome::NoCall,
            Progress::Ended(end) => {
                let Some(call) = self.whole(body.get(..end).unwrap_or_default()) else {
                    return Outcome::NoCall;
                };
                content.before_call(events);
                if self.wanted {
                    events.call(call);
                }
                Outcome::Given(end)
            }
        }
    }

    /// Whether an object that nothing marks as a call has shown that it is none.
    fn is_foreign(&self, body: &str, tools: &Tools) -> bool {
        let Some(keys) = self.keys.filter(|keys| keys.strict) else { return false };
        let fields = self.text.fields();
        keys.first_is_foreign(body, fields)
            || keys.name(body, fields).is_some_and(|name| !tools.contains(&name))
    }

    /// The call, whole.
    fn whole(&mut self, body: &str) -> Option<Call> {
        if let Some(keys) = self.keys {
            return keys.call(body, self.text.fields());
        }
        let arguments = body.trim();
        serde_json::from_str::<Map<String, Value>>(arguments).ok()?;
        let call = std::mem::replace(&mut self.call, Call::new("", ""));
        Some(Call { arguments: arguments.to_owned(), ..call })
    }
}
