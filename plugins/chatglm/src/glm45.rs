//! GLM-4.5 to GLM-5.2: reasoning that can be switched off, tool calls in XML.

use std::borrow::Cow;

use plugin_sdk::grammar::{self, ArgumentTags, Grammar};
use plugin_sdk::reply::{Marked, Opening, Reasoning, ReplyParser, syntax};
use plugin_sdk::{
    ChatRequest, Error, Forced, GrammarSyntax, Message, ModelCard, PromptBuilder, Role, Tool,
    ToolCall, json,
};
use serde_json::{Map, Value};

use crate::{Version, special};

const TOOLS: &str = "\n# Tools\n\nYou may call one or more functions to assist with the user query.\
\n\nYou are provided with function signatures within <tools></tools> XML tags:\n<tools>\n";

const TOOLS_END: &str = "</tools>\n\nFor each function call, output the function name and arguments \
within the following XML format:\n";

pub(crate) fn render(
    prompt: &mut PromptBuilder<'_>,
    card: &ModelCard,
    version: Version,
    request: &ChatRequest,
) -> Result<(), Error> {
    let renderer = Renderer::new(card, version, request);
    special::begin(prompt, card, version);
    renderer.effort(prompt);
    renderer.tools(prompt);
    for (index, message) in request.messages.iter().enumerate() {
        match message.role {
            Role::System => renderer.block(prompt, Role::System, &message.text()?),
            Role::User => renderer.user(prompt, message)?,
            Role::Assistant => renderer.assistant(prompt, index, message)?,
            Role::Tool => renderer.result(prompt, index, message)?,
        }
    }
    if request.continues_last() {
        return Ok(());
    }
    renderer.role(prompt, Role::Assistant);
    renderer.begin_reply(prompt)
}

struct Renderer<'a> {
    card: &'a ModelCard,
    version: Version,
    request: &'a ChatRequest,
    /// What stands between markers: GLM-4.5 and 4.6 put them on lines of their own.
    line: &'static str,
    reasons: bool,
    last_user: Option<usize>,
}

impl<'a> Renderer<'a> {
    fn new(card: &'a ModelCard, version: Version, request: &'a ChatRequest) -> Self {
        let lines = matches!(version, Version::Glm45 | Version::Glm46);
        Self {
            card,
            version,
            request,
            line: if lines { "\n" } else { "" },
            reasons: request.wants_reasoning() != Some(false),
            last_user: request.last_user(),
        }
    }

    fn role(&self, prompt: &mut PromptBuilder<'_>, role: Role) {
        special::role(prompt, self.card, self.version, role);
    }

    fn block(&self, prompt: &mut PromptBuilder<'_>, role: Role, text: &str) {
        self.role(prompt, role);
        prompt.text(self.line).text(text);
    }

    /// GLM-5.2 is told how much to reason.
    fn effort(&self, prompt: &mut PromptBuilder<'_>) {
        if self.version != Version::Glm52 || !self.reasons {
            return;
        }
        let given = self.request.variable("reasoning_effort");
        let given =
            self.request.reasoning_effort.as_deref().or(given.as_ref().and_then(Value::as_str));
        let effort = if given == Some("high") { "High" } else { "Max" };
        self.role(prompt, Role::System);
        prompt.text("Reasoning Effort: ").text(effort);
    }

    fn tools(&self, prompt: &mut PromptBuilder<'_>) {
        let tools = self.request.callable_tools();
        if tools.is_empty() {
            return;
        }
        self.role(prompt, Role::System);
        prompt.text(TOOLS);
        for tool in tools {
            prompt.text(&json::python(&self.definition(tool))).text("\n");
        }
        prompt.text(TOOLS_END);
        let line = self.line;
        prompt.marker("<tool_call>").text("{function-name}").text(line);
        for index in 1..=2 {
            prompt.marker("<arg_key>").text(&format!("{{arg-key-{index}}}"));
            prompt.marker("</arg_key>").text(line);
            prompt.marker("<arg_value>").text(&format!("{{arg-value-{index}}}"));
            prompt.marker("</arg_value>").text(line);
        }
        prompt.text("...").text(line).marker("</tool_call>");
    }

    /// GLM-5.1 and later read the bare function, without the fields that are for the server.
    fn definition(&self, tool: &Tool) -> Value {
        if !matches!(self.version, Version::Glm51 | Version::Glm52) {
            return tool.definition();
        }
        let mut function = tool.function();
        if let Some(fields) = function.as_object_mut() {
            fields.shift_remove("defer_loading");
            fields.shift_remove("strict");
        }
        function
    }

    fn user(&self, prompt: &mut PromptBuilder<'_>, message: &Message) -> Result<(), Error> {
        let text = message.text()?;
        self.block(prompt, Role::User, &text);
        let switch = matches!(self.version, Version::Glm45 | Version::Glm46);
        if switch && !self.reasons && !text.ends_with("/nothink") {
            prompt.marker("/nothink");
        }
        Ok(())
    }

    fn assistant(
        &self,
        prompt: &mut PromptBuilder<'_>,
        index: usize,
        message: &Message,
    ) -> Result<(), Error> {
        let text = message.text()?;
        let (reasoning, text) = match &message.reasoning {
            Some(reasoning) => (Cow::Borrowed(reasoning.as_str()), text.as_ref()),
            None => split_reasoning(&text),
        };
        self.role(prompt, Role::Assistant);
        prompt.text(self.line);
        let of_this_turn = self.last_user.is_none_or(|last| index > last);
        if !reasoning.is_empty() && (of_this_turn || self.keeps_reasoning()) {
            prompt.marker("<think>").text(reasoning.trim()).marker("</think>");
        } else {
            self.no_reasoning(prompt);
        }
        let text = if self.request.continues(index) { text.trim_start() } else { text.trim() };
        if !text.is_empty() {
            prompt.text(self.line).text(text);
        }
        message.tool_calls.iter().try_for_each(|call| self.call(prompt, call))
    }

