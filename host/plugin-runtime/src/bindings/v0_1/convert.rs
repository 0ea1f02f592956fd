//! Between the host's types and the guest's.
//!
//! What goes in is borrowed: a card can hold a thousand control tokens, and none of their texts is
//! copied but into the guest itself.

use model::{
    ChatRequest, Constraint, ContentPart, FinishReason, GrammarSyntax, Message, ModelCard, Prompt,
    PromptPart, ReplyEvent, Role, ToolChoice,
};

use super::generated::exports::modelhost::family::chat;
use super::generated::modelhost::family::types;

/// A card on its way in.
pub(super) struct Card<'a> {
    plain: &'a ModelCard,
    control_tokens: Vec<types::ControlToken<'a>>,
    metadata: Vec<(&'a str, &'a str)>,
    options: Vec<(&'a str, &'a str)>,
}

/// Keys and values on their way in.
pub(super) fn pairs(pairs: &[(String, String)]) -> Vec<(&str, &str)> {
    pairs.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect()
}

impl<'a> Card<'a> {
    pub(super) fn new(card: &'a ModelCard) -> Self {
        let token = |token: &'a model::ControlToken| types::ControlToken {
            text: token.text.as_str(),
            id: token.id,
        };
        Self {
            plain: card,
            control_tokens: card.control_tokens.iter().map(token).collect(),
            metadata: pairs(&card.metadata),
            options: pairs(&card.options),
        }
    }

    pub(super) fn lower(&'a self) -> types::ModelCard<'a> {
        types::ModelCard {
            name: &self.plain.name,
            architecture: &self.plain.architecture,
            chat_template: self.plain.chat_template.as_deref(),
            context_length: self.plain.context_length,
            vocabulary_size: self.plain.vocabulary_size,
            bos: self.plain.bos,
            eos: self.plain.eos,
            control_tokens: &self.control_tokens,
            metadata: &self.metadata,
            options: &self.options,
        }
    }
}

/// A request on its way in: what its messages are made of.
pub(super) struct Request<'a> {
    plain: &'a ChatRequest,
    contents: Vec<Vec<types::ContentPart<'a>>>,
    calls: Vec<Vec<types::ToolCall<'a>>>,
    tools: Vec<types::Tool<'a>>,
}

impl<'a> Request<'a> {
    pub(super) fn new(request: &'a ChatRequest) -> Self {
        let contents = |message: &'a Message| message.content.iter().map(content_part).collect();
        let calls = |message: &'a Message| message.tool_calls.iter().map(tool_call).collect();
        Self {
            plain: request,
            contents: request.messages.iter().map(contents).collect(),
            calls: request.messages.iter().map(calls).collect(),
            tools: request.tools.iter().map(tool).collect(),
        }
    }

    pub(super) fn messages(&'a self) -> Vec<types::Message<'a>> {
        let parts = self.contents.iter().zip(&self.calls);
        let message =
            |(message, (content, tool_calls)): (&'a Message, (&'a Vec<_>, &'a Vec<_>))| {
                types::Message {
                    role: role(message.role),
                    content,
                    name: message.name.as_deref(),
                    reasoning: message.reasoning.as_deref(),
                    tool_calls,
                    tool_call_id: message.tool_call_id.as_deref(),
                }
            };
        self.plain.messages.iter().zip(parts).map(message).collect()
    }

    pub(super) fn lower(&'a self, messages: &'a [types::Message<'a>]) -> chat::ChatRequest<'a> {
        chat::ChatRequest {
            messages,
            tools: &self.tools,
            tool_choice: match &self.plain.tool_choice {
                ToolChoice::Auto => types::ToolChoice::Auto,
                ToolChoice::None => types::ToolChoice::None,
                ToolChoice::Required => types::ToolChoice::Required,
                ToolChoice::Named(name) => types::ToolChoice::Named(name),
            },
            parallel_tool_calls: self.plain.parallel_tool_calls,
            reasoning: self.plain.reasoning,
            reasoning_effort: self.plain.reasoning_effort.as_deref(),
            continue_last: self.plain.continue_last,
            now: &self.plain.now,
            template_variables_json: self.plain.template_variables_json.as_deref(),
        }
    }
}

fn role(role: Role) -> types::Role {
    match role {
        Role::System => types::Role::System,
        Role::User => types::Role::User,
        Role::Assistant => types::Role::Assistant,
        Role::Tool => types::Role::Tool,
    }
}

fn content_part(part: &ContentPart) -> types::ContentPart<'_> {
    match part {
        ContentPart::Text(text) => types::ContentPart::Text(text),
        ContentPart::Image(index) => types::ContentPart::Image(*index),
        ContentPart::Audio(index) => types::ContentPart::Audio(*index),
    }
}

fn tool_call(call: &model::ToolCall) -> types::ToolCall<'_> {
    types::ToolCall { id: &call.id, name: &call.name, arguments_json: &call.arguments_json }
}

fn tool(tool: &model::Tool) -> types::Tool<'_> {
    types::Tool {
        name: &tool.name,
        description: tool.description.as_deref(),
        parameters_json: &tool.parameters_json,
        definition_json: &tool.definition_json,
    }
}

/// The guest learns that a sequence ended by itself; whether it ended in tool calls it knows best.
pub(super) fn finish_reason(reason: FinishReason) -> types::FinishReason {
    match reason {
        FinishReason::Stop | FinishReason::ToolCalls => types::FinishReason::Stop,
        FinishReason::Length => types::FinishReason::Length,
        FinishReason::Cancelled => types::FinishReason::Cancelled,
    }
}

/// A prompt on its way out, not yet validated.
pub(super) fn prompt(prompt: types::Prompt) -> Prompt {
    let part = |part| match part {
        types::PromptPart::Text(text) => PromptPart::Text(text),
        types::PromptPart::Control(text) => PromptPart::Control(text),
        types::PromptPart::Token(id) => PromptPart::Token(id),
        types::PromptPart::Media(index) => PromptPart::Media(index),
        types::PromptPart::Split => PromptPart::Split,
    };
    let constraint = |constraint: types::Constraint| Constraint {
        syntax: match constraint.syntax {
            types::GrammarSyntax::Gbnf => GrammarSyntax::Gbnf,
            types::GrammarSyntax::JsonSchema => GrammarSyntax::JsonSchema,
            types::GrammarSyntax::Regex => GrammarSyntax::Regex,
            types::GrammarSyntax::Lark => GrammarSyntax::Lark,
        },
        source: constraint.source,
        triggers: constraint.triggers,
    };
    Prompt {
        parts: prompt.parts.into_iter().map(part).collect(),
        add_bos: prompt.add_bos,
        space_prefix: prompt.space_prefix,
        stop: prompt.stop,
        stop_tokens: prompt.stop_tokens,
        constraint: prompt.constraint.map(constraint),
    }
}

/// Events on their way out.
pub(super) fn events(events: Vec<chat::ReplyEvent>) -> Vec<ReplyEvent> {
    let event = |event| match event {
        chat::ReplyEvent::Content(text) => ReplyEvent::Content(text),
        chat::ReplyEvent::Reasoning(text) => ReplyEvent::Reasoning(text),
        chat::ReplyEvent::ToolCallStart(chat::ToolCallStart { id, name }) => {
            ReplyEvent::ToolCallStart { id, name }
        }
        chat::ReplyEvent::ToolCallArguments(text) => ReplyEvent::ToolCallArguments(text),
    };
    events.into_iter().map(event).collect()
}
