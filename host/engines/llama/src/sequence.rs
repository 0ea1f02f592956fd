//! One sequence: its tokens, its way of choosing the next one, and its text.

use std::cell::Cell as Shared;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use engine_protocol::{
    EngineError, ErrorCode, Event, EventKind, Finish, Generate, RequestId, TokenLogprob,
};

use crate::constraint::{Compiled, Guide, Progress, Step, Stepped};
use crate::ledger::Cell;
use crate::logprobs::logprobs;
use crate::prefix::Realm;
use crate::sampler::{Allowed, Candidates, Sampler};
use crate::stop::StopMatcher;
use crate::utf8::Utf8Stream;
use crate::vocabulary::Vocabulary;

/// How many tokens are tried that run past a trigger into what its grammar forbids.
const MOST_REJECTED: usize = 64;
/// How long a request's grammar may be followed for, and for how much longer with each token.
const PATIENCE: Duration = Duration::from_secs(5);
const PATIENCE_PER_TOKEN: Duration = Duration::from_millis(20);

/// What the sequences of a request have in common.
pub(crate) struct Request {
    pub(crate) generate: Box<Generate>,
    pub(crate) compiled: Option<std::sync::Arc<Compiled>>,
    pub(crate) realm: Realm,
    /// The length of the prompt in tokens.
    pub(crate) prompt: usize,
    /// The greatest number of tokens, prompt included.
    pub(crate) limit: usize,
    /// In place of a seed that was not given.
    pub(crate) random: u32,
    /// How long its grammar was followed, over how many tokens of all its sequences.
    pub(crate) followed: Shared<(Duration, u32)>,
}

impl Request {
    pub(crate) fn id(&self) -> RequestId {
        self.generate.request
    }
}

/// What became of a sequence after a token.
#[derive(Debug)]
pub(crate) enum Outcome {
    Goes,
    Ended(Finish),
    Failed(EngineError),
}

/// One sequence of a request.
pub(crate) struct Sequence {
    pub(crate) request: Rc<Request>,
    pub(crate) index: u32,
    /// llama.cpp's number for it.
    pub(crate) slot: u32,
    /// Prompt and reply.
    pub(crate) tokens: Vec<u32>,
    /// The cells of those tokens that are in the KV cache, from the first.
    pub(crate) cells: Vec<Cell>,
    /// Tokens of the prompt that were in the KV cache already.
    pub(crate) cached: usize,
    /// Whether the prompt was read, if only once.
    pub(crate) started: bool,
    /// Sequences that begin when the prompt is read.
    pub(crate) forks: u32,
    /// When it was admitted, as a number that grows.
    pub(crate) order: u64,
    /// Steps in which it got nothing.
    pub(crate) skipped: u32,
    sampler: Sampler,
    /// `None` where nothing binds, or while the guide is away following `step`.
    guide: Option<Guide>,
    /// Shared with the work on the guide, which is pointless once the sequence is gone.
    alive: Arc<()>,
    away: bool,
    /// The token that the guide has to follow next.
    step: Option<u32>,
    /// Logits that came before the guide was back.
    held: Vec<f32>,
    /// Whether there may be no more tokens; only what the guide says is awaited.
    full: bool,
    /// The end that the guide's answer brought.
    verdict: Option<Finish>,
    utf8: Utf8Stream,
    stop: StopMatcher,
    generated: u32,
    unreported: u32,
    logprobs: Vec<TokenLogprob>,
}

impl Sequence {
    pub(crate) fn new(
        request: Rc<Request>,
        index: u32,
        prompt: Vec<u32>,
        vocabulary: &Vocabulary,
    ) -> Self {
        let generate = &request.generate;
        let sampler = Sampler::new(&generate.sampling, index, request.random, vocabulary, &prompt);
        Self {
            index,
            slot: 0,
            tokens: prompt,
            cells: Vec::new(),
            cached: 0,
            started: false,
            forks: 0,
            order: 0,
            skipped: 0,
            sampler,
            guide: request.compiled.clone().map(Guide::new),
            alive: Arc::new(()),
            away: false,
            step: None,
            held: Vec::new(),
            full: false,
            verdict: None,
            utf8: Utf8Stream::default(),
            stop: StopMatcher::new(&generate.stop),
            generated: 0,
            unreported: 0,
            logprobs: Vec::new(),
            request,
        }
    }

