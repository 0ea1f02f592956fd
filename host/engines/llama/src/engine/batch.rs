//! One batch: what goes in, what comes out.

use std::rc::Rc;
use std::time::{Duration, Instant};

use engine_protocol::{EngineError, ErrorCode, EventKind, Finish, RequestId};

use super::Engine;
use crate::ledger::Holder;
use crate::native::Decoded;
use crate::scheduler::{Plan, Work, plan};
use crate::sequence::{Outcome, Sequence};

/// How long a step waits for guides.
const MOMENT: Duration = Duration::from_millis(5);

/// A sequence whose last pending token is in the batch, and the row of its logits.
struct Row {
    at: usize,
    row: usize,
}

impl Engine {
    pub(super) fn run_batch(&mut self) {
        let Some(plan) = self.plan() else {
            self.gather(MOMENT, true);
            self.sample(&[]);
            return;
        };
        if !self.apply_adapter(plan.group) {
            return;
        }
        let rows = self.fill(&plan);
        let begun = Instant::now();
        let decoded = self.model.context.decode(&mut self.batch);
        match decoded {
            Decoded::Done => {}
            Decoded::Stopped => {
                self.stopped = true;
                return;
            }
            // The ledger says that there is room, so this is a hole that llama.cpp cannot use.
            Decoded::NoCells => {
                if !self.evict() && !self.preempt() {
                    self.start_over(&internal("the KV cache has no room for a single sequence"));
                }
                return;
            }
            Decoded::Failed(code) => {
                self.start_over(&internal(&format!("llama.cpp failed with code {code}")));
                return;
            }
        }
        self.account(&plan);
        self.pace.record(plan.prefill(), begun.elapsed());
        self.gather(Duration::ZERO, false);
        self.sample(&rows);
    }

    /// Plans a batch that the KV cache has room for.
    fn plan(&mut self) -> Option<Plan> {
        loop {
            let work = self.work();
            let alone = self.running.len() + self.waiting.len() + self.parked.len() < 2;
            let capacity = self.model.batch;
            let quantum = self.pace.quantum(alone);
            let full = plan(&work, self.last_group, quantum, capacity);
            if full.shares.is_empty() {
                return None;
            }
            let free = self.ledger.free();
            if full.tokens() <= free {
                return Some(full);
            }
            if self.evict() {
                continue;
            }
            // Replies go on as long as they can; prompts take what is left.
            let decoding = full.tokens() - full.prefill();
            if decoding <= free && free > 0 {
                let less = plan(&work, self.last_group, free - decoding, capacity);
                if !less.shares.is_empty() {
                    return Some(less);
                }
            }
            if !self.preempt() {
                self.start_over(&internal("the KV cache has no room for a single sequence"));
                return None;
            }
        }
    }

    fn work(&self) -> Vec<Work> {
        let entry = |(key, sequence): (usize, &Sequence)| Work {
            key,
            group: sequence.request.realm.group,
            pending: sequence.pending(),
            decoding: sequence.started && sequence.pending() == 1,
            skipped: sequence.skipped,
        };
        self.running.iter().enumerate().map(entry).collect()
    }

    fn apply_adapter(&mut self, group: usize) -> bool {
        self.last_group = group;
        if group == self.applied {
            return true;
        }
        let adapter = group.checked_sub(1).and_then(|at| self.model.adapters.get(at)).copied();
        if self.model.context.apply(adapter) {
            self.applied = group;
            return true;
        }
        let requests: Vec<RequestId> = self
            .running
            .iter()
            .filter(|sequence| sequence.request.realm.group == group)
            .map(|sequence| sequence.request.id())
            .collect();
        for request in requests {
            self.fail(request, internal("the adapter cannot be applied"));
        }
        false
    }

    fn fill(&mut self, plan: &Plan) -> Vec<Row> {
        self.batch.clear();
        let mut rows = Vec::new();
        for share in &plan.shares {
            let Some(sequence) = self.running.get(share.key) else { continue };
            let begin = sequence.cells.len();
            let end = begin + share.tokens;
            let tokens = sequence.tokens.get(begin..end).unwrap_or_default();
            for (position, token) in (begin..).zip(tokens) {
                let last = position + 1 == sequence.tokens.len();
                let output = last && !sequence.wants_nothing();
                let place = u32::try_from(position).unwrap_or(u32::MAX);
                let row = self.batch.push(*token, place, sequence.slot, output);
                if last {
                    rows.push(Row { at: share.key, row });
                }
            }
        }
        rows
    }

    /// Enters what the batch has put into the KV cache.
    fn account(&mut self, plan: &Plan) {
        self.stats.steps += 1;
        for sequence in &mut self.running {
            if sequence.request.realm.group == plan.group {
                sequence.skipped = sequence.skipped.saturating_add(1);
            }
        }
        for share in &plan.shares {
            let Some(sequence) = self.running.get_mut(share.key) else { continue };
            self.ledger.take(share.tokens, &mut sequence.cells);
            sequence.skipped = 0;
            if !sequence.started {
                self.stats.prompt_tokens += u64::try_from(share.tokens).unwrap_or(0);
            }
        }
    }

