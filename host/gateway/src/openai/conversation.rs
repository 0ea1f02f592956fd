//! From a client's request to a draft that inference checks.

use inference::{ChatDraft, InvalidCommand};
use model::{ChatRequest, ContentPart, Message, Role, ToolCall};
use serde_json::{Map, Value};

use super::{
    generation::Route,
    history,
    message::{WireContent, WireFunction, WireMessage, WirePart},
    request::GenerationRequest,
    tools,
};

/// The draft of a chat request; `now` is the time that templates may print.
pub(crate) fn draft(
    mut request: GenerationRequest,
    tenant: &str,
    now: String,
) -> Result<ChatDraft, InvalidCommand> {
    let model = request.take_model()?;
    let generation = request.take_generation(Route::Chat, tenant)?;
    let wire = request
        .messages
        .take()
        .ok_or_else(|| InvalidCommand::new("messages", "is missing: send a list of messages"))?;
    let mut messages = Vec::with_capacity(wire.len());
    let mut media = 0;
    for (at, message) in wire.into_iter().enumerate() {
        messages.push(read(at, message, &mut media)?);
    }
    history::pair_calls(&mut messages);
    let (tool_choice, tools) = tools::read(&mut request)?;
    let (reasoning, variables) = variables(&mut request)?;
    Ok(ChatDraft {
        model,
        request: ChatRequest {
            messages,
            tools,
            tool_choice,
            parallel_tool_calls: request.parallel_tool_calls,
            reasoning,
            reasoning_effort: effort(&mut request)?,
            continue_last: request.continue_final_message.unwrap_or(false),
            now,
            template_variables_json: variables,
        },
        generation,
    })
}

fn read(at: usize, wire: WireMessage, media: &mut u32) -> Result<Message, InvalidCommand> {
    let field = |name: &str| format!("messages[{at}].{name}");
    let role = match wire.role.as_deref() {
        Some("system" | "developer") => Role::System,
        Some("user") => Role::User,
        Some("assistant") => Role::Assistant,
        Some("tool" | "function") => Role::Tool,
        None => return Err(InvalidCommand::new(field("role"), "is missing")),
        Some(other) => {
            let other: String = other.chars().take(64).collect();
            return Err(InvalidCommand::new(
                field("role"),
                format!("must be `system`, `user`, `assistant` or `tool`, it is `{other}`"),
            ));
        }
    };
    let content = match wire.content {
        None => Vec::new(),
        Some(WireContent::Text(text)) => vec![ContentPart::Text(text)],
        Some(WireContent::Parts(parts)) => {
            let read = |(index, part)| read_part(&field(&format!("content[{index}]")), part, media);
            parts.into_iter().enumerate().map(read).collect::<Result<_, _>>()?
        }
    };
    let mut tool_calls = Vec::new();
    for (index, call) in wire.tool_calls.unwrap_or_default().into_iter().enumerate() {
        let field = field(&format!("tool_calls[{index}]"));
        if let Some(kind) = call.kind.filter(|kind| kind != "function") {
            let kind: String = kind.chars().take(64).collect();
            return Err(InvalidCommand::new(
                format!("{field}.type"),
                format!("must be `function`, it is `{kind}`"),
            ));
        }
        tool_calls.push(read_call(&field, call.id.unwrap_or_default(), call.function)?);
    }
    if tool_calls.is_empty()
        && let Some(function) = wire.function_call
    {
        tool_calls.push(read_call(&field("function_call"), String::new(), Some(function))?);
    }
    if !tool_calls.is_empty() && role != Role::Assistant {
        return Err(InvalidCommand::new(
            field("tool_calls"),
            "belongs to messages with the role `assistant`",
        ));
    }
    Ok(Message {
        role,
        content,
        name: wire.name.filter(|name| !name.is_empty()),
        reasoning: wire.reasoning_content.or(wire.reasoning).filter(|text| !text.is_empty()),
        tool_calls,
        tool_call_id: wire.tool_call_id.filter(|id| !id.is_empty() && role == Role::Tool),
    })
}

