//! Baichuan, every generation from Baichuan-7B to Baichuan-M2.
//!
//! [`Version`] says which a model is; each module renders the versions that speak alike:
//!
//! | module | versions |
//! | --- | --- |
//! | `roles` | Baichuan-13B-Chat, Baichuan2-Chat, Baichuan-M1: a token before each message |
//! | `m2` | Baichuan-M2: ChatML, reasoning and tool calls |
//!
//! The base models complete text and refuse a chat.

mod forced;
mod m2;
mod recognize;
mod roles;
mod version;

use plugin_sdk::reply::{Plain, ReplyParser};
use plugin_sdk::{
    Chat, ChatRequest, Completion, CompletionRequest, Error, Family, FamilyInfo, ModelCard,
    Profile, Prompt, PromptBuilder, Recognition, family_info, register,
};

pub use version::Version;

/// The family.
pub struct Baichuan;

impl Family for Baichuan {
    fn describe() -> FamilyInfo {
        family_info!()
    }

    fn recognize(card: &ModelCard) -> Recognition {
        recognize::recognize(card)
    }

    fn profile(card: &ModelCard) -> Result<Profile, Error> {
        card.check_options(&["style"])?;
        Ok(recognize::version(card)?.profile())
    }
}

impl Chat for Baichuan {
    fn render(card: &ModelCard, request: &ChatRequest) -> Result<Prompt, Error> {
        let version = recognize::version(card)?;
        let mut prompt = PromptBuilder::new(card);
        match version {
            Version::Base => {
                return Err(Error::Unsupported(
                    "this is a Baichuan base model, which only completes text; send the text to \
                     the completions endpoint, or serve a -Chat model. If the weights were tuned \
                     for chat, set the family option `style` to `baichuan-chat` or \
                     `baichuan2-chat`"
                        .to_owned(),
                ));
            }
            Version::M2 => m2::render(&mut prompt, request)?,
            _ => roles::render(&mut prompt, card, version, request)?,
        }
        frame(&mut prompt, card, version);
        Ok(prompt.build())
    }

    fn parser(card: &ModelCard, request: &ChatRequest, _: &Prompt) -> Box<dyn ReplyParser> {
        match recognize::version(card) {
            Ok(Version::M2) => m2::parser(request),
            Ok(version) => Box::new(roles::parser(version, request)),
            Err(_) => Box::new(Plain::new(request)),
        }
    }
}

impl Completion for Baichuan {
    fn render(card: &ModelCard, request: &CompletionRequest) -> Result<Prompt, Error> {
        if request.suffix.is_some() {
            return Err(Error::Unsupported(
                "baichuan cannot fill in the middle; send the request without `suffix`".to_owned(),
            ));
        }
        let version = recognize::version(card)?;
        let mut prompt = PromptBuilder::new(card);
        prompt.text(&request.prefix);
        frame(&mut prompt, card, version);
        Ok(prompt.build())
    }
}

/// The rules for tokens, and where a reply ends.
fn frame(prompt: &mut PromptBuilder<'_>, card: &ModelCard, version: Version) {
    match version {
        Version::M2 => m2::frame(prompt),
        _ => roles::frame(prompt, card, version),
    }
    if let Some(eos) = card.eos {
        prompt.stop_token(eos);
    }
}

register!(chat + completion: Baichuan);
