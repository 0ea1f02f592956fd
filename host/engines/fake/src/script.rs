//! What a prompt asks of this engine.

use engine_protocol::{ErrorCode, Prompt, PromptPart};
use serde::Deserialize;

/// What a prompt asks of this engine, from `{"fake": {..}}` in its text.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Script {
    /// The reply; without it, the prompt's text.
    pub(crate) text: Option<String>,
    /// The reply is the prompt's parts as JSON, so that a test sees what a family has rendered.
    pub(crate) show_prompt: bool,
    /// The reply is the request as JSON, so that a test sees what reached the engine.
    pub(crate) show_request: bool,
    /// So many tokens: the reply is cut, or said again and again.
    pub(crate) tokens: Option<u32>,
    /// Microseconds between tokens.
    pub(crate) delay_us: Option<u64>,
    /// Refuses the request with this code and [`message`](Self::message).
    pub(crate) fail: Option<ErrorCode>,
    /// Fails so after this many tokens rather than at once.
    pub(crate) fail_after: u32,
    /// The text of the failure.
    pub(crate) message: Option<String>,
    /// Aborts the process after so many tokens of this request.
    pub(crate) crash_after: Option<u32>,
    /// Stops for good after so many tokens: no events, no heartbeats.
    pub(crate) hang_after: Option<u32>,
    /// Sends a frame that is no message after so many tokens.
    pub(crate) garbage_after: Option<u32>,
    /// Reports so many tokens of the prompt as cached.
    pub(crate) cached: u32,
}

#[derive(Deserialize)]
struct Wrapper {
    fake: Script,
}

/// How a script begins, but for white space.
const BEGIN: &str = "{\"fake\":";

impl Script {
    /// The last script in the prompt's text.
    pub(crate) fn find(prompt: &Prompt) -> Result<Self, String> {
        Self::of(&text_of(prompt))
    }

    /// The last script in a text.
    pub(crate) fn of(text: &str) -> Result<Self, String> {
        let Some(at) = text.rfind(BEGIN) else { return Ok(Self::default()) };
        let source = text.get(at..).unwrap_or_default();
        let mut values = serde_json::Deserializer::from_str(source).into_iter::<Wrapper>();
        match values.next() {
            Some(Ok(wrapper)) => Ok(wrapper.fake),
            Some(Err(error)) => Err(format!("the script `{source}` cannot be read: {error}")),
            None => Ok(Self::default()),
        }
    }
}

/// The text of a prompt, without its control tokens and ids.
pub(crate) fn text_of(prompt: &Prompt) -> String {
    prompt
        .parts
        .iter()
        .filter_map(|part| match part {
            PromptPart::Text(text) => Some(text.as_str()),
            PromptPart::Control(_) | PromptPart::Token(_) | PromptPart::Split => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prompt(text: &str) -> Prompt {
        Prompt { parts: vec![PromptPart::Text(text.into())], ..Prompt::default() }
    }

    #[track_caller]
    fn check(text: &str, expect: Result<Script, &str>) {
        let found = Script::find(&prompt(text));
        match expect {
            Ok(script) => assert_eq!(found, Ok(script)),
            Err(part) => {
                let message = found.unwrap_err();
                assert!(message.contains(part), "`{message}` lacks `{part}`");
            }
        }
    }

    #[test]
    fn scripts_are_found_anywhere_and_the_last_counts() {
        check("hello", Ok(Script::default()));
        let five = Script { tokens: Some(5), ..Script::default() };
        check("USER: {\"fake\": {\"tokens\": 5}} ASSISTANT:", Ok(five.clone()));
        check("{\"fake\":{\"tokens\":1}} {\"fake\":{\"tokens\":5}}", Ok(five));
        check("{\"fake\":{\"tokns\":1}}", Err("tokns"));
        check("{\"fake\":{\"tokens\":", Err("cannot be read"));
    }
}
