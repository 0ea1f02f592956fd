//! Begins turns, in fresh instances and in those that have read their model.

use model::{ChatRequest, ModelCard, Prompt};
use wasmtime::Store;

use super::convert;
use super::family::refusal;
use super::generated::exports::modelhost::family::chat;
use super::turn::ChatTurn;
use crate::PluginError;
use crate::bindings::{Prepared, Turn};
use crate::sandbox::{Sandbox, State};

/// An instance that has read its model.
pub(super) struct Ready {
    guest: chat::Guest,
}

impl Ready {
    pub(super) fn new(guest: chat::Guest) -> Self {
        Self { guest }
    }
}

impl Prepared for Ready {
    fn chat(
        self: Box<Self>,
        sandbox: &mut Sandbox,
        card: &ModelCard,
        request: &ChatRequest,
    ) -> Result<(Prompt, Box<dyn Turn>), PluginError> {
        // The plugin has the rest already.
        let name = ModelCard { name: card.name.clone(), ..ModelCard::default() };
        start(sandbox, &convert::Card::new(&name), request, |_| Ok(self.guest))
    }
}

/// Renders a conversation with the guest that `find` gives.
pub(super) fn start(
    sandbox: &mut Sandbox,
    card: &convert::Card<'_>,
    request: &ChatRequest,
    find: impl FnOnce(&mut Store<State>) -> wasmtime::Result<chat::Guest>,
) -> Result<(Prompt, Box<dyn Turn>), PluginError> {
    let request = convert::Request::new(request);
    let messages = request.messages();
    let answer = sandbox.call("turn.start", sandbox.to_render(), |store| {
        let guest = find(&mut *store)?;
        let turn = guest.turn().call_start(&mut *store, card.lower(), request.lower(&messages))?;
        let turn = match turn {
            Ok(turn) => turn,
            Err(error) => return Ok(Err(error)),
        };
        let prompt = guest.turn().call_prompt(store, turn)?;
        Ok(Ok((prompt, ChatTurn::new(guest, turn))))
    })?;
    let (prompt, turn) = answer.map_err(|error| refusal(sandbox, error))?;
    Ok((convert::prompt(prompt), Box::new(turn)))
}