    /// Tokens that are not in the KV cache yet.
    pub(crate) fn pending(&self) -> usize {
        if self.full {
            return 0;
        }
        self.tokens.len().saturating_sub(self.cells.len())
    }

    /// How many sequences it stands for.
    pub(crate) fn seats(&self) -> usize {
        1 + usize::try_from(self.forks).unwrap_or(0)
    }

    /// Tokens generated so far.
    pub(crate) fn generated(&self) -> u32 {
        self.generated
    }

    /// Whether only the prompt was asked for.
    pub(crate) fn wants_nothing(&self) -> bool {
        self.request.generate.max_tokens == Some(0)
    }

    /// Whether its guide is following a token elsewhere.
    pub(crate) fn is_away(&self) -> bool {
        self.away
    }

    /// Whether its grammar is known to take long for a token.
    pub(crate) fn is_slow(&self) -> bool {
        self.request.compiled.as_ref().is_some_and(|compiled| compiled.is_slow())
    }

    /// Keeps logits until the guide is back.
    pub(crate) fn hold(&mut self, logits: &[f32]) {
        self.held = logits.to_vec();
    }

    /// The logits that were held, once the guide is there to choose by them.
    pub(crate) fn take_held(&mut self) -> Option<Vec<f32>> {
        let ready = !self.away && self.verdict.is_none() && !self.held.is_empty();
        ready.then(|| std::mem::take(&mut self.held))
    }

    /// Forgets logits; the tokens are about to leave the KV cache.
    pub(crate) fn drop_held(&mut self) {
        self.held = Vec::new();
    }

    /// The work that the last token has left for the guide, which leaves with it.
    pub(crate) fn send_off(&mut self, vocabulary: &Vocabulary) -> Option<Step> {
        let token = self.step.take()?;
        let guide = self.guide.take()?;
        self.away = true;
        let piece = vocabulary.reply_piece(token).to_vec();
        Some(Step { order: self.order, alive: Arc::downgrade(&self.alive), guide, token, piece })
    }

    /// Takes the guide back.
    ///
    /// # Errors
    /// The grammar could not be followed, or takes the request too long.
    pub(crate) fn take_back(&mut self, stepped: Stepped) -> Result<(), EngineError> {
        self.away = false;
        self.guide = stepped.guide;
        let progress = stepped.progress.map_err(|cause| constraint_failed(&cause))?;
        let (before, tokens) = self.request.followed.get();
        let (spent, tokens) = (before + stepped.took, tokens.saturating_add(1));
        self.request.followed.set((spent, tokens));
        if spent > PATIENCE + PATIENCE_PER_TOKEN * tokens {
            let (given, limit) = ((spent / tokens).as_millis(), PATIENCE_PER_TOKEN.as_millis());
            return Err(constraint_failed(&format!(
                "it takes {given} ms a token, but the limit is {limit} ms after the first {} s; \
                 remove ambiguity from the grammar",
                PATIENCE.as_secs()
            )));
        }
        if progress == Progress::Complete {
            self.verdict = Some(Finish::Stop);
        } else if self.full {
            self.verdict = Some(Finish::Length);
        }
        Ok(())
    }

    /// The end that the guide's answer brought, if it did.
    pub(crate) fn verdict(&self) -> Option<Finish> {
        self.verdict
    }

