//! Requests that have been checked, in types that nothing else can build.

use model::{
    ChatRequest, Constraint, ContentPart, GrammarSyntax, InvalidSampling, Role, Sampling,
    ToolChoice,
};

use crate::limits;

/// A rule that a request breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", self.prefix())]
pub struct InvalidCommand {
    /// The field, as clients spell it; `None` where the request as a whole is at fault.
    pub field: Option<String>,
    /// The value, the limit and the remedy.
    pub message: String,
}

impl InvalidCommand {
    /// A fault of one field.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: Some(field.into()), message: message.into() }
    }

    /// A fault of the request as a whole.
    pub fn whole(message: impl Into<String>) -> Self {
        Self { field: None, message: message.into() }
    }

    fn prefix(&self) -> String {
        self.field.as_ref().map(|field| format!("`{field}` ")).unwrap_or_default()
    }
}

impl From<InvalidSampling> for InvalidCommand {
    fn from(error: InvalidSampling) -> Self {
        Self::new(error.name, format!("must be {}, it is {}", error.range, error.given))
    }
}

/// A constraint and the field of the request that it comes from, for errors to name.
#[derive(Clone, Debug)]
pub struct ClientConstraint {
    /// The field, such as `guided_json`.
    pub field: &'static str,
    /// What the sampler must follow.
    pub constraint: Constraint,
}

/// What a client asks of any generation, not yet checked.
#[derive(Clone, Debug, Default)]
pub struct GenerationDraft {
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// How many sequences; `None`: one.
    pub sequences: Option<u32>,
    /// The greatest number of tokens in each; `None`: what the context leaves. With 0 the prompt is
    /// read and nothing said.
    pub max_tokens: Option<u32>,
    /// Strings that end a sequence.
    pub stop: Vec<String>,
    /// Tokens that end a sequence.
    pub stop_tokens: Vec<u32>,
    /// What the sampler must follow; it takes the place of the family's own.
    pub constraint: Option<ClientConstraint>,
    /// How many likely tokens are reported beside each generated one; `None`: no probabilities.
    pub logprobs: Option<u32>,
    /// The adapter to apply.
    pub lora: Option<String>,
    /// Prefixes are shared only between requests of one salt.
    pub cache_salt: String,
}

/// A conversation to answer, not yet checked.
#[derive(Clone, Debug, Default)]
pub struct ChatDraft {
    /// The uid asked for.
    pub model: String,
    /// The conversation.
    pub request: ChatRequest,
    /// How to answer.
    pub generation: GenerationDraft,
}

/// A text to go on with, not yet checked.
#[derive(Clone, Debug, Default)]
pub struct CompletionDraft {
    /// The uid asked for.
    pub model: String,
    /// What stands before the completion.
    pub prefix: String,
    /// What stands after it.
    pub suffix: Option<String>,
    /// How to go on.
    pub generation: GenerationDraft,
}

/// A [`GenerationDraft`] within its limits.
#[derive(Clone, Debug)]
pub(crate) struct Generation(GenerationDraft);

impl Generation {
    pub(crate) fn into_inner(self) -> GenerationDraft {
        self.0
    }

    /// The field that a constraint of the reply comes from; the family has one of its own only
    /// where a tool must be called.
    pub(crate) fn constraint_field(&self) -> &'static str {
        self.0.constraint.as_ref().map_or("tools", |asked| asked.field)
    }
}

/// A conversation to answer, within every limit.
#[derive(Clone, Debug)]
pub struct ChatCommand {
    pub(crate) model: String,
    pub(crate) request: ChatRequest,
    pub(crate) generation: Generation,
}

/// A text to go on with, within every limit.
#[derive(Clone, Debug)]
pub struct CompletionCommand {
    pub(crate) model: String,
    pub(crate) prefix: String,
    pub(crate) suffix: Option<String>,
    pub(crate) generation: Generation,
}

impl TryFrom<ChatDraft> for ChatCommand {
    type Error = InvalidCommand;

    fn try_from(draft: ChatDraft) -> Result<Self, InvalidCommand> {
        check_conversation(&draft.request)?;
        check_tools(&draft.request)?;
        let generation = check_generation(draft.generation)?;
        Ok(Self { model: draft.model, request: draft.request, generation })
    }
}

impl TryFrom<CompletionDraft> for CompletionCommand {
    type Error = InvalidCommand;

    fn try_from(draft: CompletionDraft) -> Result<Self, InvalidCommand> {
        let CompletionDraft { model, prefix, suffix, generation } = draft;
        at_most(
            "prompt",
            "bytes of text",
            prefix.len() + suffix.as_ref().map_or(0, String::len),
            limits::TEXT_BYTES,
        )?;
        if prefix.is_empty() && suffix.as_ref().is_none_or(String::is_empty) {
            return Err(InvalidCommand::new("prompt", "is empty: send at least one character"));
        }
        Ok(Self { model, prefix, suffix, generation: check_generation(generation)? })
    }
}

pub(crate) fn at_most(
    field: &str,
    what: &str,
    given: usize,
    limit: usize,
) -> Result<(), InvalidCommand> {
    if given <= limit {
        return Ok(());
    }
    Err(InvalidCommand::new(field, format!("may hold at most {limit} {what}, it holds {given}")))
}

