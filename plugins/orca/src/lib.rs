//! The models that were taught from Orca's explanations, and Orca 2 itself.
//!
//! Every version is a [`Style`]: a table of what stands around and between the messages. Nothing
//! that a message says becomes a token of its own; the tokens that end turns are parts of the
//! prompt and never text.

mod format;
mod recognize;
mod render;
mod style;
mod system;

use plugin_sdk::{
    Chat, ChatRequest, Error, Family, FamilyInfo, ModelCard, Profile, Prompt, Recognition,
    family_info, register,
};

pub use style::Style;

/// The family.
pub struct Orca;

impl Family for Orca {
    fn describe() -> FamilyInfo {
        family_info!()
    }

    fn recognize(card: &ModelCard) -> Recognition {
        recognize::recognize(card)
    }

    fn profile(card: &ModelCard) -> Result<Profile, Error> {
        card.check_options(&["style"])?;
        Ok(recognize::style(card)?.profile())
    }
}

impl Chat for Orca {
    fn render(card: &ModelCard, request: &ChatRequest) -> Result<Prompt, Error> {
        render::render(card, recognize::style(card)?, request)
    }
}

register!(chat: Orca);
