//! Finds the exports of a plugin and calls them.

use model::{
    Ability, ChatRequest, DecodingPlan, Fit, ModelCard, Profile, Prompt, TranscriptionRequest,
};
use wasmtime::Store;
use wasmtime::component::InstancePre;

use super::generated::exports::modelhost::family::{
    chat, completion, identity, preparation, transcription,
};
use super::generated::modelhost::family::types;
use super::prepared::{self, Ready};
use super::transcriber::Recording;
use super::{convert, speech};
use crate::PluginError;
use crate::bindings::{Description, Family, Prepared, Transcriber, Turn};
use crate::sandbox::{Sandbox, State};
use crate::text::one_line;

/// Characters of a text that a client or an operator gets to read.
const TEXT: usize = 1024;

/// What a plugin exports.
pub(super) struct Exports {
    pre: InstancePre<State>,
    identity: identity::GuestIndices,
    chat: Option<chat::GuestIndices>,
    preparation: Option<preparation::GuestIndices>,
    completion: Option<completion::GuestIndices>,
    transcription: Option<transcription::GuestIndices>,
    abilities: Vec<Ability>,
}

impl Exports {
    /// Looks for every interface of this track.
    pub(super) fn find(pre: InstancePre<State>) -> wasmtime::Result<Self> {
        let identity = identity::GuestIndices::new(&pre)?;
        let mut abilities = vec![];
        let exports = |interface: &str| {
            let name = format!("modelhost:family/{interface}@0.1.0");
            pre.component().get_export_index(None, &name).is_some()
        };
        let mut has = |interface: &str, ability| {
            let found = exports(interface);
            abilities.extend(found.then_some(ability));
            found
        };
        let chats = has("chat", Ability::Chat);
        let completes = has("completion", Ability::Completion);
        let transcribes = has("transcription", Ability::Transcription);
        // An interface that is there but has another shape is an error and not an absence.
        let chat = chats.then(|| chat::GuestIndices::new(&pre)).transpose()?;
        let completion = completes.then(|| completion::GuestIndices::new(&pre)).transpose()?;
        let transcription =
            transcribes.then(|| transcription::GuestIndices::new(&pre)).transpose()?;
        let preparation = exports("preparation");
        let preparation = preparation.then(|| preparation::GuestIndices::new(&pre)).transpose()?;
        Ok(Self { pre, identity, chat, preparation, completion, transcription, abilities })
    }

    fn identity(&self, store: &mut Store<State>) -> wasmtime::Result<identity::Guest> {
        let instance = self.pre.instantiate(&mut *store)?;
        self.identity.load(store, &instance)
    }

    fn lacks(&self, sandbox: &Sandbox, ability: Ability) -> PluginError {
        let abilities = self.abilities.clone();
        PluginError::LacksAbility { family: sandbox.plugin().into(), ability, abilities }
    }
}

impl Family for Exports {
    fn abilities(&self) -> &[Ability] {
        &self.abilities
    }

    fn describe(&self, sandbox: &mut Sandbox) -> Result<Description, PluginError> {
        let info = sandbox.call("describe", sandbox.to_render(), |store| {
            self.identity(store)?.call_describe(store)
        })?;
        let identity::FamilyInfo { name, version, summary } = info;
        Ok(Description { name, version, summary })
    }

    fn recognize(
        &self,
        sandbox: &mut Sandbox,
        card: &ModelCard,
    ) -> Result<(Fit, String), PluginError> {
        let lowered = convert::Card::new(card);
        let answer = sandbox.call("recognize", sandbox.to_render(), |store| {
            self.identity(store)?.call_recognize(store, lowered.lower())
        })?;
        let fit = match answer.fit {
            identity::Fit::None => Fit::None,
            identity::Fit::Generic => Fit::Generic,
            identity::Fit::Exact => Fit::Exact,
        };
        Ok((fit, one_line(&answer.reason, TEXT)))
    }

