//! The variables that a template sees.

use minijinja::Value;
use plugin_sdk::{ChatRequest, Error, ModelCard};
use serde_json::{Map, Value as Json};

use crate::known::Known;
use crate::messages::messages;
use crate::python::strftime;
use crate::values::Values;

/// Variables that the conversation gives, and a client cannot.
const OWN: [&str; 5] = ["messages", "tools", "bos_token", "eos_token", "functions"];

/// Everything that a template is rendered with.
pub(crate) fn variables(
    card: &ModelCard,
    request: &ChatRequest,
    known: Known,
    values: &Values<'_>,
) -> Result<Vec<(String, Value)>, Error> {
    let mut variables = vec![
        ("messages", messages(values, known.shape, &request.messages)?),
        ("tools", tools(request, values)),
        ("documents", Value::from(())),
        ("add_generation_prompt", Value::from(!request.continues_last())),
        ("continue_final_message", Value::from(request.continues_last())),
    ];
    for (name, key, id) in [
        ("bos_token", "tokenizer.ggml.bos_token_id", card.bos),
        ("eos_token", "tokenizer.ggml.eos_token_id", card.eos),
        ("unk_token", "tokenizer.ggml.unknown_token_id", None),
        ("pad_token", "tokenizer.ggml.padding_token_id", None),
    ] {
        let id = id.or_else(|| card.meta(key)?.parse().ok());
        let token = id.and_then(|id| card.control_tokens.iter().find(|token| token.id == id));
        match token {
            Some(token) => variables.push((name, Value::from(token.text.as_str()))),
            // A vocabulary without them writes nothing in their place.
            None if OWN.contains(&name) => variables.push((name, Value::from(""))),
            None => {}
        }
    }
    if let Some(wanted) = request.wants_reasoning() {
        // The names that the authors of models gave one switch.
        for name in ["enable_thinking", "thinking"] {
            variables.push((name, Value::from(wanted)));
        }
    }
    if let Some(effort) = &request.reasoning_effort {
        variables.push(("reasoning_effort", values.text(effort)));
    }
    if known.functions {
        // Firefunction's names for the tools, as one text, and for the time.
        variables.push(("functions", functions(request, values)));
        let now = strftime(&request.now, "%b %d %Y %H:%M:%S GMT");
        variables.push(("datetime", Value::from(now)));
    }
    let mut variables: Vec<_> =
        variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    for (name, value) in own_variables(request)? {
        if OWN.contains(&name.as_str()) {
            return Err(Error::InvalidRequest(format!(
                "the template variable `{name}` comes from the conversation; leave it out"
            )));
        }
        variables.push((name, values.json(&value)));
    }
    Ok(variables)
}

fn own_variables(request: &ChatRequest) -> Result<Map<String, Json>, Error> {
    let Some(text) = &request.template_variables_json else { return Ok(Map::new()) };
    match serde_json::from_str(text) {
        Ok(Json::Object(variables)) => Ok(variables),
        Ok(Json::Null) => Ok(Map::new()),
        _ => Err(Error::InvalidRequest("the template variables are no JSON object".to_owned())),
    }
}

fn tools(request: &ChatRequest, values: &Values<'_>) -> Value {
    let tools = request.callable_tools();
    if tools.is_empty() {
        return Value::from(());
    }
    tools.iter().map(|tool| values.json(&tool.definition())).collect()
}

/// The tools with an empty description wherever there is none; `None` where that changes nothing.
pub(crate) fn described_tools(request: &ChatRequest, values: &Values<'_>) -> Option<Value> {
    let tools = request.callable_tools();
    let mut any = false;
    let tools: Vec<_> = tools
        .iter()
        .map(|tool| {
            let mut definition = tool.definition();
            if let Some(function) = definition.get_mut("function") {
                any |= describe(function);
                let parameters = function.get_mut("parameters");
                let properties = parameters.and_then(|all| all.get_mut("properties"));
                for property in properties.and_then(Json::as_object_mut).into_iter().flatten() {
                    any |= describe(property.1);
                }
            }
            values.json(&definition)
        })
        .collect();
    any.then(|| Value::from(tools))
}

/// Adds an empty description where there is none.
fn describe(named: &mut Json) -> bool {
    let Some(fields) = named.as_object_mut() else { return false };
    let absent = fields.get("description").is_none_or(Json::is_null);
    if absent {
        fields.insert("description".to_owned(), Json::from(""));
    }
    absent
}

fn functions(request: &ChatRequest, values: &Values<'_>) -> Value {
    let tools = request.callable_tools();
    if tools.is_empty() {
        return Value::from("");
    }
    let definitions = Json::Array(tools.iter().map(plugin_sdk::Tool::definition).collect());
    values.text(&serde_json::to_string_pretty(&definitions).unwrap_or_default())
}
