//! Any chat model, by the Jinja template that its weights carry.
//!
//! The template is rendered as transformers renders it; every character that clients sent says so,
//! and only the template's own words become special tokens. Families that know a model exactly win
//! over this one.

mod alike;
mod complexity;
mod environment;
mod error;
mod features;
mod fields;
mod history;
mod known;
mod markup;
#[cfg(target_arch = "wasm32")]
mod memory;
mod messages;
mod parts;
mod prepared;
mod python;
mod queues;
mod render;
mod reply;
mod shape;
mod stops;
mod template;
mod text;
mod tokens;
mod twins;
mod values;
mod variables;

use plugin_sdk::reply::ReplyParser;
use plugin_sdk::{
    Chat, ChatRequest, Error, Family, FamilyInfo, ModelCard, Prepare, Profile, Prompt, Recognition,
    family_info, register,
};

pub use shape::{Reasoning, Shape};

#[cfg(target_arch = "wasm32")]
#[global_allocator]
static MEMORY: memory::Memory = memory::Memory::new();

/// The family.
pub struct Jinja;

impl Family for Jinja {
    fn describe() -> FamilyInfo {
        family_info!()
    }

    fn recognize(card: &ModelCard) -> Recognition {
        if card.own_family() == Some("jinja") {
            return Recognition::exact("metadata `modelhost.family`");
        }
        let Some(source) = template::main(card) else {
            return Recognition::none("no chat template in the weights");
        };
        if let Err(error) = complexity::check(source) {
            return Recognition::none(error::told(&error).to_owned());
        }
        match environment::check(source) {
            Ok(()) => Recognition::generic(match reply::syntax(card) {
                Ok(Some(syntax)) => format!(
                    "the chat template in the weights; its replies are read as `{}`",
                    syntax.name()
                ),
                _ => "the chat template in the weights; no syntax for reasoning or calls is \
                      recognised in it, so replies are plain text (option `syntax`)"
                    .to_owned(),
            }),
            Err(error) => Recognition::none(format!(
                "the chat template in the weights is wrong: {}",
                error::described(&error)
            )),
        }
    }

    fn profile(card: &ModelCard) -> Result<Profile, Error> {
        card.check_options(&["arguments", "content", "syntax"])?;
        template::all(card).try_for_each(complexity::check)?;
        Shape::of(card, template::main(card).unwrap_or_default())?;
        features::profile(card)
    }
}

impl Chat for Jinja {
    fn render(card: &ModelCard, request: &ChatRequest) -> Result<Prompt, Error> {
        render::render(card, request)
    }

    fn parser(card: &ModelCard, request: &ChatRequest, prompt: &Prompt) -> Box<dyn ReplyParser> {
        reply::parser(card, request, prompt)
    }
}

impl Prepare for Jinja {
    fn prepare(card: &'static ModelCard) {
        if let Some(source) = template::main(card) {
            known::Known::prepare(card, source);
            prepared::prepare(source);
        }
    }
}

register!(prepared chat: Jinja);
