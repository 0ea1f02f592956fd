//! Baichuan-13B-Chat, Baichuan2-Chat and Baichuan-M1: a token before each message says who speaks.
//!
//! The tokens stand between the messages, so that each message is tokenized by itself and gets a
//! space in front, as the models' own code has it.

use plugin_sdk::reply::Plain;
use plugin_sdk::{ChatRequest, Error, Message, ModelCard, PromptBuilder, Role};

use crate::Version;

/// The role tokens. They are ordinary entries of the vocabulary and cannot be written as text.
const USER: u32 = 195;
const ASSISTANT: u32 = 196;

/// The end token of the sentencepiece vocabularies.
const END: u32 = 2;

/// What M1 is told where the client sends no system prompt.
const M1_SYSTEM: &str = "You are a helpful assistant.";

pub(crate) fn render(
    prompt: &mut PromptBuilder<'_>,
    card: &ModelCard,
    version: Version,
    request: &ChatRequest,
) -> Result<(), Error> {
    request.refuse_tools("this Baichuan model")?;
    if version.has_role_ids() && card.vocabulary_size <= ASSISTANT {
        return Err(Error::Unsupported(format!(
            "Baichuan's roles are the tokens {USER} and {ASSISTANT}, and this vocabulary has {} \
             entries; the weights are of another family",
            card.vocabulary_size
        )));
    }
    let turns = Turns { version, end: card.eos.unwrap_or(END) };
    let mut system = system(request)?;
    match version {
        Version::V2 => {
            prompt.text(&system);
            system.clear();
        }
        Version::M1 => {
            let text = if system.is_empty() { M1_SYSTEM } else { &system };
            prompt.control("<B_SYS>").text(text);
            system.clear();
        }
        // Baichuan-13B-Chat knows no system prompt; the first user's message takes it in.
        _ => {}
    }
    for (index, message) in request.messages.iter().enumerate() {
        let text = message.text()?;
        match message.role {
            Role::User if system.is_empty() => turns.user(prompt, &text),
            Role::User => {
                turns.user(prompt, &format!("{system}\n{text}"));
                system.clear();
            }
            Role::Assistant => turns.assistant(prompt, &text, request.continues(index)),
            Role::System | Role::Tool => {}
        }
    }
    if !system.is_empty() {
        turns.user(prompt, &system);
    }
    if !goes_on(version, request) {
        turns.open(prompt);
    }
    Ok(())
}

/// Whether the reply goes on with the assistant's last message: as the client says, and always
/// with Baichuan2, whose own code never opens a second turn of the assistant's.
fn goes_on(version: Version, request: &ChatRequest) -> bool {
    let by_assistant = request.messages.last().is_some_and(|last| last.role == Role::Assistant);
    by_assistant && (request.continue_last || version == Version::V2)
}

/// Replies are plain text.
pub(crate) fn parser(version: Version, request: &ChatRequest) -> Plain {
    if goes_on(version, request) == request.continues_last() {
        return Plain::new(request);
    }
    Plain::new(&ChatRequest { continue_last: true, ..request.clone() })
}

/// The rules for tokens, and the tokens that end a reply.
pub(crate) fn frame(prompt: &mut PromptBuilder<'_>, card: &ModelCard, version: Version) {
    if version == Version::M1 {
        for token in ["<C_Q>", "<C_A>"] {
            if let Some(id) = card.control(token) {
                prompt.stop_token(id);
            }
        }
        return;
    }
    prompt.add_bos(false).space_prefix(version != Version::Xinference);
    prompt.stop_special("</s>", END);
    if version != Version::Base && card.vocabulary_size > USER {
        prompt.stop_token(USER);
    }
}

/// The caller's system prompt, wherever its messages stand.
fn system(request: &ChatRequest) -> Result<String, Error> {
    let own = request.messages.iter().filter(|message| message.role == Role::System);
    Ok(own.map(Message::text).collect::<Result<Vec<_>, _>>()?.join("\n"))
}

/// How a version writes turns.
struct Turns {
    version: Version,
    end: u32,
}

impl Turns {
    fn user(&self, prompt: &mut PromptBuilder<'_>, text: &str) {
        match self.version {
            Version::M1 => prompt.control("<C_Q>").text(text),
            Version::Xinference => prompt.text(" ").token(USER).text(" ").text(text),
            _ => prompt.token(USER).text(text),
        };
    }

    fn open(&self, prompt: &mut PromptBuilder<'_>) {
        match self.version {
            Version::M1 => prompt.control("<C_A>"),
            Version::Xinference => prompt.text(" ").token(ASSISTANT).text(" "),
            _ => prompt.token(ASSISTANT),
        };
    }

    fn assistant(&self, prompt: &mut PromptBuilder<'_>, text: &str, continued: bool) {
        self.open(prompt);
        prompt.text(text);
        if !continued && matches!(self.version, Version::V1 | Version::Xinference) {
            prompt.token(self.end);
        }
    }
}