fn read_part(field: &str, part: WirePart, media: &mut u32) -> Result<ContentPart, InvalidCommand> {
    let mut next = || {
        let index = *media;
        *media = media.saturating_add(1);
        index
    };
    match part.kind.as_deref() {
        Some("text" | "input_text" | "output_text" | "refusal") | None => match part.text {
            Some(text) => Ok(ContentPart::Text(text)),
            None => Err(InvalidCommand::new(format!("{field}.text"), "is missing")),
        },
        Some("image_url" | "image" | "input_image" | "video_url" | "video") => {
            Ok(ContentPart::Image(next()))
        }
        Some("audio_url" | "input_audio" | "audio") => Ok(ContentPart::Audio(next())),
        Some(other) => {
            let other: String = other.chars().take(64).collect();
            Err(InvalidCommand::new(
                format!("{field}.type"),
                format!("must be `text`, `image_url` or `input_audio`, it is `{other}`"),
            ))
        }
    }
}

fn read_call(
    field: &str,
    id: String,
    function: Option<WireFunction>,
) -> Result<ToolCall, InvalidCommand> {
    let function = function.unwrap_or_default();
    let Some(name) = function.name.filter(|name| !name.is_empty()) else {
        return Err(InvalidCommand::new(format!("{field}.function.name"), "is missing"));
    };
    let arguments = function.arguments.map(|json| json.0);
    Ok(ToolCall { id, name, arguments_json: arguments_json(arguments) })
}

/// The arguments as one JSON object.
///
/// A model may have written something else in an earlier turn; the client cannot mend that, so it
/// is wrapped rather than refused.
fn arguments_json(arguments: Option<Value>) -> String {
    match arguments {
        None => "{}".to_owned(),
        Some(Value::Object(object)) => Value::Object(object).to_string(),
        Some(Value::String(text)) if text.trim().is_empty() => "{}".to_owned(),
        Some(Value::String(text)) => {
            let object = serde_json::from_str::<Map<String, Value>>(&text).is_ok();
            if object { text } else { wrapped(Value::String(text)) }
        }
        Some(other) => wrapped(other),
    }
}

fn wrapped(value: Value) -> String {
    Value::Object(Map::from_iter([("arguments".to_owned(), value)])).to_string()
}

/// Whether to reason, and the variables for the family's template.
fn variables(
    request: &mut GenerationRequest,
) -> Result<(Option<bool>, Option<String>), InvalidCommand> {
    const FIELD: &str = "chat_template_kwargs";
    let mut variables = match request.chat_template_kwargs.take().map(|json| json.0) {
        None => Map::new(),
        Some(Value::Object(object)) => object,
        Some(Value::String(text)) if text.trim().is_empty() => Map::new(),
        Some(Value::String(text)) => serde_json::from_str(&text).map_err(|error| {
            InvalidCommand::new(FIELD, format!("is a string that holds no JSON object: {error}"))
        })?,
        Some(_) => {
            return Err(InvalidCommand::new(FIELD, "must be an object, or one as JSON text"));
        }
    };
    let thinking = match request.thinking.take().map(|json| json.0) {
        None => None,
        Some(value) => Some(switch(&value).ok_or_else(|| {
            InvalidCommand::new("thinking", "must be a boolean, or an object with `type`")
        })?),
    };
    let asked = request.enable_thinking.or(thinking);
    if let Some(on) = asked {
        // Templates of different families look for different names.
        variables.insert("enable_thinking".to_owned(), Value::Bool(on));
        variables.insert("thinking".to_owned(), Value::Bool(on));
    }
    let variable = |name: &str| variables.get(name).and_then(switch);
    let reasoning = asked.or_else(|| variable("enable_thinking")).or_else(|| variable("thinking"));
    let json = (!variables.is_empty()).then(|| Value::Object(variables).to_string());
    Ok((reasoning, json))
}

/// A word of the family's.
fn effort(request: &mut GenerationRequest) -> Result<Option<String>, InvalidCommand> {
    const CHARACTERS: usize = 64;
    let word = request.reasoning_effort.take().filter(|text| !text.is_empty());
    if word.as_ref().is_some_and(|word| word.chars().nth(CHARACTERS).is_some()) {
        let reason = format!("must be a word of at most {CHARACTERS} characters");
        return Err(InvalidCommand::new("reasoning_effort", reason));
    }
    Ok(word)
}

fn switch(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(on) => Some(*on),
        Value::Number(number) => match number.as_i64() {
            Some(0) => Some(false),
            Some(1) => Some(true),
            _ => None,
        },
        Value::String(text) => match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" | "enabled" | "auto" => Some(true),
            "false" | "no" | "off" | "0" | "disabled" | "none" => Some(false),
            _ => None,
        },
        Value::Object(object) => object.get("type").and_then(switch),
        Value::Null | Value::Array(_) => None,
    }
}

#[cfg(test)]
mod tests;
