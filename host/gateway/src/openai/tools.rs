//! The functions that a request offers.

use std::fmt;

use inference::InvalidCommand;
use model::{Tool, ToolChoice};
use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor},
};
use serde_json::{Map, Value, json};

use super::request::GenerationRequest;
use crate::lax::{self, Json};

/// `tool_choice`, or the old `function_call`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ToolChoiceField {
    Word(String),
    Function(Option<String>),
}

impl<'de> Deserialize<'de> for ToolChoiceField {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Default, Deserialize)]
        #[serde(default, expecting = "an object that names a function")]
        struct Named {
            #[serde(deserialize_with = "lax::text")]
            name: Option<String>,
            function: Option<Function>,
        }
        #[derive(Deserialize)]
        #[serde(expecting = "an object with `name`")]
        struct Function {
            #[serde(default, deserialize_with = "lax::text")]
            name: Option<String>,
        }
        struct Choice;
        impl<'de> Visitor<'de> for Choice {
            type Value = ToolChoiceField;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`none`, `auto`, `required` or an object that names a function")
            }

            fn visit_str<E>(self, word: &str) -> Result<ToolChoiceField, E> {
                Ok(ToolChoiceField::Word(word.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ToolChoiceField, A::Error> {
                let named = Named::deserialize(de::value::MapAccessDeserializer::new(map))?;
                let name = named.function.and_then(|function| function.name).or(named.name);
                Ok(ToolChoiceField::Function(name))
            }
        }
        from.deserialize_any(Choice)
    }
}

/// The tools of a request and which of them must be called.
pub(super) fn read(
    request: &mut GenerationRequest,
) -> Result<(ToolChoice, Vec<Tool>), InvalidCommand> {
    let mut tools = Vec::new();
    for (at, Json(tool)) in request.tools.take().unwrap_or_default().into_iter().enumerate() {
        tools.push(read_tool(at, &tool)?);
    }
    if tools.is_empty() {
        let functions = request.functions.take().unwrap_or_default();
        for (at, Json(function)) in functions.into_iter().enumerate() {
            tools.push(from_function(&format!("functions[{at}]"), function)?);
        }
    }
    let (field, choice) = match (request.tool_choice.take(), request.function_call.take()) {
        (Some(choice), _) => ("tool_choice", choice),
        (None, Some(choice)) => ("function_call", choice),
        (None, None) => return Ok((ToolChoice::Auto, tools)),
    };
    let choice = match choice {
        ToolChoiceField::Word(word) => match word.as_str() {
            "auto" | "" => ToolChoice::Auto,
            "none" => ToolChoice::None,
            "required" | "any" => ToolChoice::Required,
            _ => {
                let word: String = word.chars().take(64).collect();
                return Err(InvalidCommand::new(
                    field,
                    format!("must be `none`, `auto`, `required` or a function, it is `{word}`"),
                ));
            }
        },
        ToolChoiceField::Function(Some(name)) => ToolChoice::Named(name),
        ToolChoiceField::Function(None) => {
            return Err(InvalidCommand::new(format!("{field}.function.name"), "is missing"));
        }
    };
    Ok((choice, tools))
}

fn read_tool(at: usize, tool: &Value) -> Result<Tool, InvalidCommand> {
    let field = format!("tools[{at}]");
    let Value::Object(object) = tool else {
        return Err(InvalidCommand::new(field, "must be an object"));
    };
    match object.get("type").and_then(Value::as_str) {
        None | Some("function") => {}
        Some(other) => {
            let other: String = other.chars().take(64).collect();
            return Err(InvalidCommand::new(
                format!("{field}.type"),
                format!("must be `function`, it is `{other}`"),
            ));
        }
    }
    match object.get("function") {
        Some(Value::Object(function)) => {
            read_function(&format!("{field}.function"), function, tool)
        }
        // The newer Responses API puts the function's fields beside the type.
        None if object.contains_key("name") => {
            let mut function = object.clone();
            function.shift_remove("type");
            from_function(&field, Value::Object(function))
        }
        _ => Err(InvalidCommand::new(format!("{field}.function"), "must be an object")),
    }
}

fn from_function(field: &str, function: Value) -> Result<Tool, InvalidCommand> {
    let Value::Object(function) = function else {
        return Err(InvalidCommand::new(field, "must be an object"));
    };
    let definition = json!({"type": "function", "function": function});
    read_function(field, &function, &definition)
}

fn read_function(
    field: &str,
    function: &Map<String, Value>,
    definition: &Value,
) -> Result<Tool, InvalidCommand> {
    let text = |name: &str| match function.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(InvalidCommand::new(format!("{field}.{name}"), "must be a string")),
    };
    let name = text("name")?;
    let name = name.ok_or_else(|| InvalidCommand::new(format!("{field}.name"), "is missing"))?;
    let parameters_json = match function.get("parameters") {
        None | Some(Value::Null) => r#"{"type":"object","properties":{}}"#.to_owned(),
        Some(object @ Value::Object(_)) => object.to_string(),
        Some(_) => {
            return Err(InvalidCommand::new(
                format!("{field}.parameters"),
                "must be a JSON Schema object",
            ));
        }
    };
    Ok(Tool {
        name,
        description: text("description")?,
        parameters_json,
        definition_json: definition.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(body: &str) -> Result<(ToolChoice, Vec<Tool>), InvalidCommand> {
        read(&mut serde_json::from_str(body).unwrap())
    }

    #[test]
    fn definitions_keep_every_field_in_the_clients_order() {
        let tool = r#"{"type":"function","function":{"strict":true,"parameters":{"z":1,"a":2},"name":"f"}}"#;
        let (choice, tools) = of(&format!(r#"{{"tools":[{tool}]}}"#)).unwrap();
        assert_eq!(choice, ToolChoice::Auto);
        assert_eq!(tools[0].definition_json, tool);
        assert_eq!(tools[0].parameters_json, r#"{"z":1,"a":2}"#);
        assert_eq!(tools[0].name, "f");
    }

    #[test]
    fn old_forms_become_new_ones() {
        let (choice, tools) =
            of(r#"{"functions":[{"name":"f"}],"function_call":{"name":"f"}}"#).unwrap();
        assert_eq!(choice, ToolChoice::Named("f".into()));
        assert_eq!(tools[0].definition_json, r#"{"type":"function","function":{"name":"f"}}"#);
        let (_, tools) = of(r#"{"tools":[{"type":"function","name":"f"}]}"#).unwrap();
        assert_eq!(tools[0].definition_json, r#"{"type":"function","function":{"name":"f"}}"#);
    }

    #[track_caller]
    fn check_error(body: &str, expect: &str) {
        let text = of(body).unwrap_err().to_string();
        assert!(text.contains(expect), "`{text}` lacks `{expect}`");
    }

    #[test]
    fn bad_tools_name_the_field() {
        check_error(
            r#"{"tools":[{"type":"retrieval"}]}"#,
            "`tools[0].type` must be `function`, it is `retrieval`",
        );
        check_error(r#"{"tools":[7]}"#, "`tools[0]`");
        check_error(r#"{"tools":[{"type":"function"}]}"#, "`tools[0].function`");
        check_error(r#"{"tools":[{"function":{}}]}"#, "`tools[0].function.name`");
        check_error(
            r#"{"tools":[{"function":{"name":"f","parameters":[]}}]}"#,
            "`tools[0].function.parameters`",
        );
        check_error(r#"{"tool_choice":"maybe"}"#, "it is `maybe`");
        check_error(r#"{"tool_choice":{}}"#, "`tool_choice.function.name`");
    }
}
