//! Reading a chat request.

use serde_json::Value;

use crate::{ChatRequest, Error, Message, Role, Tool, ToolChoice};

/// What the client demands of tool calls.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Forced<'a> {
    /// Nothing: the model decides.
    No,
    /// Some tool must be called.
    Any,
    /// This tool must be called.
    Tool(&'a Tool),
}

impl ChatRequest {
    /// The functions that the model may call; none where the client forbids calls.
    pub fn callable_tools(&self) -> &[Tool] {
        if self.tool_choice == ToolChoice::None { &[] } else { &self.tools }
    }

    /// What the client demands; a tool that it names must be one that it sent.
    pub fn forced(&self) -> Result<Forced<'_>, Error> {
        match &self.tool_choice {
            ToolChoice::Auto | ToolChoice::None => Ok(Forced::No),
            ToolChoice::Required if self.tools.is_empty() => Err(Error::InvalidRequest(
                "tool_choice is `required`, but there are no tools".to_owned(),
            )),
            ToolChoice::Required => Ok(match self.tools.as_slice() {
                [only] => Forced::Tool(only),
                _ => Forced::Any,
            }),
            ToolChoice::Named(name) => {
                self.tools.iter().find(|tool| tool.name == *name).map(Forced::Tool).ok_or_else(
                    || {
                        Error::InvalidRequest(format!(
                            "tool_choice names `{name}`, which is not among the tools"
                        ))
                    },
                )
            }
        }
    }

    /// Refuses what a family without tools cannot do; `model` names it to the client.
    pub fn refuse_tools(&self, model: &str) -> Result<(), Error> {
        let traffic =
            |message: &Message| message.role == Role::Tool || !message.tool_calls.is_empty();
        if self.callable_tools().is_empty() && !self.messages.iter().any(traffic) {
            return Ok(());
        }
        Err(Error::Unsupported(format!("{model} cannot call tools; send the request without them")))
    }

    /// A template variable of the client's.
    pub fn variable(&self, name: &str) -> Option<Value> {
        let all = serde_json::from_str::<Value>(self.template_variables_json.as_deref()?).ok()?;
        all.get(name).cloned()
    }

    /// Whether the client wants reasoning, said in any way; `None`: as the family does.
    pub fn wants_reasoning(&self) -> Option<bool> {
        let by_effort = self.reasoning_effort.as_deref() == Some("none");
        self.reasoning
            .or_else(|| self.variable("enable_thinking")?.as_bool())
            .or(by_effort.then_some(false))
    }

    /// Where the last message of the user stands.
    pub fn last_user(&self) -> Option<usize> {
        self.messages.iter().rposition(|message| message.role == Role::User)
    }

    /// Whether the message at `index` is the assistant's last one, which the reply continues.
    pub fn continues(&self, index: usize) -> bool {
        self.continue_last
            && index + 1 == self.messages.len()
            && self.messages.last().is_some_and(|last| last.role == Role::Assistant)
    }

    /// Whether the reply continues the assistant's last message.
    pub fn continues_last(&self) -> bool {
        self.messages.len().checked_sub(1).is_some_and(|last| self.continues(last))
    }
}
