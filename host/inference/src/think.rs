//! Reasoning inside the visible text, as Xinference and Dify have it.

use model::{ContentPart, Message, Role};

const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";

/// Where a model's reasoning goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReasoningMode {
    /// It stays in the content, between `<think>` and `</think>`.
    #[default]
    Content,
    /// It comes apart from the content.
    Separate,
}

/// Puts one sequence's reasoning into its content.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wrapper {
    state: State,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Outside,
    /// Whether the reasoning so far ends a line.
    Inside { line_ended: bool },
    /// The reasoning ended, and nothing has come after it.
    Closed,
}

impl Wrapper {
    /// The content that a piece of reasoning becomes.
    pub(crate) fn reasoning(&mut self, text: String) -> String {
        if text.is_empty() {
            return text;
        }
        let line_ended = text.ends_with('\n');
        let inside = matches!(self.state, State::Inside { .. });
        self.state = State::Inside { line_ended };
        match (inside, text.starts_with('\n')) {
            (true, _) => text,
            (false, true) => format!("{OPEN}{text}"),
            (false, false) => format!("{OPEN}\n{text}"),
        }
    }

    /// The content that a piece of content becomes.
    pub(crate) fn content(&mut self, text: String) -> String {
        if text.is_empty() || self.state == State::Outside {
            return text;
        }
        let end = self.close().unwrap_or_default();
        self.state = State::Outside;
        let gap = if text.starts_with('\n') { "" } else { "\n\n" };
        format!("{end}{gap}{text}")
    }

    /// The end of the reasoning, where it is still open.
    pub(crate) fn close(&mut self) -> Option<&'static str> {
        let State::Inside { line_ended } = self.state else { return None };
        self.state = State::Closed;
        Some(if line_ended { CLOSE } else { "\n</think>" })
    }
}

/// Takes apart what [`Wrapper`] has put together, where a client sends it back.
///
/// Families print earlier reasoning in their own way, or leave it out; both need it apart.
pub(crate) fn unwrap(messages: &mut [Message]) {
    for message in messages {
        if message.role != Role::Assistant || message.reasoning.is_some() {
            continue;
        }
        let Some(ContentPart::Text(text)) = message.content.first_mut() else { continue };
        let Some(rest) = text.trim_start().strip_prefix(OPEN) else { continue };
        let Some((reasoning, content)) = rest.split_once(CLOSE) else { continue };
        message.reasoning = Some(reasoning.trim_matches('\n').to_owned());
        *text = content.trim_start_matches('\n').to_owned();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    enum Piece {
        Reasoning(&'static str),
        Content(&'static str),
    }
    use Piece::{Content, Reasoning};

    #[track_caller]
    fn check(pieces: &[Piece], expect: &str) {
        let mut wrapper = Wrapper::default();
        let mut text = String::new();
        for piece in pieces {
            text += &match *piece {
                Reasoning(piece) => wrapper.reasoning(piece.to_owned()),
                Content(piece) => wrapper.content(piece.to_owned()),
            };
        }
        text += wrapper.close().unwrap_or_default();
        assert_eq!(text, expect);
    }

    #[test]
    fn reasoning_is_wrapped_the_same_however_it_is_cut() {
        check(&[Content("a"), Content("b")], "ab");
        let whole = "<think>\nwhy\n</think>\n\nso";
        check(&[Reasoning("why"), Content("so")], whole);
        check(&[Reasoning("\nwhy\n"), Content("\n\nso")], whole);
        check(
            &[Reasoning("\n"), Reasoning("wh"), Reasoning("y\n"), Content("\n"), Content("\nso")],
            whole,
        );
        check(&[Reasoning("w"), Reasoning("hy"), Content(""), Content("s"), Content("o")], whole);
        check(&[Reasoning("why")], "<think>\nwhy\n</think>");
        check(&[Reasoning(""), Content("so")], "so");
        check(
            &[Reasoning("a"), Content("b"), Reasoning("c"), Content("d")],
            "<think>\na\n</think>\n\nb<think>\nc\n</think>\n\nd",
        );
    }

    #[test]
    fn what_was_wrapped_comes_apart_again() {
        let mut messages = [Message {
            role: Role::Assistant,
            content: vec![ContentPart::Text("<think>\nwhy\n</think>\n\nso".into())],
            name: None,
            reasoning: None,
            tool_calls: Vec::new(),
            tool_call_id: None,
        }];
        unwrap(&mut messages);
        assert_eq!(messages[0].reasoning.as_deref(), Some("why"));
        assert_eq!(messages[0].content, [ContentPart::Text("so".into())]);
    }
}
