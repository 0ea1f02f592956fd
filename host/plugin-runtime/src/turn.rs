//! One chat request on its way through its family.

use model::{ChatRequest, FinishReason, ModelCard, Prompt, ReplyEvent};

use crate::ahead::Instance;
use crate::bindings::Turn;
use crate::loader::Plugin;
use crate::sandbox::Sandbox;
use crate::{PluginError, prompt};

/// A rendered conversation, and the parsers of the replies to it.
///
/// It owns an instance of the plugin as it was when the request came: a plugin that is swapped or
/// removed meanwhile changes nothing for it.
/// Once a call failed by trap or limit the instance is gone, and every later call says so; the host
/// then passes on raw text.
pub struct ChatTurn {
    sandbox: Sandbox,
    turn: Box<dyn Turn>,
    prompt: Prompt,
}

impl ChatTurn {
    pub(crate) fn start(
        plugin: &Plugin,
        card: &ModelCard,
        request: &ChatRequest,
    ) -> Result<Self, PluginError> {
        let mut sandbox = plugin.sandbox();
        let (prompt, turn) = plugin.family.chat(&mut sandbox, card, request)?;
        Self::checked(sandbox, prompt, turn, card, request)
    }

    /// Begins in an instance that has read the card.
    pub(crate) fn go_on(
        instance: Instance,
        card: &ModelCard,
        request: &ChatRequest,
    ) -> Result<Self, PluginError> {
        let Instance { mut sandbox, family } = instance;
        let (prompt, turn) = family.chat(&mut sandbox, card, request)?;
        Self::checked(sandbox, prompt, turn, card, request)
    }

    fn checked(
        mut sandbox: Sandbox,
        prompt: Prompt,
        turn: Box<dyn Turn>,
        card: &ModelCard,
        request: &ChatRequest,
    ) -> Result<Self, PluginError> {
        prompt::validate(&prompt, card, prompt::media_of(request))
            .map_err(|fault| sandbox.fail(&format!("its prompt is not valid: {fault}")))?;
        Ok(Self { sandbox, turn, prompt })
    }

    /// The prompt.
    pub fn prompt(&self) -> &Prompt {
        &self.prompt
    }

    /// Bytes of linear memory that the turn's instance holds, all of its parsers with it.
    pub fn memory(&self) -> usize {
        self.sandbox.memory()
    }

    /// Takes newly decoded text of a sequence; its parser is made on first use.
    ///
    /// # Errors
    /// The parser trapped or went over a limit, now or in an earlier call of this turn.
    pub fn push(&mut self, sequence: u32, text: &str) -> Result<Vec<ReplyEvent>, PluginError> {
        self.turn.push(&mut self.sandbox, sequence, text)
    }

    /// Ends a sequence and returns what its parser still held back.
    ///
    /// # Errors
    /// As for [`ChatTurn::push`].
    pub fn finish(
        &mut self,
        sequence: u32,
        reason: FinishReason,
    ) -> Result<Vec<ReplyEvent>, PluginError> {
        self.turn.finish(&mut self.sandbox, sequence, reason)
    }
}

impl std::fmt::Debug for ChatTurn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChatTurn").field("prompt", &self.prompt).finish_non_exhaustive()
    }
}
