//! Calls that the client demands: the prompt opens them, and a grammar holds the model to the
//! tool's schema.

use plugin_sdk::{Forced, GrammarSyntax, PromptBuilder, Tool};
use serde_json::{Value, json};

const END: &str = "}\n</tool_call>";

/// What stands before the arguments.
fn head(tool: &Tool) -> String {
    format!("{{\"name\": {}, \"arguments\": ", Value::from(tool.name.as_str()))
}

/// What the prompt says of the call after its opening marker.
pub(crate) fn opening(forced: Forced<'_>) -> String {
    match forced {
        Forced::Tool(tool) => head(tool),
        Forced::Any | Forced::No => String::new(),
    }
}

/// Opens the call and binds the rest of it, in llguidance's dialect of Lark.
pub(crate) fn call(prompt: &mut PromptBuilder<'_>, tools: &[Tool], forced: Forced<'_>) {
    let opening = opening(forced);
    let source = match forced {
        Forced::No => return,
        Forced::Tool(tool) => grammar(std::slice::from_ref(tool), |_| String::new()),
        Forced::Any => grammar(tools, |tool| format!("{} ", literal(&head(tool)))),
    };
    prompt.text(&opening).constraint(GrammarSyntax::Lark, source);
}

/// One rule for each tool: what the model writes of its head, the arguments, the end.
fn grammar(tools: &[Tool], head: impl Fn(&Tool) -> String) -> String {
    let calls: Vec<_> = (0..tools.len()).map(|index| format!("call{index}")).collect();
    let rules = tools.iter().enumerate().map(|(index, tool)| {
        let [head, end, schema] =
            [head(tool), literal(END), one_line(tool.parameters()).to_string()];
        format!("call{index}: {head}arguments{index} {end}\narguments{index}: %json {schema}\n")
    });
    let rules: String = rules.collect();
    format!("start: {}\n{rules}", calls.join(" | "))
}

/// A JSON Schema for JSON on one line, with the spaces that the model was trained on.
///
/// Words of the schema that the engine does not know are left out of account.
fn one_line(mut schema: Value) -> Value {
    if let Some(fields) = schema.as_object_mut() {
        let style = json!({
            "whitespace_flexible": false,
            "item_separator": ", ",
            "key_separator": ": ",
            "lenient": true,
        });
        fields.insert("x-guidance".to_owned(), style);
    }
    schema
}

/// A string literal of the grammar.
fn literal(text: &str) -> String {
    Value::from(text).to_string()
}
