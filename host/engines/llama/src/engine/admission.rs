//! Letting requests in, and sequences out when room is short.
//!
//! A request may use the whole context, but few do. So what is set aside for a reply is a guess;
//! where it proves too small and the KV cache is full, the youngest sequence gives up its cells
//! and reads its tokens again later. Nothing it has said is lost.

use std::rc::Rc;

use super::Engine;
use crate::ledger::Holder;
use crate::prefix::{Realm, common};
use crate::request::Ready;
use crate::sequence::{Request, Sequence};

/// Tokens set aside for a reply.
const EXPECTED: usize = 256;
/// A shared prefix shorter than this is not worth the bookkeeping.
const WORTHWHILE: usize = 4;
/// A prefix that another sequence is about to have read is worth waiting for from this length on.
const WORTH_WAITING: usize = 32;

/// Where a prefix can be taken from.
struct Source {
    slot: u32,
    length: usize,
    cells: Vec<crate::ledger::Cell>,
}

impl Engine {
    /// Lets in whoever fits: first those that had to give way, then those that wait, in order.
    pub(super) fn admit(&mut self) {
        while let Some(sequence) = self.parked.pop_front() {
            if let Err(sequence) = self.resume(sequence) {
                self.parked.push_front(*sequence);
                return;
            }
        }
        let mut at = 0;
        while let Some(ready) = self.waiting.get(at) {
            let realm = Realm { group: ready.group, salt: ready.generate.cache_salt.clone() };
            if self.is_about_to_be_read(&realm, &ready.prompt) {
                at += 1;
                continue;
            }
            let seats = usize::try_from(ready.generate.sequences).unwrap_or(1);
            let reply = reply(ready.generate.max_tokens) * seats;
            let prompt = ready.prompt.len();
            let source = self.source(&realm, &ready.prompt);
            let shared = source.as_ref().map_or(0, |source| source.length);
            if !self.has_room(seats, prompt - shared + reply) {
                return;
            }
            let Some(ready) = self.waiting.remove(at) else { return };
            if !self.start(ready, realm, source) {
                return;
            }
        }
    }

    /// Whether seats and cells suffice; an empty engine has room for anything.
    fn has_room(&self, seats: usize, cells: usize) -> bool {
        if self.running.is_empty() {
            return true;
        }
        let taken: usize = self.running.iter().map(Sequence::seats).sum();
        let parallel = usize::try_from(self.model.loaded.parallel).unwrap_or(usize::MAX);
        let promised: usize = self.running.iter().map(growth).sum();
        taken + seats <= parallel && self.ledger.pinned() + promised + cells <= self.ledger.total()
    }

    /// Whether a running sequence is reading the same beginning right now, so that waiting for it
    /// is cheaper than reading it twice.
    fn is_about_to_be_read(&self, realm: &Realm, prompt: &[u32]) -> bool {
        if !self.model.shares {
            return false;
        }
        let longest = prompt.len().saturating_sub(1);
        let soon = self
            .running
            .iter()
            .filter(|sequence| !sequence.started && sequence.request.realm == *realm)
            .map(|sequence| (common(&sequence.tokens, prompt).min(longest), sequence.cells.len()))
            .filter(|(shared, read)| shared > read)
            .map(|(shared, _)| shared)
            .max()
            .unwrap_or(0);
        let now = self.source(realm, prompt).map_or(0, |source| source.length);
        soon >= now + WORTH_WAITING
    }

    /// The longest prefix of a prompt that is in the KV cache. The last token is always read anew,
    /// for its logits.
    fn source(&self, realm: &Realm, prompt: &[u32]) -> Option<Source> {
        if !self.model.shares {
            return None;
        }
        let (_, prompt) = prompt.split_last()?;
        let running = self
            .running
            .iter()
            .filter(|sequence| sequence.request.realm == *realm)
            .map(|sequence| {
                let shared = common(&sequence.tokens, prompt).min(sequence.cells.len());
                (sequence, shared)
            })
            .max_by_key(|(_, shared)| *shared)
            .map(|(sequence, shared)| Source {
                slot: sequence.slot,
                length: shared,
                cells: sequence.cells.get(..shared).unwrap_or_default().to_vec(),
            });
        let kept = self.prefixes.best(realm, prompt).map(|(retained, shared)| Source {
            slot: retained.slot,
            length: shared,
            cells: retained.cells.get(..shared).unwrap_or_default().to_vec(),
        });
        [running, kept]
            .into_iter()
            .flatten()
            .max_by_key(|source| source.length)
            .filter(|source| source.length >= WORTHWHILE)
    }

