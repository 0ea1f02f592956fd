//! The parsers of one chat turn.

use std::collections::HashMap;

use model::{FinishReason, ReplyEvent};
use wasmtime::component::ResourceAny;

use super::convert;
use super::generated::exports::modelhost::family::chat;
use crate::PluginError;
use crate::bindings::Turn;
use crate::sandbox::Sandbox;

/// A turn that lives in a sandbox.
pub(super) struct ChatTurn {
    guest: chat::Guest,
    turn: ResourceAny,
    parsers: HashMap<u32, Parser>,
}

/// How far one sequence has come.
#[derive(Clone, Copy)]
enum Parser {
    Open(ResourceAny),
    Finished,
}

impl ChatTurn {
    pub(super) fn new(guest: chat::Guest, turn: ResourceAny) -> Self {
        Self { guest, turn, parsers: HashMap::new() }
    }

    /// The sequence's parser, made when it is first asked for.
    fn parser(&mut self, sandbox: &mut Sandbox, sequence: u32) -> Result<ResourceAny, PluginError> {
        match self.parsers.get(&sequence) {
            Some(Parser::Open(parser)) => Ok(*parser),
            Some(Parser::Finished) => Err(PluginError::Internal {
                plugin: sandbox.label(),
                cause: format!("sequence {sequence} has already finished"),
            }),
            None => {
                let (guest, turn) = (&self.guest, self.turn);
                let parser = sandbox.call("turn.parser", sandbox.to_parse(), |store| {
                    guest.turn().call_parser(store, turn)
                })?;
                self.parsers.insert(sequence, Parser::Open(parser));
                Ok(parser)
            }
        }
    }
}

impl Turn for ChatTurn {
    fn push(
        &mut self,
        sandbox: &mut Sandbox,
        sequence: u32,
        text: &str,
    ) -> Result<Vec<ReplyEvent>, PluginError> {
        let parser = self.parser(sandbox, sequence)?;
        let guest = &self.guest;
        let events = sandbox.call("reply-parser.push", sandbox.to_parse(), |store| {
            guest.reply_parser().call_push(store, parser, text)
        })?;
        Ok(convert::events(events))
    }

    fn finish(
        &mut self,
        sandbox: &mut Sandbox,
        sequence: u32,
        reason: FinishReason,
    ) -> Result<Vec<ReplyEvent>, PluginError> {
        let parser = self.parser(sandbox, sequence)?;
        self.parsers.insert(sequence, Parser::Finished);
        let guest = &self.guest;
        let events = sandbox.call("reply-parser.finish", sandbox.to_parse(), |store| {
            let reason = convert::finish_reason(reason);
            let events = guest.reply_parser().call_finish(&mut *store, parser, reason)?;
            parser.resource_drop(store)?;
            Ok(events)
        })?;
        Ok(convert::events(events))
    }
}
