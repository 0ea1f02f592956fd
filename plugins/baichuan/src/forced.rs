//! Calls that the client demands: the prompt opens them, and a grammar holds the model to the
//! tool's schema.

use plugin_sdk::{Forced, GrammarSyntax, PromptBuilder, Tool, grammar};
use serde_json::Value;

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

/// Opens the call and binds the rest of it.
pub(crate) fn call(prompt: &mut PromptBuilder<'_>, tools: &[Tool], forced: Forced<'_>) {
    let source = match forced {
        Forced::No => return,
        Forced::Tool(tool) => grammar::one(|grammar| grammar.json("", tool.arguments(), END)),
        Forced::Any => {
            grammar::any(tools, |grammar, tool| grammar.json(&head(tool), tool.arguments(), END))
        }
    };
    prompt.text(&opening(forced)).constraint(GrammarSyntax::Lark, source);
}
