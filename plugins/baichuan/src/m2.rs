//! Baichuan-M2: ChatML, reasoning that can be switched on and off, tool calls in JSON.

use std::borrow::Cow;

use plugin_sdk::reply::{Marked, Opening, Reasoning, ReplyParser, syntax};
use plugin_sdk::{ChatRequest, Error, Forced, Message, PromptBuilder, Role, ToolCall, json};
use serde_json::{Map, Value};

use crate::forced;

const START: (&str, u32) = ("<|im_start|>", 151_644);
const END: (&str, u32) = ("<|im_end|>", 151_645);
const END_OF_TEXT: (&str, u32) = ("<|endoftext|>", 151_643);

const TOOLS: &str = "# Tools\n\nYou may call one or more functions to assist with the user query.\
\n\nYou are provided with function signatures within <tools></tools> XML tags:\n<tools>";

const TOOLS_END: &str = "\n</tools>\n\nFor each function call, return a json object with function \
name and arguments within ";

const RESULT: [&str; 2] = ["<tool_response>", "</tool_response>"];

pub(crate) fn render(prompt: &mut PromptBuilder<'_>, request: &ChatRequest) -> Result<(), Error> {
    let first = request.messages.first().filter(|message| message.role == Role::System);
    let system = first.map(Message::text).transpose()?;
    tools(prompt, request, system.as_deref());
    let last_query = last_query(request)?;
    for (index, message) in request.messages.iter().enumerate() {
        match message.role {
            Role::System if index == 0 => {}
            Role::System => block(prompt, "system", &message.text()?),
            Role::User => block(prompt, "user", &message.text()?),
            Role::Assistant => assistant(prompt, request, index, message, last_query)?,
            Role::Tool => result(prompt, request, index, message)?,
        }
    }
    if request.continues_last() {
        return Ok(());
    }
    start(prompt, "assistant");
    begin_reply(prompt, request)
}

/// The rules for tokens, and the tokens that end a reply.
pub(crate) fn frame(prompt: &mut PromptBuilder<'_>) {
    prompt.add_bos(false).space_prefix(false);
    for (text, id) in [END_OF_TEXT, START, END] {
        prompt.stop_special(text, id);
    }
}

fn start(prompt: &mut PromptBuilder<'_>, role: &str) {
    prompt.special(START.0, START.1).text(role).text("\n");
}

fn end(prompt: &mut PromptBuilder<'_>) {
    prompt.special(END.0, END.1).text("\n");
}

fn block(prompt: &mut PromptBuilder<'_>, role: &str, text: &str) {
    start(prompt, role);
    prompt.text(text);
    end(prompt);
}

/// The system prompt and what the model is told of its tools.
fn tools(prompt: &mut PromptBuilder<'_>, request: &ChatRequest, system: Option<&str>) {
    let tools = request.callable_tools();
    if tools.is_empty() {
        if let Some(system) = system {
            block(prompt, "system", system);
        }
        return;
    }
    start(prompt, "system");
    if let Some(system) = system {
        prompt.text(system).text("\n\n");
    }
    prompt.text(TOOLS);
    for tool in tools {
        prompt.text("\n").text(&json::python(&tool.definition()));
    }
    prompt.text(TOOLS_END).marker("<tool_call>").marker("</tool_call>").text(" XML tags:\n");
    prompt.marker("<tool_call>");
    prompt.text("\n{\"name\": <function-name>, \"arguments\": <args-json-object>}\n");
    prompt.marker("</tool_call>");
    end(prompt);
}

/// Where the user last asked: a message that holds nothing but a tool's result is no question.
fn last_query(request: &ChatRequest) -> Result<usize, Error> {
    let [open, close] = RESULT;
    for (index, message) in request.messages.iter().enumerate().rev() {
        if message.role == Role::User {
            let text = message.text()?;
            if !(text.starts_with(open) && text.ends_with(close)) {
                return Ok(index);
            }
        }
    }
    Ok(request.messages.len().saturating_sub(1))
}

fn assistant(
    prompt: &mut PromptBuilder<'_>,
    request: &ChatRequest,
    index: usize,
    message: &Message,
    last_query: usize,
) -> Result<(), Error> {
    let text = message.text()?;
    let (reasoning, answer) = match &message.reasoning {
        Some(reasoning) => (Cow::Borrowed(reasoning.as_str()), text.as_ref()),
        None => split_reasoning(&text),
    };
    start(prompt, "assistant");
    let last = index + 1 == request.messages.len();
    if index > last_query && (last || !reasoning.is_empty()) {
        prompt.marker("<think>").text("\n").text(reasoning.trim_matches('\n')).text("\n");
        prompt.marker("</think>").text("\n\n").text(answer.trim_start_matches('\n'));
    } else {
        prompt.text(answer);
    }
    for (number, call) in message.tool_calls.iter().enumerate() {
        if number > 0 || !answer.is_empty() {
            prompt.text("\n");
        }
        tool_call(prompt, call)?;
    }
    if !request.continues(index) {
        end(prompt);
    }
    Ok(())
}

