//! Reading cases: a card in the WIT's words, a request in OpenAI's.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::finish_reason;
use crate::{
    ChatRequest, ContentPart, ControlToken, FinishReason, Message, ModelCard, Role, Tool, ToolCall,
    ToolChoice,
};

/// One case.
///
/// ```
/// let case = plugin_sdk::testkit::Case::parse(r#"{
///     "card": {"name": "m", "architecture": "llama", "eos": 2, "control-tokens": {"</s>": 2}},
///     "request": {"messages": [{"role": "user", "content": "Hi"}], "reasoning": false}
/// }"#).unwrap();
/// assert_eq!(case.card.eos, Some(2));
/// ```
#[derive(Clone, Debug)]
pub struct Case {
    /// The model.
    pub card: ModelCard,
    /// The conversation.
    pub request: ChatRequest,
    finish: BTreeMap<String, String>,
}

impl Case {
    /// Reads a case; the error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let case: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let finish = object(&case, "finish").into_iter().flatten();
        let finish = finish.map(|(word, reason)| (word.clone(), string(reason)));
        Ok(Self {
            card: card(case.get("card").ok_or("no `card`")?),
            request: request(case.get("request").ok_or("no `request`")?)?,
            finish: finish.collect(),
        })
    }

    /// Why the reply of this word ended.
    pub fn finish(&self, word: &str) -> FinishReason {
        finish_reason(self.finish.get(word).map_or("stop", String::as_str))
    }
}

/// A card from JSON; what is missing is empty, the vocabulary's size without bound.
pub fn card(value: &Value) -> ModelCard {
    let number = |key| value.get(key).and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok());
    let pairs = |key| {
        let fields = object(value, key).into_iter().flatten();
        fields.map(|(key, value)| (key.clone(), string(value))).collect()
    };
    let tokens = object(value, "control-tokens").into_iter().flatten();
    let tokens = tokens.map(|(text, id)| ControlToken {
        text: text.clone(),
        id: id.as_u64().and_then(|id| u32::try_from(id).ok()).unwrap_or_default(),
    });
    ModelCard {
        name: text(value, "name").unwrap_or_default(),
        architecture: text(value, "architecture").unwrap_or_default(),
        chat_template: text(value, "chat-template"),
        context_length: number("context-length").unwrap_or(4096),
        vocabulary_size: number("vocabulary-size").unwrap_or(u32::MAX),
        bos: number("bos"),
        eos: number("eos"),
        control_tokens: tokens.collect(),
        metadata: pairs("metadata"),
        options: pairs("options"),
    }
}

/// A request from JSON, messages and tools in OpenAI's form, other fields as in the WIT.
pub fn request(value: &Value) -> Result<ChatRequest, String> {
    let list = |key| value.get(key).and_then(Value::as_array).into_iter().flatten();
    let flag = |key| value.get(key).and_then(Value::as_bool);
    Ok(ChatRequest {
        messages: list("messages").map(message).collect::<Result<_, _>>()?,
        tools: list("tools").map(tool).collect(),
        tool_choice: match value.get("tool-choice") {
            None => ToolChoice::Auto,
            Some(Value::String(word)) if word == "auto" => ToolChoice::Auto,
            Some(Value::String(word)) if word == "none" => ToolChoice::None,
            Some(Value::String(word)) if word == "required" => ToolChoice::Required,
            Some(named) => ToolChoice::Named(text(named, "name").ok_or("bad `tool-choice`")?),
        },
        parallel_tool_calls: flag("parallel-tool-calls"),
        reasoning: flag("reasoning"),
        reasoning_effort: text(value, "reasoning-effort"),
        continue_last: flag("continue-last").unwrap_or(false),
        now: text(value, "now").unwrap_or_else(|| "2026-01-02T03:04:05Z".to_owned()),
        template_variables_json: value.get("template-variables").map(Value::to_string),
    })
}

fn message(value: &Value) -> Result<Message, String> {
    let role = match value.get("role").and_then(Value::as_str) {
        Some("system") => Role::System,
        Some("user") => Role::User,
        Some("assistant") => Role::Assistant,
        Some("tool") => Role::Tool,
        other => return Err(format!("unknown role {other:?}")),
    };
    let mut media = 0..;
    let content = match value.get("content") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(parts)) => parts
            .iter()
            .map(|part| match part.get("type").and_then(Value::as_str) {
                Some("image") => ContentPart::Image(media.next().unwrap_or_default()),
                Some("audio") => ContentPart::Audio(media.next().unwrap_or_default()),
                _ => ContentPart::Text(text(part, "text").unwrap_or_default()),
            })
            .collect(),
        Some(content) => vec![ContentPart::Text(string(content))],
    };
    let calls = value.get("tool_calls").and_then(Value::as_array).into_iter().flatten();
    Ok(Message {
        role,
        content,
        name: text(value, "name"),
        reasoning: text(value, "reasoning").or_else(|| text(value, "reasoning_content")),
        tool_calls: calls.map(tool_call).collect(),
        tool_call_id: text(value, "tool_call_id"),
    })
}

fn tool_call(value: &Value) -> ToolCall {
    let function = value.get("function").unwrap_or(value);
    ToolCall {
        id: text(value, "id").unwrap_or_default(),
        name: text(function, "name").unwrap_or_default(),
        arguments_json: function.get("arguments").map(arguments).unwrap_or_default(),
    }
}

/// Arguments come as JSON in a string, as clients send them, or as an object.
fn arguments(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => crate::json::python(value),
    }
}

fn tool(value: &Value) -> Tool {
    let function = value.get("function").unwrap_or(value);
    Tool {
        name: text(function, "name").unwrap_or_default(),
        description: text(function, "description"),
        parameters_json: function.get("parameters").map(Value::to_string).unwrap_or_default(),
        definition_json: value.to_string(),
    }
}

fn object<'a>(value: &'a Value, key: &str) -> Option<&'a Map<String, Value>> {
    value.get(key).and_then(Value::as_object)
}

fn text(value: &Value, key: &str) -> Option<String> {
    value.get(key).and_then(Value::as_str).map(str::to_owned)
}

fn string(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
