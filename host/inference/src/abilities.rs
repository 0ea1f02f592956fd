//! What a model can be asked for, and what is said where it cannot.

use model::{Ability, ContentPart, Role};

use crate::{
    Inference, InferenceError, InvalidCommand,
    family::{Chosen, Family},
    served::Served,
};

/// What a model that only hears is asked instead.
const SPEECH: &str = "send it a recording at /v1/audio/transcriptions";

/// How many of the models that can are named to whoever asks one that cannot.
const NAMED: usize = 8;

impl Inference {
    /// The family that makes prompts of conversations.
    pub(crate) fn chatting<'a>(
        &self,
        served: &Served,
        family: &'a Family,
    ) -> Result<&'a Chosen, InferenceError> {
        if let Some(chosen) = family.chosen().filter(|chosen| chosen.can(Ability::Chat)) {
            return Ok(chosen);
        }
        let able = self.names_of(|family| family.chosen().is_some_and(|c| c.can(Ability::Chat)));
        let other = able.map(|able| format!(", or ask one of [{able}]")).unwrap_or_default();
        let instead = if served.writes_text(family) {
            "use /v1/completions, install a family plugin for it"
        } else {
            SPEECH
        };
        Err(InferenceError::Unsupported {
            message: format!(
                "model `{}` is not for chat ({}): {instead}{other}",
                served.uid(),
                family.reason(),
            ),
        })
    }

    /// Refuses tools for a family that has no words for them.
    pub(crate) fn check_tools(
        &self,
        served: &Served,
        request: &model::ChatRequest,
    ) -> Result<(), InferenceError> {
        let answers = request.messages.last().is_some_and(|m| m.role == Role::Tool);
        if request.tools.is_empty() && !answers {
            return Ok(());
        }
        let uid = served.uid();
        let what = if answers { "messages" } else { "calls" };
        let message = match self.names_of(|family| family.has("tools")) {
            Some(able) => format!(
                "Only [{able}] support tool {what}. Model `{uid}` does not: leave out `tools`, or ask one of those."
            ),
            None => format!(
                "Model `{uid}` does not support tool {what}, and no other model here does: leave out `tools`."
            ),
        };
        Err(InferenceError::Unsupported { message })
    }

    /// Refuses media that the model's family or its engine cannot read.
    pub(crate) fn check_media(
        &self,
        served: &Served,
        family: &Family,
        request: &model::ChatRequest,
    ) -> Result<(), InferenceError> {
        let uid = served.uid();
        for (at, message) in request.messages.iter().enumerate() {
            let medium = message.content.iter().find_map(|part| match part {
                ContentPart::Image(_) => Some(("images", "vision")),
                ContentPart::Audio(_) => Some(("audio", "audio")),
                ContentPart::Text(_) => None,
            });
            let Some((words, feature)) = medium else { continue };
            let message = if family.has(feature) {
                format!(
                    "holds {words}, which engine `{}` cannot read",
                    served.definition.engine.name
                )
            } else {
                let able = self.names_of(|family| family.has(feature));
                let others = able.map_or("no model here can".to_owned(), |able| {
                    format!("models that can: [{able}]")
                });
                format!("holds {words}, which model `{uid}` cannot read; {others}")
            };
            let field = format!("messages[{at}].content");
            return Err(InvalidCommand::new(field, message).into());
        }
        Ok(())
    }

    /// The uids of the models whose family passes a test; `None` where there are none.
    pub(crate) fn names_of(&self, test: impl Fn(&Family) -> bool) -> Option<String> {
        let models = self.inner.models.load();
        let able = models.iter().filter(|served| test(&served.family.load()));
        let mut able: Vec<_> = able.map(|served| format!("'{}'", served.uid())).collect();
        let more = able.len().saturating_sub(NAMED);
        able.truncate(NAMED);
        if more > 0 {
            able.push(format!("and {more} more"));
        }
        (!able.is_empty()).then(|| able.join(", "))
    }
}

/// Refuses to go on with text where the model only hears.
pub(crate) fn writing(served: &Served, family: &Family) -> Result<(), InferenceError> {
    if served.writes_text(family) {
        return Ok(());
    }
    let uid = served.uid();
    let reason = family.reason();
    let message = format!("model `{uid}` is not for completion ({reason}): {SPEECH}");
    Err(InferenceError::Unsupported { message })
}