    /// Chooses the next token from the logits and reports what it brings.
    pub(crate) fn advance(
        &mut self,
        logits: &[f32],
        vocabulary: &Vocabulary,
        candidates: &mut Candidates,
        events: &mut Vec<Event>,
    ) -> Outcome {
        let token = match self.choose(logits, vocabulary, candidates) {
            Ok(Some(token)) => token,
            Ok(None) => {
                self.close(events);
                return Outcome::Ended(Finish::Stop);
            }
            Err(error) => return Outcome::Failed(error),
        };
        self.sampler.accept(token);
        self.tokens.push(token);
        self.generated += 1;
        let request = Rc::clone(&self.request);
        if vocabulary.ends_generation(token) || request.generate.stop_tokens.contains(&token) {
            self.close(events);
            return Outcome::Ended(Finish::Stop);
        }
        self.unreported += 1;
        if let Some(count) = request.generate.logprobs {
            let count = usize::try_from(count).unwrap_or(0);
            self.logprobs.push(logprobs(logits, token, count, vocabulary));
        }
        let (mut characters, mut text) = (String::new(), String::new());
        self.utf8.push(vocabulary.reply_piece(token), &mut characters);
        if self.stop.push(&characters, &mut text) {
            self.report(text, events);
            return Outcome::Ended(Finish::Stop);
        }
        self.report(text, events);
        let most = request.generate.max_tokens.unwrap_or(u32::MAX);
        let full = self.generated >= most || self.tokens.len() >= request.limit;
        if self.guide.is_some() {
            // Whether the grammar ends here as well is for the guide to say.
            self.step = Some(token);
            self.full = full;
            return Outcome::Goes;
        }
        if !full {
            return Outcome::Goes;
        }
        self.close(events);
        Outcome::Ended(Finish::Length)
    }

    /// The next token; `None` where the constraint is satisfied and allows nothing more.
    fn choose(
        &mut self,
        logits: &[f32],
        vocabulary: &Vocabulary,
        candidates: &mut Candidates,
    ) -> Result<Option<u32>, EngineError> {
        let mask = self.guide.as_ref().and_then(Guide::mask);
        let mut rejected = Vec::new();
        while rejected.len() <= MOST_REJECTED {
            let allowed = Allowed { mask, rejected: &rejected };
            let Some(token) = self.sampler.choose(logits, allowed, candidates) else { break };
            let ends = vocabulary.ends_generation(token);
            let admitted = |guide: &Guide| guide.admits(vocabulary.reply_piece(token));
            if ends || self.guide.as_ref().is_none_or(admitted) {
                return Ok(Some(token));
            }
            rejected.push(token);
        }
        let bound = mask.is_some();
        let Some(guide) = &mut self.guide else {
            return Err(EngineError::new(
                ErrorCode::Internal,
                "the network gave no usable logits; the weights may be damaged",
            ));
        };
        if bound && guide.may_end() {
            return Ok(None);
        }
        Err(constraint_failed("it allows no token of this vocabulary here"))
    }

    /// Reports text, and tokens that logprobs are due for.
    fn report(&mut self, text: String, events: &mut Vec<Event>) {
        if text.is_empty() && self.logprobs.is_empty() {
            return;
        }
        let tokens = std::mem::take(&mut self.unreported);
        let logprobs = std::mem::take(&mut self.logprobs);
        events.push(self.event(EventKind::Text { text, tokens, logprobs }));
    }

    /// Reports what was held back: it is text after all.
    pub(crate) fn close(&mut self, events: &mut Vec<Event>) {
        let (mut characters, mut text) = (String::new(), String::new());
        self.utf8.finish(&mut characters);
        // What completes a stop string here is the replacement of a broken character.
        if !self.stop.push(&characters, &mut text) {
            self.stop.finish(&mut text);
        }
        self.report(text, events);
    }

    pub(crate) fn event(&self, kind: EventKind) -> Event {
        Event { request: self.request.id(), sequence: self.index, kind }
    }
}

fn constraint_failed(cause: &str) -> EngineError {
    let cause = cause.lines().next().unwrap_or_default();
    EngineError::new(
        ErrorCode::InvalidConstraint,
        format!("the constraint could not be followed: {cause}"),
    )
}
