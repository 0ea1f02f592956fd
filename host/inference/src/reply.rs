//! A reply on its way to whoever asked.

use std::time::{Duration, Instant};

use engine_protocol::{ErrorCode, Event, EventKind};
use futures::FutureExt;
use model::{FinishReason, ModelUid, ReplyEvent, TokenLogprob, Usage};
use plugin_runtime::ChatTurn;
use supervisor::{Cause, Generation, SupervisorError};

use crate::{
    InferenceError, InvalidCommand, ReasoningMode, convert,
    figures::Ticket,
    info::brief,
    parsing::{Input, Parsed, Parsing},
    think::Wrapper,
    tool_calls::{Call, Ended, ToolCalls},
};

/// The greatest number of engine events that are taken at once.
const BATCH: usize = 256;

/// A change to a reply.
#[derive(Clone, Debug)]
pub enum ReplyItem {
    /// A sequence began; its first token follows.
    Started {
        /// The sequence.
        sequence: u32,
    },
    /// More of the visible answer.
    Content {
        /// The sequence.
        sequence: u32,
        /// The new text.
        text: String,
    },
    /// More of the reasoning, where the model keeps it apart.
    Reasoning {
        /// The sequence.
        sequence: u32,
        /// The new text.
        text: String,
    },
    /// A tool call began.
    ToolCallStart {
        /// The sequence.
        sequence: u32,
        /// The call's id; the host makes one where the model's syntax has none.
        id: String,
        /// The function's name.
        name: String,
    },
    /// More of the arguments of the call that the sequence began last.
    ToolCallArguments {
        /// The sequence.
        sequence: u32,
        /// The new text.
        text: String,
    },
    /// How likely newly generated tokens were, before the text that they gave.
    Logprobs {
        /// The sequence.
        sequence: u32,
        /// One entry for each token.
        tokens: Vec<TokenLogprob>,
    },
    /// The sequence ended.
    Finished {
        /// The sequence.
        sequence: u32,
        /// Why.
        reason: FinishReason,
    },
    /// The whole reply ended in an error; nothing follows.
    Failed(InferenceError),
}

/// A reply on its way; dropping it cancels the generation within one engine step.
pub struct Reply {
    uid: ModelUid,
    generation: Generation,
    /// `None` for completions, whose raw text is the answer.
    parsing: Option<Parsing<ChatTurn>>,
    reasoning: ReasoningMode,
    sequences: Vec<Sequence>,
    /// The field that a constraint came from.
    constraint: &'static str,
    usage: Usage,
    ticket: Ticket,
    ended: bool,
}

/// What is kept of one sequence.
#[derive(Clone, Default)]
struct Sequence {
    think: Wrapper,
    started: bool,
    calls: ToolCalls,
    finished: bool,
    /// Tokens seen so far, for replies that end early.
    tokens: u64,
    last_token: Option<Instant>,
}

/// A generation that has begun.
pub(crate) struct Started {
    pub(crate) generation: Generation,
    /// `None` for completions.
    pub(crate) parsing: Option<Parsing<ChatTurn>>,
    pub(crate) sequences: usize,
    /// The field that a constraint came from.
    pub(crate) constraint: &'static str,
    /// What each sequence begins with: no calls, and the ids that are taken.
    pub(crate) calls: ToolCalls,
}

impl Reply {
    pub(crate) fn new(
        uid: ModelUid,
        started: Started,
        reasoning: ReasoningMode,
        ticket: Ticket,
    ) -> Self {
        let Started { generation, parsing, sequences, constraint, calls } = started;
        let sequence = Sequence { calls, ..Sequence::default() };
        Self {
            uid,
            generation,
            parsing,
            reasoning,
            sequences: vec![sequence; sequences],
            constraint,
            usage: Usage::default(),
            ticket,
            ended: false,
        }
    }

    /// The model that answers.
    pub fn uid(&self) -> &ModelUid {
        &self.uid
    }

    /// How many sequences the reply has.
    pub fn sequences(&self) -> usize {
        self.sequences.len()
    }

    /// Tokens so far; final once [`next`](Self::next) has given `None`.
    pub fn usage(&self) -> Usage {
        self.usage
    }

    /// Everything that is ready, waiting until something is; `None` after the end.
    ///
    /// A future that is dropped halfway may take text with it, so drop the reply with it.
    pub async fn next(&mut self) -> Option<Vec<ReplyItem>> {
        while !self.ended {
            let mut items = Vec::new();
            let mut inputs = Vec::new();
            let failure = self.take_ready(&mut items, &mut inputs).await;
            let failure = self.parse(inputs, &mut items).await.err().or(failure);
            if failure.is_some() || self.sequences.iter().all(|sequence| sequence.finished) {
                self.ended = true;
            }
            if let Some(error) = failure {
                self.ticket.failed(&error);
                items.push(ReplyItem::Failed(error));
            }
            self.ticket.set_usage(self.usage);
            if !items.is_empty() {
                return Some(items);
            }
        }
        None
    }

