//! ChatGLM and GLM, every version from ChatGLM-6B to GLM-5.2.
//!
//! [`Version`] says which a model is; each module renders the versions of one generation and
//! chooses the parser for their replies:
//!
//! | module | versions |
//! | --- | --- |
//! | `rounds` | ChatGLM-6B, ChatGLM2-6B |
//! | `glm3` | ChatGLM3-6B |
//! | `glm4` | GLM-4-9B, GLM-4V, GLM-Edge, GLM-4-0414, GLM-Z1 |
//! | `glm45` | GLM-4.5, 4.6, 4.7, 5, 5.1, 5.2 |

mod chinese;
mod glm3;
mod glm4;
mod glm45;
mod glm4_tools;
mod recognize;
mod rounds;
mod special;
mod version;

use plugin_sdk::reply::{Plain, ReplyParser};
use plugin_sdk::{
    Chat, ChatRequest, Completion, CompletionRequest, Error, Family, FamilyInfo, ModelCard,
    Profile, Prompt, PromptBuilder, Recognition, family_info, register,
};

use chinese::{Dated, Punctuated};

pub use version::Version;

/// The family.
pub struct ChatGlm;

impl Family for ChatGlm {
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

impl Chat for ChatGlm {
    fn render(card: &ModelCard, request: &ChatRequest) -> Result<Prompt, Error> {
        let version = recognize::version(card)?;
        let mut prompt = PromptBuilder::new(card);
        match version {
            Version::V1 | Version::V1Bare | Version::V2 => {
                rounds::render(&mut prompt, card, version, request)?;
            }
            Version::V3 => glm3::render(&mut prompt, card, request)?,
            Version::Glm4 | Version::Glm4V | Version::Edge | Version::Glm0414 | Version::Z1 => {
                glm4::render(&mut prompt, card, version, request)?;
            }
            _ => glm45::render(&mut prompt, card, version, request)?,
        }
        special::stops(&mut prompt, card, version);
        Ok(prompt.build())
    }

    fn parser(card: &ModelCard, request: &ChatRequest, _: &Prompt) -> Box<dyn ReplyParser> {
        match recognize::version(card) {
            Ok(Version::V1 | Version::V1Bare | Version::V2) => {
                Box::new(Dated::new(Punctuated::new(request)))
            }
            Ok(Version::V3) => glm3::parser(request),
            Ok(Version::Glm4V | Version::Edge) | Err(_) => Box::new(Plain::new(request)),
            Ok(version @ (Version::Glm4 | Version::Glm0414 | Version::Z1)) => {
                glm4::parser(version, request)
            }
            Ok(version) => glm45::parser(version, request),
        }
    }
}

impl Completion for ChatGlm {
    fn render(card: &ModelCard, request: &CompletionRequest) -> Result<Prompt, Error> {
        if request.suffix.is_some() {
            return Err(Error::Unsupported(
                "chatglm cannot fill in the middle; send the request without `suffix`".to_owned(),
            ));
        }
        let version = recognize::version(card)?;
        let mut prompt = PromptBuilder::new(card);
        special::begin(&mut prompt, card, version);
        prompt.text(&request.prefix);
        special::end(&mut prompt, version);
        special::stops(&mut prompt, card, version);
        Ok(prompt.build())
    }
}

register!(chat + completion: ChatGlm);
