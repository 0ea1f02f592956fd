//! ChatGLM3-6B: a token for each role, a line of metadata, tool calls in Python.
//!
//! The line with the metadata and the content are tokenized apart.

use plugin_sdk::reply::{Body, Headed, ReplyParser, python_call, syntax};
use plugin_sdk::{
    ChatRequest, Error, Forced, GrammarSyntax, ModelCard, PromptBuilder, Role, ToolCall, grammar,
    json,
};
use serde_json::{Map, Value};

use crate::chinese::Dated;
use crate::{Version, special};

const TOOLS: &str =
    "Answer the following questions as best as you can. You have access to the following tools:\n";

/// How the fence of a call begins.
const FENCE: &str = "```python\n";
const CALL: &str = "tool_call(";
/// How a call ends.
const END: &str = ")\n```";

pub(crate) fn render(
    prompt: &mut PromptBuilder<'_>,
    card: &ModelCard,
    request: &ChatRequest,
) -> Result<(), Error> {
    special::begin(prompt, card, Version::V3);
    let tools = request.callable_tools();
    if !tools.is_empty() {
        let functions: Vec<_> = tools.iter().map(plugin_sdk::Tool::function).collect();
        let functions = json::python_indented(&Value::Array(functions));
        block(prompt, card, Role::System, "", &format!("{TOOLS}{functions}"));
    }
    for message in &request.messages {
        let text = message.text()?;
        if message.role != Role::Assistant || message.tool_calls.is_empty() || !text.is_empty() {
            block(prompt, card, message.role, "", &text);
        }
        for call in &message.tool_calls {
            block(prompt, card, Role::Assistant, &call.name, &python(call)?);
        }
    }
    if request.continues_last() {
        return Ok(());
    }
    special::role(prompt, card, Version::V3, Role::Assistant);
    match request.forced()? {
        Forced::No => {
            prompt.bind(syntax::CHATGLM_3_CALL.constraint(request));
        }
        Forced::Any => {
            let source = grammar::any(tools, |grammar, tool| {
                let head = format!("{}\n{FENCE}{CALL}", tool.name);
                grammar.keywords(&head, &tool.arguments(), END)
            });
            prompt.constraint(GrammarSyntax::Lark, source);
        }
        Forced::Tool(tool) => {
            prompt.text(&format!("{}\n", tool.name)).split().text(FENCE).text(CALL);
            let source = grammar::one(|grammar| grammar.keywords("", &tool.arguments(), END));
            prompt.constraint(GrammarSyntax::Lark, source);
        }
    }
    Ok(())
}

fn block(prompt: &mut PromptBuilder<'_>, card: &ModelCard, role: Role, metadata: &str, text: &str) {
    special::role(prompt, card, Version::V3, role);
    prompt.text(metadata).text("\n").split().text(text);
}

/// A call as the model wrote it.
fn python(call: &ToolCall) -> Result<String, Error> {
    let arguments: Map<String, Value> =
        serde_json::from_str(&call.arguments_json).map_err(|error| {
            Error::InvalidRequest(format!(
                "the arguments of the call `{}` are no JSON object: {error}",
                call.id
            ))
        })?;
    if call.name == "interpreter"
        && let Some(Value::String(code)) = arguments.get("code")
    {
        return Ok(format!("{FENCE}{code}\n```"));
    }
    let keywords: Vec<_> =
        arguments.iter().map(|(key, value)| format!("{key}={}", literal(value))).collect();
    Ok(format!("{FENCE}{CALL}{})\n```", keywords.join(", ")))
}

/// A value as a Python literal.
fn literal(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Array(items) => {
            format!("[{}]", items.iter().map(literal).collect::<Vec<_>>().join(", "))
        }
        Value::Object(fields) => {
            let field = |(key, value): (&String, &Value)| {
                format!("{}: {}", Value::from(key.as_str()), literal(value))
            };
            format!("{{{}}}", fields.iter().map(field).collect::<Vec<_>>().join(", "))
        }
        Value::String(_) | Value::Number(_) => json::python(value),
    }
}

pub(crate) fn parser(request: &ChatRequest) -> Box<dyn ReplyParser> {
    let body = Body { first: '`', read: python_call };
    let mut parser = Headed::new("<|assistant|>", body, request);
    if let Ok(Forced::Tool(tool)) = request.forced()
        && !request.continues_last()
    {
        parser = parser.opened(&tool.name, &format!("{FENCE}{CALL}"));
    }
    Box::new(Dated::new(parser))
}