    fn profile(&self, sandbox: &mut Sandbox, card: &ModelCard) -> Result<Profile, PluginError> {
        let lowered = convert::Card::new(card);
        let answer = sandbox.call("profile", sandbox.to_render(), |store| {
            self.identity(store)?.call_profile(store, lowered.lower())
        })?;
        let profile = answer.map_err(|error| refusal(sandbox, error))?;
        let identity::ModelProfile { style, features, sampling } = profile;
        Ok(Profile { style, features, sampling })
    }

    fn chat(
        &self,
        sandbox: &mut Sandbox,
        card: &ModelCard,
        request: &ChatRequest,
    ) -> Result<(Prompt, Box<dyn Turn>), PluginError> {
        let Some(indices) = &self.chat else {
            return Err(self.lacks(sandbox, Ability::Chat));
        };
        let card = convert::Card::new(card);
        prepared::start(sandbox, &card, request, |store| {
            let instance = self.pre.instantiate(&mut *store)?;
            indices.load(store, &instance)
        })
    }

    fn prepares(&self) -> bool {
        self.chat.is_some() && self.preparation.is_some()
    }

    fn prepare(
        &self,
        sandbox: &mut Sandbox,
        card: &ModelCard,
    ) -> Result<Option<Box<dyn Prepared>>, PluginError> {
        let (Some(chat), Some(preparation)) = (&self.chat, &self.preparation) else {
            return Ok(None);
        };
        let card = convert::Card::new(card);
        let guest = sandbox.call("prepare", sandbox.to_render(), |store| {
            let instance = self.pre.instantiate(&mut *store)?;
            preparation.load(&mut *store, &instance)?.call_prepare(&mut *store, card.lower())?;
            chat.load(store, &instance)
        })?;
        Ok(Some(Box::new(Ready::new(guest))))
    }

    fn complete(
        &self,
        sandbox: &mut Sandbox,
        card: &ModelCard,
        prefix: &str,
        suffix: Option<&str>,
    ) -> Result<Prompt, PluginError> {
        let Some(indices) = &self.completion else {
            return Err(self.lacks(sandbox, Ability::Completion));
        };
        let card = convert::Card::new(card);
        let request = completion::CompletionRequest { prefix, suffix };
        let answer = sandbox.call("completion.render", sandbox.to_render(), |store| {
            let instance = self.pre.instantiate(&mut *store)?;
            let guest = indices.load(&mut *store, &instance)?;
            guest.call_render(store, card.lower(), request)
        })?;
        answer.map(convert::prompt).map_err(|error| refusal(sandbox, error))
    }

    fn transcribe(
        &self,
        sandbox: &mut Sandbox,
        card: &ModelCard,
        request: &TranscriptionRequest,
    ) -> Result<(DecodingPlan, Box<dyn Transcriber>), PluginError> {
        let Some(indices) = &self.transcription else {
            return Err(self.lacks(sandbox, Ability::Transcription));
        };
        let card = convert::Card::new(card);
        let options = convert::pairs(&request.options);
        let answer = sandbox.call("transcriber.start", sandbox.to_render(), |store| {
            let instance = self.pre.instantiate(&mut *store)?;
            let guest = indices.load(&mut *store, &instance)?;
            let request = speech::request(request, &options);
            let started = guest.transcriber().call_start(&mut *store, card.lower(), request)?;
            let transcriber = match started {
                Ok(transcriber) => transcriber,
                Err(error) => return Ok(Err(error)),
            };
            let plan = guest.transcriber().call_plan(store, transcriber)?;
            Ok(Ok((plan, Recording::new(guest, transcriber))))
        })?;
        let (plan, recording) = answer.map_err(|error| refusal(sandbox, error))?;
        Ok((speech::plan(plan), Box::new(recording)))
    }
}

/// The plugin's own "no".
pub(super) fn refusal(sandbox: &mut Sandbox, error: types::Error) -> PluginError {
    match error {
        types::Error::Unsupported(text) => PluginError::Unsupported(one_line(&text, TEXT)),
        types::Error::InvalidRequest(text) => PluginError::Invalid(one_line(&text, TEXT)),
        types::Error::Internal(text) => sandbox.fail(&text),
    }
}
