//! One request at work.

use std::time::{Duration, Instant};

use engine_protocol::{EngineError, ErrorCode, Event, EventKind, Finish, Generate, RequestId};

use crate::{
    plan::{Limits, Plan},
    script::{Script, text_of},
    tokens::{logprobs, tokenize},
};

/// What a request makes the whole engine do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mischief {
    Crash,
    Hang,
    Garbage,
}

impl Mischief {
    /// What a script wants after so many tokens, or segments.
    pub(crate) fn after(script: &Script, said: u32) -> Option<Self> {
        let now = Some(said);
        if script.crash_after == now {
            Some(Self::Crash)
        } else if script.hang_after == now {
            Some(Self::Hang)
        } else if script.garbage_after == now {
            Some(Self::Garbage)
        } else {
            None
        }
    }
}

/// One request at work.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) id: RequestId,
    script: Script,
    plan: Plan,
    /// Sequences that have not ended; they all say the same, in step.
    sequences: u32,
    /// Tokens that each sequence has said.
    said: u32,
    pub(crate) prompt_tokens: u32,
    logprobs: Option<u32>,
    interval: Duration,
    /// When its next token is due.
    pub(crate) due: Instant,
    started: bool,
}

impl Request {
    /// Checks a request like a real engine would.
    pub(crate) fn new(
        generate: &Generate,
        context: u32,
        interval: Duration,
        adapters: &[String],
    ) -> Result<Self, EngineError> {
        let invalid = |message: String| EngineError::new(ErrorCode::Invalid, message);
        let script = Script::find(&generate.prompt).map_err(invalid)?;
        if let Some(wanted) = generate.lora.as_ref().filter(|wanted| !adapters.contains(wanted)) {
            return Err(invalid(format!(
                "no adapter `{wanted}` is loaded; loaded are {adapters:?}"
            )));
        }
        let prompt_tokens = u32::try_from(tokenize(&generate.prompt).len()).unwrap_or(u32::MAX);
        if prompt_tokens >= context {
            let message =
                format!("the prompt has {prompt_tokens} tokens, the context holds {context}");
            return Err(EngineError::new(ErrorCode::PromptTooLong, message));
        }
        if script.fail.is_some() && script.fail_after == 0 {
            return Err(failure(&script));
        }
        let reply = reply(&script, generate);
        let limits = Limits {
            tokens: script.tokens,
            max: generate.max_tokens.unwrap_or(u32::MAX).min(context - prompt_tokens),
            stop: &generate.stop,
        };
        Ok(Self {
            id: generate.request,
            plan: Plan::new(&reply, limits),
            sequences: generate.sequences,
            said: 0,
            prompt_tokens,
            logprobs: generate.logprobs,
            interval: script.delay_us.map_or(interval, Duration::from_micros),
            due: Instant::now(),
            started: false,
            script,
        })
    }

    /// Sequences that are being generated.
    pub(crate) fn running(&self) -> u32 {
        self.sequences
    }

    /// KV cells that it would hold.
    pub(crate) fn cells(&self) -> u32 {
        self.prompt_tokens.saturating_add(self.said.saturating_mul(self.sequences))
    }

    /// What it makes the engine do before its next token.
    pub(crate) fn mischief(&self) -> Option<Mischief> {
        Mischief::after(&self.script, self.said)
    }

    /// Says the next token of each sequence; returns how many, and whether the request has ended.
    pub(crate) fn step(&mut self, now: Instant, events: &mut Vec<Event>) -> (u32, bool) {
        if !self.started {
            self.started = true;
            let cached_tokens = self.script.cached.min(self.prompt_tokens);
            let kind = EventKind::Started { prompt_tokens: self.prompt_tokens, cached_tokens };
            events.push(Event { request: self.id, sequence: 0, kind });
        }
        if self.script.fail.is_some() && self.said >= self.script.fail_after {
            let kind = EventKind::Failed(failure(&self.script));
            events.push(Event { request: self.id, sequence: 0, kind });
            return (0, true);
        }
        let mut said = 0;
        if self.said < self.plan.total() {
            let token = self.plan.token(self.said);
            for sequence in 0..self.sequences {
                let logprobs = self.logprobs.map(|count| logprobs(token, count));
                let kind = EventKind::Text {
                    text: token.to_owned(),
                    tokens: 1,
                    logprobs: logprobs.into_iter().collect(),
                };
                events.push(Event { request: self.id, sequence, kind });
            }
            self.said += 1;
            said = self.sequences;
        }
        let ended = self.said == self.plan.total() && self.mischief().is_none();
        if ended {
            self.finish(self.plan.finish, events);
        }
        // Tokens that are late do not come in a burst.
        self.due = now + self.interval;
        (said, ended)
    }

    /// Ends all sequences.
    pub(crate) fn finish(&self, reason: Finish, events: &mut Vec<Event>) {
        events.extend((0..self.sequences).map(|sequence| Event {
            request: self.id,
            sequence,
            kind: EventKind::Finished { reason, completion_tokens: self.said },
        }));
    }
}

pub(crate) fn failure(script: &Script) -> EngineError {
    let code = script.fail.unwrap_or(ErrorCode::Internal);
    let message = script.message.clone().unwrap_or_else(|| "the script says so".into());
    let retry_after = (code == ErrorCode::Overloaded).then_some(1);
    EngineError { code, message, retry_after }
}

fn reply(script: &Script, generate: &Generate) -> String {
    let shown = if script.show_request {
        serde_json::to_string(generate)
    } else if script.show_prompt {
        serde_json::to_string(&generate.prompt)
    } else {
        return script.text.clone().unwrap_or_else(|| text_of(&generate.prompt));
    };
    shown.unwrap_or_else(|error| error.to_string())
}