    /// Waits for one engine event, takes all others that are ready, and sorts them.
    async fn take_ready(
        &mut self,
        items: &mut Vec<ReplyItem>,
        inputs: &mut Vec<Input>,
    ) -> Option<InferenceError> {
        let mut next = self.generation.next().await;
        for _ in 0..BATCH {
            let Some(event) = next else {
                return Some(self.broken_off());
            };
            if let Some(error) = self.sort(event, items, inputs) {
                return Some(error);
            }
            if self.sequences.iter().all(|sequence| sequence.finished) {
                return None;
            }
            match self.generation.next().now_or_never() {
                Some(ready) => next = ready,
                None => return None,
            }
        }
        // The last event taken above must not be lost.
        match next {
            Some(event) => self.sort(event, items, inputs),
            None => Some(self.broken_off()),
        }
    }

    fn broken_off(&self) -> InferenceError {
        InferenceError::WorkerDied {
            uid: self.uid.to_string(),
            cause: "its events ended before the reply did".to_owned(),
        }
    }

    fn sort(
        &mut self,
        event: Event,
        items: &mut Vec<ReplyItem>,
        inputs: &mut Vec<Input>,
    ) -> Option<InferenceError> {
        let Event { sequence, kind, .. } = event;
        let at = usize::try_from(sequence).unwrap_or(usize::MAX);
        let now = Instant::now();
        let Some(state) = self.sequences.get_mut(at) else {
            let EventKind::Failed(error) = kind else { return None };
            return Some(self.failure(error));
        };
        match kind {
            EventKind::Started { prompt_tokens, cached_tokens } => {
                state.started = true;
                // All sequences share one prompt, which counts once.
                if self.usage.prompt_tokens == 0 {
                    self.usage.prompt_tokens = prompt_tokens.into();
                    self.usage.cached_tokens = cached_tokens.into();
                }
                items.push(ReplyItem::Started { sequence });
            }
            EventKind::Text { text, tokens, logprobs } => {
                match state.last_token.replace(now) {
                    None if self.usage.completion_tokens == 0 => self.ticket.first_token(now),
                    None => {}
                    Some(last) => self.ticket.tokens(now - last, tokens),
                }
                state.tokens += u64::from(tokens);
                self.usage.completion_tokens += u64::from(tokens);
                if !logprobs.is_empty() {
                    let tokens = convert::logprobs(logprobs);
                    items.push(ReplyItem::Logprobs { sequence, tokens });
                }
                if !text.is_empty() {
                    push_text(inputs, sequence, text);
                }
            }
            EventKind::Finished { reason, completion_tokens } => {
                state.finished = true;
                let counted = std::mem::replace(&mut state.tokens, completion_tokens.into());
                self.usage.completion_tokens =
                    (self.usage.completion_tokens + state.tokens).saturating_sub(counted);
                inputs.push(Input::Finish { sequence, reason: convert::finish(reason) });
            }
            // A transcript is no reply to a prompt; no engine sends one here.
            EventKind::Segments { .. } => {}
            EventKind::Failed(error) => return Some(self.failure(error)),
        }
        None
    }

    /// Why the generation failed: the supervisor knows more than the event where it ended it.
    fn failure(&self, error: engine_protocol::EngineError) -> InferenceError {
        match self.generation.failure() {
            Some(failure) => from_supervisor(self.uid.as_str(), failure.clone()),
            None if error.code == ErrorCode::InvalidConstraint => {
                let message = format!("cannot be followed: {}", error.message);
                InvalidCommand::new(self.constraint, message).into()
            }
            None => InferenceError::from_engine(self.uid.as_str(), error),
        }
    }

    async fn parse(
        &mut self,
        inputs: Vec<Input>,
        items: &mut Vec<ReplyItem>,
    ) -> Result<(), InferenceError> {
        if inputs.is_empty() {
            return Ok(());
        }
        let Some(parsing) = self.parsing.take() else {
            for input in inputs {
                items.push(match input {
                    Input::Text { sequence, text } => ReplyItem::Content { sequence, text },
                    Input::Finish { sequence, reason } => ReplyItem::Finished { sequence, reason },
                });
            }
            return Ok(());
        };
        let (parsing, parsed) = parsing.feed(inputs).await?;
        self.parsing = Some(parsing);
        for parsed in parsed {
            self.emit(parsed, items);
        }
        Ok(())
    }

