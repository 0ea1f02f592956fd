//! Messages as templates see them: OpenAI's, in Python's values.

use minijinja::Value;
use plugin_sdk::{ContentPart, Error, Message, Role, ToolCall};

use crate::history::{one_call_each, short_id};
use crate::shape::{Reasoning, Shape};
use crate::values::Values;

/// The messages of a conversation.
pub(crate) fn messages(
    values: &Values<'_>,
    shape: Shape,
    messages: &[Message],
) -> Result<Value, Error> {
    let part = shape.single_calls && messages.iter().any(|message| message.tool_calls.len() > 1);
    let parted = if part { one_call_each(messages) } else { Vec::new() };
    let messages = if part { &parted } else { messages };
    let messages = messages.iter().map(|message| one(values, shape, message));
    Ok(Value::from(messages.collect::<Result<Vec<_>, _>>()?))
}

fn one(values: &Values<'_>, shape: Shape, message: &Message) -> Result<Value, Error> {
    let mut fields: Vec<(&'static str, Value)> = vec![("role", Value::from(role(message.role)))];
    let one_of_both = shape.content_or_reasoning && !message.tool_calls.is_empty();
    let dropped = one_of_both && !message.text()?.is_empty();
    let reasoning = message.reasoning.as_deref().filter(|text| !text.is_empty() && !dropped);
    fields.push(("content", content(values, shape, message, reasoning)?));
    if let (Some(text), Reasoning::Key(key)) = (reasoning, shape.reasoning) {
        fields.push((key, values.text(text)));
    }
    if let Some(name) = &message.name {
        fields.push(("name", values.text(name)));
    }
    if !message.tool_calls.is_empty() {
        let calls = message.tool_calls.iter().map(|call| tool_call(values, shape, call));
        fields.push(("tool_calls", Value::from(calls.collect::<Vec<_>>())));
    }
    if let Some(id) = &message.tool_call_id {
        fields.push(("tool_call_id", id_of_call(values, shape, id)));
    }
    Ok(Value::from_pairs(fields))
}

fn role(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    }
}

fn content(
    values: &Values<'_>,
    shape: Shape,
    message: &Message,
    reasoning: Option<&str>,
) -> Result<Value, Error> {
    let empty = message
        .content
        .iter()
        .all(|part| matches!(part, ContentPart::Text(text) if text.is_empty()));
    if empty && shape.null_content && !message.tool_calls.is_empty() {
        return Ok(Value::from(()));
    }
    let text = message.text()?;
    let thought = reasoning.filter(|_| shape.reasoning == Reasoning::Part);
    let several = message.content.len() > 1 && shape.takes_parts;
    if !(shape.parts || several || thought.is_some()) {
        return Ok(values.text(&text));
    }
    let typed = |kind: &'static str, text: &str| {
        Value::from_pairs([("type", Value::from(kind)), (kind, values.text(text))])
    };
    let texts = message.content.iter().filter_map(|part| match part {
        ContentPart::Text(text) if !text.is_empty() || thought.is_none() => Some(text.as_str()),
        _ => None,
    });
    let thoughts = thought.into_iter().map(|text| typed("thinking", text));
    Ok(thoughts.chain(texts.map(|text| typed("text", text))).collect())
}

fn id_of_call(values: &Values<'_>, shape: Shape, id: &str) -> Value {
    if shape.short_ids { values.text(&short_id(id)) } else { values.text(id) }
}

fn tool_call(values: &Values<'_>, shape: Shape, call: &ToolCall) -> Value {
    let arguments = if shape.text_arguments {
        values.text(&plugin_sdk::json::reformat(&call.arguments_json))
    } else if call.arguments_json.trim().is_empty() {
        Value::from_pairs::<[(&str, Value); 0], _, _>([])
    } else {
        values.parsed(&call.arguments_json)
    };
    let function = [("name", values.text(&call.name)), ("arguments", arguments)];
    Value::from_pairs([
        ("id", id_of_call(values, shape, &call.id)),
        ("type", Value::from("function")),
        ("function", Value::from_pairs(function)),
    ])
}