fn check_conversation(request: &ChatRequest) -> Result<(), InvalidCommand> {
    let messages = &request.messages;
    let Some(last) = messages.last() else {
        return Err(InvalidCommand::whole(
            "Invalid input. Please specify the prompt. `messages` is empty: send at least one message.",
        ));
    };
    at_most("messages", "messages", messages.len(), limits::MESSAGES)?;
    let mut bytes = 0;
    for (at, message) in messages.iter().enumerate() {
        let field = || format!("messages[{at}].content");
        at_most(&field(), "parts", message.content.len(), limits::CONTENT_PARTS)?;
        let calls = format!("messages[{at}].tool_calls");
        at_most(&calls, "calls", message.tool_calls.len(), limits::TOOL_CALLS)?;
        bytes += message.content.iter().map(text_bytes).sum::<usize>();
        bytes += message.reasoning.as_ref().map_or(0, String::len);
        bytes += message.name.as_ref().map_or(0, String::len);
        bytes += message
            .tool_calls
            .iter()
            .map(|call| call.id.len() + call.name.len() + call.arguments_json.len())
            .sum::<usize>();
    }
    at_most("messages", "bytes of text", bytes, limits::TEXT_BYTES)?;
    if request.continue_last && last.role != Role::Assistant {
        return Err(InvalidCommand::new(
            "continue_final_message",
            "needs a last message with the role `assistant`",
        ));
    }
    let variables = request.template_variables_json.as_ref().map_or(0, String::len);
    at_most("chat_template_kwargs", "bytes", variables, limits::VARIABLE_BYTES)
}

fn text_bytes(part: &ContentPart) -> usize {
    match part {
        ContentPart::Text(text) => text.len(),
        ContentPart::Image(_) | ContentPart::Audio(_) => 0,
    }
}

fn check_tools(request: &ChatRequest) -> Result<(), InvalidCommand> {
    at_most("tools", "tools", request.tools.len(), limits::TOOLS)?;
    let bytes = request.tools.iter().map(|tool| tool.definition_json.len()).sum();
    at_most("tools", "bytes", bytes, limits::TOOL_BYTES)?;
    for (at, tool) in request.tools.iter().enumerate() {
        let field = format!("tools[{at}].function.name");
        if tool.name.is_empty() {
            return Err(InvalidCommand::new(field, "is empty: name the function"));
        }
        at_most(&field, "characters", tool.name.chars().count(), limits::TOOL_NAME)?;
        let parameters = format!("tools[{at}].function.parameters");
        check_schema(&parameters, &tool.parameters_json)?;
    }
    match &request.tool_choice {
        ToolChoice::Named(name) if !request.tools.iter().any(|tool| tool.name == *name) => {
            Err(InvalidCommand::new(
                "tool_choice",
                format!("names the function `{}`, which is not among `tools`", cut(name)),
            ))
        }
        ToolChoice::Required if request.tools.is_empty() => {
            Err(InvalidCommand::new("tool_choice", "is `required`, but there are no `tools`"))
        }
        _ => Ok(()),
    }
}

fn check_generation(mut draft: GenerationDraft) -> Result<Generation, InvalidCommand> {
    draft.sampling.validate()?;
    range("n", draft.sequences, 1, limits::SEQUENCES)?;
    // Clients send the greatest number that they know to mean that there is no limit.
    draft.max_tokens = draft.max_tokens.map(|most| most.min(limits::MAX_TOKENS));
    range("top_logprobs", draft.logprobs, 0, limits::LOGPROBS)?;
    // An empty stop string would end every reply before its first token; clients send it to mean
    // that there is none.
    draft.stop.retain(|stop| !stop.is_empty());
    at_most("stop", "strings", draft.stop.len(), limits::STOP_STRINGS)?;
    for (at, stop) in draft.stop.iter().enumerate() {
        at_most(&format!("stop[{at}]"), "bytes", stop.len(), limits::STOP_BYTES)?;
    }
    at_most("stop_token_ids", "tokens", draft.stop_tokens.len(), limits::STOP_TOKENS)?;
    at_most("cache_salt", "bytes", draft.cache_salt.len(), limits::SALT_BYTES)?;
    if let Some(lora) = &draft.lora {
        at_most("lora_name", "characters", lora.chars().count(), limits::LORA_NAME)?;
    }
    if let Some(constraint) = &draft.constraint {
        check_constraint(constraint)?;
    }
    Ok(Generation(draft))
}

fn range(field: &str, value: Option<u32>, low: u32, high: u32) -> Result<(), InvalidCommand> {
    match value {
        Some(given) if !(low..=high).contains(&given) => {
            Err(InvalidCommand::new(field, format!("must be from {low} to {high}, it is {given}")))
        }
        _ => Ok(()),
    }
}

fn check_constraint(asked: &ClientConstraint) -> Result<(), InvalidCommand> {
    let ClientConstraint { field, constraint } = asked;
    if constraint.syntax == GrammarSyntax::JsonSchema {
        return check_schema(field, &constraint.source);
    }
    at_most(field, "bytes", constraint.source.len(), limits::CONSTRAINT_BYTES)
}

fn check_schema(field: &str, source: &str) -> Result<(), InvalidCommand> {
    at_most(field, "bytes", source.len(), limits::CONSTRAINT_BYTES)?;
    let depth = nesting(source);
    if depth > limits::SCHEMA_DEPTH {
        let limit = limits::SCHEMA_DEPTH;
        return Err(InvalidCommand::new(
            field,
            format!("may nest at most {limit} deep, it nests {depth} deep"),
        ));
    }
    match serde_json::from_str::<serde_json::Value>(source) {
        Ok(serde_json::Value::Object(_) | serde_json::Value::Bool(_)) => Ok(()),
        Ok(_) => Err(InvalidCommand::new(field, "must be a JSON Schema object")),
        Err(error) => Err(InvalidCommand::new(field, format!("is no JSON Schema: {error}"))),
    }
}

/// How deep brackets nest outside of strings.
fn nesting(json: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

fn cut(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests;
