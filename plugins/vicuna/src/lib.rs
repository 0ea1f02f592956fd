//! Vicuna and the models that speak as it does.
//!
//! Every version is a [`Style`]: words for the roles, separators, a default system prompt and
//! stops. Nothing that a message says becomes a token of its own; the end token between turns is a
//! part of the prompt and never text.

mod example;
mod recognize;
mod render;
mod style;

use plugin_sdk::{
    Chat, ChatRequest, Error, Family, FamilyInfo, ModelCard, Profile, Prompt, Recognition,
    family_info, register,
};

pub use style::Style;

/// The family.
pub struct Vicuna;

impl Family for Vicuna {
    fn describe() -> FamilyInfo {
        family_info!()
    }

    fn recognize(card: &ModelCard) -> Recognition {
        recognize::recognize(card)
    }

    fn profile(card: &ModelCard) -> Result<Profile, Error> {
        card.check_options(&["style"])?;
        let style = recognize::style(card)?;
        let features = if style.takes_images() { vec!["vision".to_owned()] } else { Vec::new() };
        // FastChat's defaults.
        let sampling =
            vec![("temperature".to_owned(), 0.7), ("repetition-penalty".to_owned(), 1.0)];
        Ok(Profile { style: style.name().to_owned(), features, sampling })
    }
}

impl Chat for Vicuna {
    fn render(card: &ModelCard, request: &ChatRequest) -> Result<Prompt, Error> {
        render::render(card, recognize::style(card)?, request)
    }
}

register!(chat: Vicuna);
