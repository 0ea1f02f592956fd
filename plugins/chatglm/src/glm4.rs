//! GLM-4-9B, GLM-4V, GLM-Edge, GLM-4-0414 and GLM-Z1: a token for each role, then a line of
//! metadata, then the content; tool calls as the tool's name and JSON.

use plugin_sdk::reply::{Body, Headed, Opening, Reasoning, ReplyParser, headed_json};
use plugin_sdk::{
    ChatRequest, Error, Forced, GrammarSyntax, Message, ModelCard, PromptBuilder, Role, grammar,
};

use crate::{Version, glm4_tools, special};

pub(crate) fn render(
    prompt: &mut PromptBuilder<'_>,
    card: &ModelCard,
    version: Version,
    request: &ChatRequest,
) -> Result<(), Error> {
    if matches!(version, Version::Glm4V | Version::Edge) {
        request.refuse_tools(version.name())?;
    }
    let renderer = Renderer { card, version, request };
    special::begin(prompt, card, version);
    renderer.tools(prompt);
    // The newer template puts every system message first.
    let systems_first = matches!(version, Version::Glm0414 | Version::Z1);
    let is_system = |message: &&Message| message.role == Role::System;
    if systems_first {
        for message in request.messages.iter().filter(is_system) {
            renderer.message(prompt, message)?;
        }
    }
    for message in &request.messages {
        if !(systems_first && message.role == Role::System) {
            renderer.message(prompt, message)?;
        }
    }
    if request.continues_last() {
        return Ok(());
    }
    special::role(prompt, card, version, Role::Assistant);
    renderer.begin_reply(prompt)
}

struct Renderer<'a> {
    card: &'a ModelCard,
    version: Version,
    request: &'a ChatRequest,
}

impl Renderer<'_> {
    fn role(&self, prompt: &mut PromptBuilder<'_>, role: Role) {
        special::role(prompt, self.card, self.version, role);
    }

    fn tools(&self, prompt: &mut PromptBuilder<'_>) {
        let tools = self.request.callable_tools();
        if tools.is_empty() {
            return;
        }
        self.role(prompt, Role::System);
        prompt.text("\n");
        if self.version == Version::Glm4 {
            prompt.text(glm4_tools::IDENTITY);
        }
        prompt.text(glm4_tools::HEADING);
        for (index, tool) in tools.iter().enumerate() {
            // The newer template's first line break stands before its loop, and only there.
            let first = index == 0 && self.version != Version::Glm4;
            prompt.text(if first { "\n\n" } else { "\n" });
            prompt.text(&glm4_tools::describe(tool));
        }
    }

    fn message(&self, prompt: &mut PromptBuilder<'_>, message: &Message) -> Result<(), Error> {
        if self.version == Version::Glm4V {
            return self.image_message(prompt, message);
        }
        let text = message.text()?;
        let text = match message.role {
            Role::Assistant if self.version == Version::Z1 => without_reasoning(&text),
            _ => &text,
        };
        // A turn that is nothing but calls has no block of its own.
        if message.tool_calls.is_empty() || !text.is_empty() {
            self.role(prompt, message.role);
            prompt.text("\n").text(text);
        }
        for call in &message.tool_calls {
            self.role(prompt, Role::Assistant);
            let gap = if self.version == Version::Glm4 { "\n" } else { " \n" };
            prompt.text(&call.name).text(gap).text(&call.arguments_json);
        }
        Ok(())
    }

    /// A message with its image in front of its text.
    fn image_message(
        &self,
        prompt: &mut PromptBuilder<'_>,
        message: &Message,
    ) -> Result<(), Error> {
        self.role(prompt, message.role);
        prompt.text("\n");
        for image in message.images() {
            prompt.special("<|begin_of_image|>", 151_339);
            prompt.media(image);
            prompt.special("<|end_of_image|>", 151_340);
        }
        prompt.text(&message.text_beside_images()?);
        Ok(())
    }

    /// What the reply begins with: a forced call, or the start of the reasoning.
    fn begin_reply(&self, prompt: &mut PromptBuilder<'_>) -> Result<(), Error> {
        match self.request.forced()? {
            Forced::No if self.version == Version::Z1 => {
                prompt.text("\n").marker("<think>");
            }
            Forced::No => {}
            Forced::Any => {
                let source = grammar::any(self.request.callable_tools(), |grammar, tool| {
                    grammar.json(&format!("{}\n", tool.name), tool.arguments(), "")
                });
                prompt.constraint(GrammarSyntax::Lark, source);
            }
            Forced::Tool(tool) => {
                prompt.text(&tool.name).text("\n");
                let schema = grammar::one_line(tool.arguments());
                prompt.constraint(GrammarSyntax::JsonSchema, schema.to_string());
            }
        }
        Ok(())
    }
}

/// An answer without the reasoning that a client may have left in it.
fn without_reasoning(text: &str) -> &str {
    text.rsplit_once("</think>").map_or(text, |(_, answer)| answer.trim_start())
}

/// Calls stand where the models' own code looks for them: the tool's name opens the reply or what
/// follows a role token. A name after other text in the same turn is text.
pub(crate) fn parser(version: Version, request: &ChatRequest) -> Box<dyn ReplyParser> {
    let calls = Headed::new("<|assistant|>", Body { first: '{', read: headed_json }, request);
    if request.continues_last() {
        return Box::new(calls);
    }
    match request.forced() {
        Ok(Forced::Tool(tool)) => Box::new(calls.opened(&tool.name, "")),
        Ok(Forced::No) if version == Version::Z1 => {
            Box::new(Reasoning::think(Opening::Prompt, calls))
        }
        Ok(Forced::No | Forced::Any) | Err(_) => Box::new(calls),
    }
}