    fn start(&mut self, ready: Ready, realm: Realm, source: Option<Source>) -> bool {
        let Ready { generate, prompt, compiled, .. } = ready;
        let limit = usize::try_from(self.model.loaded.context_length).unwrap_or(usize::MAX);
        let sequences = generate.sequences;
        let request = Rc::new(Request {
            generate,
            compiled,
            realm,
            prompt: prompt.len(),
            limit,
            random: rand::random(),
            followed: std::cell::Cell::default(),
        });
        // State that cannot be shared is computed for each sequence.
        let (first, forks) = if self.model.shares { (1, sequences - 1) } else { (sequences, 0) };
        let mut source = source;
        for index in 0..first {
            let vocabulary = &self.model.vocabulary;
            let mut sequence =
                Sequence::new(Rc::clone(&request), index, prompt.clone(), vocabulary);
            sequence.forks = forks;
            sequence.order = self.admitted;
            self.admitted += 1;
            if let Err(sequence) = self.place(sequence, source.take()) {
                self.parked.push_back(*sequence);
            }
        }
        self.parked.is_empty()
    }

    fn resume(&mut self, sequence: Sequence) -> Result<(), Box<Sequence>> {
        let cells = sequence.tokens.len() + growth(&sequence).min(EXPECTED);
        if !self.has_room(sequence.seats(), cells) {
            return Err(Box::new(sequence));
        }
        let realm = sequence.request.realm.clone();
        let source = self.source(&realm, &sequence.tokens);
        self.place(sequence, source)
    }

    /// Gives a sequence a slot and the prefix that is there already.
    fn place(
        &mut self,
        mut sequence: Sequence,
        source: Option<Source>,
    ) -> Result<(), Box<Sequence>> {
        // Held first, so that making room for the slot cannot take the prefix away.
        if let Some(source) = &source {
            self.ledger.hold(&source.cells, Holder::Running);
        }
        let slot = self.slot_beside(source.as_ref());
        let Some(slot) = slot else {
            if let Some(source) = &source {
                self.ledger.release(&source.cells, Holder::Running);
            }
            return Err(Box::new(sequence));
        };
        sequence.slot = slot;
        if let Some(source) = source {
            self.model.context.share(source.slot, slot, source.length);
            sequence.cells = source.cells;
            if !sequence.started {
                sequence.cached = source.length;
            }
        }
        self.running.push(sequence);
        Ok(())
    }

    /// A free slot, but not that of the prefix's source; where nothing else is left the sequence
    /// has to wait.
    fn slot_beside(&mut self, source: Option<&Source>) -> Option<u32> {
        if let Some(source) = source {
            self.prefixes.touch(source.slot);
        }
        while self.free_slots.is_empty() {
            let oldest = self.prefixes.evict()?;
            if source.is_some_and(|source| source.slot == oldest.slot) {
                self.prefixes.keep(oldest);
                return None;
            }
            self.drop_retained(&oldest);
        }
        self.free_slots.pop()
    }

    /// Takes the youngest sequence out of the KV cache; it goes on when there is room again.
    pub(super) fn preempt(&mut self) -> bool {
        let youngest = (0..).zip(&self.running).max_by_key(|(_, sequence)| sequence.order);
        let Some(at) = youngest.map(|(at, _)| at) else { return false };
        if self.running.len() < 2 {
            return false;
        }
        let mut sequence: Sequence = self.running.remove(at);
        tracing::debug!(request = sequence.request.id(), "the KV cache is full; a sequence waits");
        self.release(&mut sequence);
        let at = self.parked.partition_point(|other| other.order < sequence.order);
        self.parked.insert(at, sequence);
        true
    }
}

fn reply(max_tokens: Option<u32>) -> usize {
    max_tokens.map_or(EXPECTED, |most| usize::try_from(most).unwrap_or(EXPECTED).min(EXPECTED))
}

/// Cells that a running sequence is expected to take yet.
fn growth(sequence: &Sequence) -> usize {
    let reply = reply(sequence.request.generate.max_tokens);
    let expected =
        (sequence.request.prompt + reply).min(sequence.request.limit).max(sequence.tokens.len());
    let forks = sequence.seats() - 1;
    expected.saturating_sub(sequence.cells.len()) + forks * reply
}