    fn emit(&mut self, parsed: Parsed, items: &mut Vec<ReplyItem>) {
        let Parsed { sequence, events, finish } = parsed;
        let at = usize::try_from(sequence).unwrap_or(usize::MAX);
        let Some(state) = self.sequences.get_mut(at) else { return };
        let inline = self.reasoning == ReasoningMode::Content;
        for event in events {
            let (ended, event) = state.calls.take(event);
            state.settle(sequence, ended, items);
            let Some(event) = event else { continue };
            match event {
                ReplyEvent::Content(text) if inline => {
                    push_content(items, sequence, state.think.content(text));
                }
                ReplyEvent::Content(text) => push_content(items, sequence, text),
                ReplyEvent::Reasoning(text) if inline => {
                    push_content(items, sequence, state.think.reasoning(text));
                }
                ReplyEvent::Reasoning(text) if text.is_empty() => {}
                ReplyEvent::Reasoning(text) => items.push(ReplyItem::Reasoning { sequence, text }),
                // The calls took them.
                ReplyEvent::ToolCallStart { .. } | ReplyEvent::ToolCallArguments(_) => {}
            }
        }
        if let Some(reason) = finish {
            let ended = state.calls.end(reason != FinishReason::Stop);
            state.settle(sequence, ended, items);
            if let Some(end) = state.think.close() {
                push_content(items, sequence, end.to_owned());
            }
            let reason = match reason {
                FinishReason::Stop if state.calls.any() => FinishReason::ToolCalls,
                other => other,
            };
            items.push(ReplyItem::Finished { sequence, reason });
        }
    }
}

impl Sequence {
    /// Passes on a call that is whole, and the text of one that never will be.
    fn settle(&mut self, sequence: u32, ended: Option<Ended>, items: &mut Vec<ReplyItem>) {
        match ended {
            None => {}
            Some(Ended::Broken(text)) => {
                push_content(items, sequence, self.think.content(text));
            }
            Some(Ended::Whole(Call { id, name, arguments })) => {
                if let Some(end) = self.think.close() {
                    push_content(items, sequence, end.to_owned());
                }
                let id = self.calls.id(id);
                items.push(ReplyItem::ToolCallStart { sequence, id, name });
                if !arguments.is_empty() {
                    items.push(ReplyItem::ToolCallArguments { sequence, text: arguments });
                }
            }
        }
    }
}

/// Adds text to the last input where that is of the same sequence, so that one call parses both.
fn push_text(inputs: &mut Vec<Input>, sequence: u32, more: String) {
    if let Some(Input::Text { sequence: last, text }) = inputs.last_mut()
        && *last == sequence
    {
        text.push_str(&more);
        return;
    }
    inputs.push(Input::Text { sequence, text: more });
}

fn push_content(items: &mut Vec<ReplyItem>, sequence: u32, text: String) {
    if !text.is_empty() {
        items.push(ReplyItem::Content { sequence, text });
    }
}

/// Whole seconds, rounded up, so that a client that waits this long does not come too early.
pub(crate) fn seconds(wait: Duration) -> u32 {
    u32::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u32::MAX).max(1)
}

/// The supervisor's refusals in the words of this layer, which are for clients.
pub(crate) fn from_supervisor(uid: &str, error: SupervisorError) -> InferenceError {
    let uid = uid.to_owned();
    match error {
        SupervisorError::Loading { retry_after, .. } => {
            InferenceError::Loading { uid, retry_after: seconds(retry_after) }
        }
        SupervisorError::ModelFailed { cause, .. } => {
            InferenceError::ModelFailed { uid, cause: brief(&cause) }
        }
        SupervisorError::Overloaded { retry_after, .. } => InferenceError::overloaded(
            &uid,
            "too many requests wait for its worker",
            seconds(retry_after),
        ),
        SupervisorError::WorkerDied { cause, .. } => {
            InferenceError::WorkerDied { uid, cause: brief(&cause) }
        }
        SupervisorError::NotDrained { .. } => {
            InferenceError::SlowConsumer { message: error.to_string() }
        }
        SupervisorError::Engine(error) => InferenceError::from_engine(&uid, error),
        SupervisorError::ShuttingDown => InferenceError::ShuttingDown,
        SupervisorError::UnknownModel { .. }
        | SupervisorError::Terminated { .. }
        | SupervisorError::AlreadyLaunched { .. }
        | SupervisorError::RuntimeDir { .. } => {
            InferenceError::ModelFailed { uid, cause: brief(&Cause::told(error.to_string())) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_one_sequence_are_parsed_together() {
        let mut inputs = Vec::new();
        for (sequence, text) in [(0, "a"), (0, "b"), (1, "c"), (0, "d")] {
            push_text(&mut inputs, sequence, text.to_owned());
        }
        let texts: Vec<_> = inputs
            .iter()
            .map(|input| match input {
                Input::Text { sequence, text } => (*sequence, text.as_str()),
                Input::Finish { .. } => panic!("no sequence ends"),
            })
            .collect();
        assert_eq!(texts, [(0, "ab"), (1, "c"), (0, "d")]);
    }
}