    /// Chooses the next token of every sequence whose tokens are all read.
    fn sample(&mut self, rows: &[Row]) {
        let mut ended: Vec<(u64, Finish)> = Vec::new();
        let mut failed: Vec<(RequestId, EngineError)> = Vec::new();
        let mut forks: Vec<Sequence> = Vec::new();
        for Row { at, row } in rows {
            if let Some(begun) = self.begin(*at) {
                forks.extend(begun);
            }
            let Some(sequence) = self.running.get_mut(*at) else { continue };
            let request = sequence.request.id();
            let siblings = forks.iter_mut().filter(|fork| fork.request.id() == request);
            for sequence in
                std::iter::once(sequence).chain(siblings.filter(|fork| fork.generated() == 0))
            {
                if sequence.wants_nothing() {
                    ended.push((sequence.order, Finish::Length));
                    continue;
                }
                let outcome = match self.model.context.logits(*row) {
                    None => Outcome::Failed(internal("llama.cpp gave no logits")),
                    Some(logits) if sequence.is_away() => {
                        sequence.hold(logits);
                        continue;
                    }
                    Some(logits) => sequence.advance(
                        logits,
                        &self.model.vocabulary,
                        &mut self.candidates,
                        &mut self.events,
                    ),
                };
                match outcome {
                    Outcome::Goes => self.stats.completion_tokens += 1,
                    Outcome::Ended(reason) => {
                        self.stats.completion_tokens += 1;
                        ended.push((sequence.order, reason));
                    }
                    Outcome::Failed(error) => failed.push((request, error)),
                }
            }
        }
        self.running.extend(forks);
        for sequence in &mut self.running {
            let Some(logits) = sequence.take_held() else { continue };
            let vocabulary = &self.model.vocabulary;
            match sequence.advance(&logits, vocabulary, &mut self.candidates, &mut self.events) {
                Outcome::Goes => self.stats.completion_tokens += 1,
                Outcome::Ended(reason) => {
                    self.stats.completion_tokens += 1;
                    ended.push((sequence.order, reason));
                }
                Outcome::Failed(error) => failed.push((sequence.request.id(), error)),
            }
        }
        for (request, error) in failed {
            self.fail(request, error);
        }
        for (order, reason) in ended {
            let found = self.running.iter().position(|sequence| sequence.order == order);
            if let Some(at) = found {
                let sequence = self.running.remove(at);
                self.finish(sequence, reason);
            }
        }
        self.send_off();
    }

    /// Hands the guides whose sequences got a token to the follower, and gives it a moment.
    fn send_off(&mut self) {
        let mut sent = false;
        for sequence in &mut self.running {
            if let Some(step) = sequence.send_off(&self.model.vocabulary) {
                self.follower.start(step);
                sent = true;
            }
        }
        if sent {
            self.gather(MOMENT, false);
        }
    }

    /// Takes guides back from the follower. Quick ones are waited for, as a token without its mask
    /// loses a step; slow ones only where there is nothing else to do.
    fn gather(&mut self, limit: Duration, idle: bool) {
        let until = Instant::now() + limit;
        let mut waits = idle;
        loop {
            let quick = |sequence: &Sequence| sequence.is_away() && !sequence.is_slow();
            let away = waits && self.running.iter().any(Sequence::is_away);
            let stepped = if away || self.running.iter().any(quick) {
                self.follower.finished(until.saturating_duration_since(Instant::now()))
            } else {
                self.follower.finished(Duration::ZERO)
            };
            let Some(stepped) = stepped else { break };
            waits = false;
            let order = stepped.order;
            let mut sequences = self.running.iter_mut().chain(&mut self.parked);
            let Some(sequence) = sequences.find(|sequence| sequence.order == order) else {
                continue;
            };
            let request = sequence.request.id();
            if let Err(error) = sequence.take_back(stepped) {
                self.fail(request, error);
            }
        }
        let verdict = |sequence: &Sequence| sequence.verdict().is_some();
        while let Some(at) = self.running.iter().position(verdict) {
            let mut sequence = self.running.remove(at);
            let reason = sequence.verdict().unwrap_or(Finish::Stop);
            sequence.close(&mut self.events);
            self.finish(sequence, reason);
        }
    }

    /// Reports that a prompt is read, and makes the sequences that begin with it.
    fn begin(&mut self, at: usize) -> Option<Vec<Sequence>> {
        let sequence = self.running.get_mut(at)?;
        if sequence.started {
            return None;
        }
        sequence.started = true;
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let kind = EventKind::Started {
            prompt_tokens: count(sequence.request.prompt),
            cached_tokens: count(sequence.cached),
        };
        self.stats.cached_tokens += u64::try_from(sequence.cached).unwrap_or(0);
        let (request, slot) = (Rc::clone(&sequence.request), sequence.slot);
        let (tokens, cells) = (sequence.tokens.clone(), sequence.cells.clone());
        let forks = std::mem::take(&mut sequence.forks);
        let order = sequence.order;
        let started = sequence.event(kind.clone());
        self.events.push(started);
        let mut made = Vec::new();
        for index in 1..=forks {
            let vocabulary = &self.model.vocabulary;
            let mut fork = Sequence::new(Rc::clone(&request), index, tokens.clone(), vocabulary);
            // As old as its request; the number only has to differ.
            fork.order = self.admitted.max(order + 1);
            self.admitted = fork.order + 1;
            fork.started = true;
            fork.cached = tokens.len();
            self.events.push(fork.event(kind.clone()));
            let Some(free) = self.slot() else {
                // Seats are counted, so there is a slot; without one the fork reads for itself.
                self.parked.push_back(fork);
                continue;
            };
            fork.slot = free;
            self.ledger.hold(&cells, Holder::Running);
            fork.cells.clone_from(&cells);
            self.model.context.share(slot, free, cells.len());
            made.push(fork);
        }
        Some(made)
    }
}

fn internal(cause: &str) -> EngineError {
    EngineError::new(ErrorCode::Internal, cause)
}