    /// Whether the client asks for the reasoning of earlier turns to be kept.
    fn keeps_reasoning(&self) -> bool {
        let lines = matches!(self.version, Version::Glm45 | Version::Glm46);
        !lines && self.request.variable("clear_thinking") == Some(Value::Bool(false))
    }

    /// What stands for reasoning that is not there.
    fn no_reasoning(&self, prompt: &mut PromptBuilder<'_>) {
        if !matches!(self.version, Version::Glm47 | Version::Glm5 | Version::Glm51) {
            prompt.marker("<think>");
        }
        prompt.marker("</think>");
    }

    fn call(&self, prompt: &mut PromptBuilder<'_>, call: &ToolCall) -> Result<(), Error> {
        let given = if call.arguments_json.trim().is_empty() { "{}" } else { &call.arguments_json };
        let arguments: Map<String, Value> = serde_json::from_str(given).map_err(|error| {
            Error::InvalidRequest(format!(
                "the arguments of the call `{}` are no JSON object: {error}",
                call.id
            ))
        })?;
        prompt.text(self.line).marker("<tool_call>").text(&call.name).text(self.line);
        for (key, value) in &arguments {
            prompt.marker("<arg_key>").text(key).marker("</arg_key>").text(self.line);
            let value = value.as_str().map_or_else(|| json::python(value), str::to_owned);
            prompt.marker("<arg_value>").text(&value).marker("</arg_value>").text(self.line);
        }
        prompt.marker("</tool_call>");
        Ok(())
    }

    /// The result of a call; results in a row stand behind one token.
    fn result(
        &self,
        prompt: &mut PromptBuilder<'_>,
        index: usize,
        message: &Message,
    ) -> Result<(), Error> {
        let before = index.checked_sub(1).and_then(|before| self.request.messages.get(before));
        if before.is_none_or(|before| before.role != Role::Tool) {
            self.role(prompt, Role::Tool);
        }
        prompt.text(self.line).marker("<tool_response>").text(self.line);
        prompt.text(&message.text()?);
        prompt.text(self.line).marker("</tool_response>");
        Ok(())
    }

    /// What the reply begins with: reasoning, none of it, or a forced call.
    fn begin_reply(&self, prompt: &mut PromptBuilder<'_>) -> Result<(), Error> {
        let forced = self.request.forced()?;
        if forced == Forced::No && self.reasons {
            if self.line.is_empty() {
                prompt.marker("<think>");
            }
            prompt.bind(syntax::GLM_CALL.constraint(self.request));
            return Ok(());
        }
        prompt.text(self.line);
        self.no_reasoning(prompt);
        let tools = self.request.callable_tools();
        let middle = format!("</arg_key>{}<arg_value>", self.line);
        let tags = ArgumentTags {
            open: "<arg_key>",
            middle: &middle,
            close: "</arg_value>",
            line: self.line,
            loose: false,
        };
        let call = |grammar: &mut Grammar, head: &str, tool: &Tool| {
            grammar.tagged(head, tags, &tool.arguments(), "</tool_call>")
        };
        match forced {
            Forced::No => {
                prompt.bind(syntax::GLM_CALL.constraint(self.request));
            }
            Forced::Any => {
                prompt.text(self.line).marker("<tool_call>");
                let source = grammar::any(tools, |grammar, tool| {
                    call(grammar, &format!("{}{}", tool.name, self.line), tool)
                });
                prompt.constraint(GrammarSyntax::Lark, source);
            }
            Forced::Tool(tool) => {
                prompt.text(self.line).marker("<tool_call>").text(&tool.name).text(self.line);
                let source = grammar::one(|grammar| call(grammar, "", tool));
                prompt.constraint(GrammarSyntax::Lark, source);
            }
        }
        Ok(())
    }
}

/// Reasoning that a client left in the content, and the answer after it.
fn split_reasoning(text: &str) -> (Cow<'_, str>, &str) {
    let Some((before, _)) = text.split_once("</think>") else { return (Cow::Borrowed(""), text) };
    let before = before.trim_end_matches('\n');
    let reasoning = before.rsplit_once("<think>").map_or(before, |(_, reasoning)| reasoning);
    let answer = text.rsplit_once("</think>").map_or(text, |(_, answer)| answer);
    (Cow::Borrowed(reasoning.trim_start_matches('\n')), answer.trim_start_matches('\n'))
}

pub(crate) fn parser(version: Version, request: &ChatRequest) -> Box<dyn ReplyParser> {
    let calls = Marked::new(&syntax::tagged::GLM, request);
    if request.continues_last() {
        return Box::new(calls);
    }
    let line = if matches!(version, Version::Glm45 | Version::Glm46) { "\n" } else { "" };
    match request.forced() {
        Ok(Forced::Tool(tool)) => {
            Box::new(calls.opened(&format!("<tool_call>{}{line}", tool.name)))
        }
        Ok(Forced::Any) => Box::new(calls.opened("<tool_call>")),
        Ok(Forced::No) | Err(_) => {
            let reasons = request.wants_reasoning() != Some(false);
            let by_prompt = reasons && line.is_empty();
            let opening = if by_prompt { Opening::Prompt } else { Opening::Model };
            Box::new(Reasoning::think(opening, calls).with_calls(syntax::tagged::GLM.openings))
        }
    }
}