/// Reasoning that a client left in the content, and the answer after it.
fn split_reasoning(text: &str) -> (Cow<'_, str>, &str) {
    let Some((before, _)) = text.split_once("</think>") else { return (Cow::Borrowed(""), text) };
    let before = before.trim_end_matches('\n');
    let reasoning = before.rsplit_once("<think>").map_or(before, |(_, reasoning)| reasoning);
    let answer = text.rsplit_once("</think>").map_or(text, |(_, answer)| answer);
    (Cow::Borrowed(reasoning.trim_start_matches('\n')), answer.trim_start_matches('\n'))
}

/// A call of an earlier turn; its arguments stay as the client sent them.
fn tool_call(prompt: &mut PromptBuilder<'_>, call: &ToolCall) -> Result<(), Error> {
    let arguments = call.arguments_json.as_str();
    let arguments = if arguments.trim().is_empty() { "{}" } else { arguments };
    serde_json::from_str::<Map<String, Value>>(arguments).map_err(|error| {
        Error::InvalidRequest(format!(
            "the arguments of the call `{}` are no JSON object: {error}",
            call.id
        ))
    })?;
    prompt.marker("<tool_call>").text("\n{\"name\": \"").text(&call.name);
    prompt.text("\", \"arguments\": ").text(arguments).text("}\n").marker("</tool_call>");
    Ok(())
}

/// The result of a call; results in a row are one turn of the user's.
fn result(
    prompt: &mut PromptBuilder<'_>,
    request: &ChatRequest,
    index: usize,
    message: &Message,
) -> Result<(), Error> {
    let is_result = |index: Option<usize>| {
        let neighbour = index.and_then(|index| request.messages.get(index));
        neighbour.is_some_and(|neighbour| neighbour.role == Role::Tool)
    };
    if !is_result(index.checked_sub(1)) {
        prompt.special(START.0, START.1).text("user");
    }
    let [open, close] = RESULT;
    prompt.text("\n").marker(open).text("\n").text(&message.text()?).text("\n").marker(close);
    if !is_result(index.checked_add(1)) {
        end(prompt);
    }
    Ok(())
}

/// Whether the model is told to reason (`on`), not to (`off`), or nothing.
///
/// The template's own variable goes before what clients say in other words.
fn thinking(request: &ChatRequest) -> Option<bool> {
    match request.variable("thinking_mode").as_ref().and_then(Value::as_str) {
        Some("on") => Some(true),
        Some("off") => Some(false),
        Some(_) => None,
        None => request.wants_reasoning(),
    }
}

/// What the reply begins with: reasoning, none of it, or a forced call.
fn begin_reply(prompt: &mut PromptBuilder<'_>, request: &ChatRequest) -> Result<(), Error> {
    let forced = request.forced()?;
    if forced != Forced::No {
        prompt.marker("<think>").text("\n\n").marker("</think>").text("\n\n");
        prompt.marker("<tool_call>").text("\n");
        forced::call(prompt, request.callable_tools(), forced);
        return Ok(());
    }
    prompt.bind(syntax::HERMES_CALL.constraint(request));
    match thinking(request) {
        Some(true) => prompt.marker("<think>").text("\n"),
        Some(false) => prompt.marker("<think>").text("\n\n"),
        None => prompt,
    };
    Ok(())
}

pub(crate) fn parser(request: &ChatRequest) -> Box<dyn ReplyParser> {
    let calls = Marked::new(&syntax::json::HERMES, request);
    if request.continues_last() {
        return Box::new(calls);
    }
    if let Ok(forced @ (Forced::Any | Forced::Tool(_))) = request.forced() {
        return Box::new(calls.opened(&format!("<tool_call>\n{}", forced::opening(forced))));
    }
    // Told not to reason, the model answers at once or first closes what the prompt opened.
    let opening = if thinking(request) == Some(true) { Opening::Prompt } else { Opening::Model };
    Box::new(Reasoning::think(opening, calls).with_calls(syntax::json::HERMES.openings))
}
