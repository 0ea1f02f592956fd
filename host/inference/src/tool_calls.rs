//! Tool calls on their way: passed on once they are whole, content where they never are.
//!
//! A family passes long arguments on as they come, and a reply may end within them or break off
//! into something that is no JSON. A client that got such a call might run it, so none does.

use std::collections::HashSet;

use model::{Message, ReplyEvent};
use serde_json::{Map, Value};

/// The calls of one sequence.
#[derive(Clone, Debug, Default)]
pub(crate) struct ToolCalls {
    open: Option<Call>,
    any: bool,
    /// The ids of the conversation's calls and of those of this reply.
    ids: HashSet<String>,
}

/// A call and its arguments, as far as they have come.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Call {
    pub(crate) id: Option<String>,
    pub(crate) name: String,
    pub(crate) arguments: String,
}

/// What became of a call.
#[derive(Debug, PartialEq)]
pub(crate) enum Ended {
    /// Its arguments are one JSON object, or there are none.
    Whole(Call),
    /// They are not; this is its text.
    Broken(String),
}

impl ToolCalls {
    /// For the reply to a conversation.
    pub(crate) fn after(messages: &[Message]) -> Self {
        let calls = messages.iter().flat_map(|message| &message.tool_calls);
        Self { ids: calls.map(|call| call.id.clone()).collect(), ..Self::default() }
    }

    /// The id of a call: the one that the model gave it, unless it has none or one that another
    /// call has, as with models that count the calls of each reply from zero.
    pub(crate) fn id(&mut self, given: Option<String>) -> String {
        let id = given.filter(|id| !id.is_empty() && !self.ids.contains(id));
        let id = id.unwrap_or_else(new_call_id);
        self.ids.insert(id.clone());
        id
    }

    /// Takes an event of a call; any other is given back, with the call that it ends.
    pub(crate) fn take(&mut self, event: ReplyEvent) -> (Option<Ended>, Option<ReplyEvent>) {
        match event {
            ReplyEvent::ToolCallStart { id, name } => {
                let ended = self.end(false);
                self.open = Some(Call { id, name, arguments: String::new() });
                (ended, None)
            }
            ReplyEvent::ToolCallArguments(text) => {
                if let Some(call) = &mut self.open {
                    call.arguments.push_str(&text);
                }
                (None, None)
            }
            other => (self.end(false), Some(other)),
        }
    }

    /// Ends the call that is open; `cut`: with the sequence, which would have gone on.
    pub(crate) fn end(&mut self, cut: bool) -> Option<Ended> {
        let call = self.open.take()?;
        let whole = if call.arguments.trim().is_empty() {
            !cut
        } else {
            serde_json::from_str::<Map<String, Value>>(&call.arguments).is_ok()
        };
        self.any |= whole;
        Some(if whole { Ended::Whole(call) } else { Ended::Broken(call.into_text()) })
    }

    /// Whether a whole call has come.
    pub(crate) fn any(&self) -> bool {
        self.any
    }
}

/// An id as OpenAI's clients expect it: `call_` and 24 hexadecimal digits.
fn new_call_id() -> String {
    let mut id = format!("call_{}", uuid::Uuid::new_v4().simple());
    id.truncate("call_".len() + 24);
    id
}

impl Call {
    /// The call as most models write one; the markers around it are gone.
    fn into_text(self) -> String {
        let name = Value::String(self.name);
        format!("{{\"name\": {name}, \"arguments\": {}", self.arguments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds the arguments of calls of `f`, and ends the sequence.
    #[track_caller]
    fn check(calls: &[&str], cut: bool, expect: &[&str], any: bool) {
        let mut all = ToolCalls::default();
        let mut ended = Vec::new();
        for arguments in calls {
            ended.extend(all.take(ReplyEvent::ToolCallStart { id: None, name: "f".into() }).0);
            for piece in arguments.split('|') {
                ended.extend(all.take(ReplyEvent::ToolCallArguments(piece.into())).0);
            }
        }
        ended.extend(all.end(cut));
        let texts: Vec<_> = ended
            .into_iter()
            .map(|ended| match ended {
                Ended::Whole(call) => call.arguments,
                Ended::Broken(text) => text,
            })
            .collect();
        assert_eq!(texts, expect);
        assert_eq!(all.any(), any);
    }

    #[test]
    fn whole_calls_are_passed_on() {
        check(
            &[r#"{"a":| 1}"#, r#" {"b": "}"} "#],
            false,
            &[r#"{"a": 1}"#, r#" {"b": "}"} "#],
            true,
        );
        check(&[""], false, &[""], true);
        check(&[r#"{"a": 1}"#], true, &[r#"{"a": 1}"#], true);
    }

    #[test]
    fn broken_calls_are_text() {
        check(&[r#"{"a": "Ro|"#], true, &[r#"{"name": "f", "arguments": {"a": "Ro"#], false);
        check(&[r#"{"a": 1,, }"#], false, &[r#"{"name": "f", "arguments": {"a": 1,, }"#], false);
        check(&["[1]"], false, &[r#"{"name": "f", "arguments": [1]"#], false);
        check(&[""], true, &[r#"{"name": "f", "arguments": "#], false);
        let expect = [r#"{"a": 1}"#, r#"{"name": "f", "arguments": {"b"#];
        check(&[r#"{"a": 1}"#, r#"{"b"#], true, &expect, true);
    }

    #[test]
    fn call_ids_have_the_usual_form() {
        let id = new_call_id();
        let digits = id.strip_prefix("call_").unwrap();
        assert_eq!(digits.len(), 24);
        assert!(digits.bytes().all(|b| b.is_ascii_hexdigit()));
    }

    #[test]
    fn no_two_calls_have_one_id() {
        let call = model::ToolCall {
            id: "functions.f:0".to_owned(),
            name: "f".to_owned(),
            arguments_json: "{}".to_owned(),
        };
        let message = Message {
            role: model::Role::Assistant,
            content: vec![],
            reasoning: None,
            tool_calls: vec![call],
            tool_call_id: None,
            name: None,
        };
        let mut calls = ToolCalls::after(&[message]);
        assert!(calls.id(Some("functions.f:0".into())).starts_with("call_"));
        assert_eq!(calls.id(Some("functions.f:1".into())), "functions.f:1");
        assert!(calls.id(Some("functions.f:1".into())).starts_with("call_"));
        assert_ne!(calls.id(None), calls.id(Some(String::new())));
    }

    #[test]
    fn other_events_end_a_call() {
        let mut calls = ToolCalls::default();
        assert_eq!(
            calls.take(ReplyEvent::Content("a".into())),
            (None, Some(ReplyEvent::Content("a".into())))
        );
        let _ = calls.take(ReplyEvent::ToolCallStart { id: None, name: "f".into() });
        let (ended, other) = calls.take(ReplyEvent::Content("b".into()));
        assert!(matches!(ended, Some(Ended::Whole(_))), "a function may take no arguments");
        assert_eq!(other, Some(ReplyEvent::Content("b".into())));
    }
}
