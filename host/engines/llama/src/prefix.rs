//! Finished sequences whose KV cells are kept, because the next prompt often begins the same way.
//!
//! A prefix is shared only where the token ids are equal, under the same adapter, and between
//! requests of the same salt. What is kept can be given up at any time, the least recently used
//! first.

use std::collections::VecDeque;

use crate::ledger::Cell;

/// Under what a prefix may be shared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Realm {
    /// The adapter.
    pub(crate) group: usize,
    /// The tenant.
    pub(crate) salt: String,
}

/// A finished sequence in the KV cache.
#[derive(Debug)]
pub(crate) struct Retained {
    pub(crate) slot: u32,
    pub(crate) realm: Realm,
    pub(crate) tokens: Vec<u32>,
    pub(crate) cells: Vec<Cell>,
}

/// All of them, the most recently used last.
#[derive(Debug, Default)]
pub(crate) struct Prefixes {
    retained: VecDeque<Retained>,
}

impl Prefixes {
    /// The one that shares the most first tokens with a prompt, and how many.
    pub(crate) fn best(&self, realm: &Realm, prompt: &[u32]) -> Option<(&Retained, usize)> {
        self.retained
            .iter()
            .filter(|retained| retained.realm == *realm)
            .map(|retained| (retained, common(&retained.tokens, prompt)))
            .max_by_key(|(_, shared)| *shared)
            .filter(|(_, shared)| *shared > 0)
    }

    /// Counts the one in a slot as used.
    pub(crate) fn touch(&mut self, slot: u32) {
        if let Some(at) = self.retained.iter().position(|retained| retained.slot == slot)
            && let Some(used) = self.retained.remove(at)
        {
            self.retained.push_back(used);
        }
    }

    /// Keeps one, and gives back those that it makes superfluous.
    pub(crate) fn keep(&mut self, new: Retained) -> Vec<Retained> {
        let covered = |old: &Retained| {
            old.realm == new.realm && common(&old.tokens, &new.tokens) == old.tokens.len()
        };
        let (superfluous, rest): (Vec<_>, Vec<_>) = self.retained.drain(..).partition(covered);
        self.retained = rest.into();
        self.retained.push_back(new);
        superfluous
    }

    /// Gives up the least recently used one.
    pub(crate) fn evict(&mut self) -> Option<Retained> {
        self.retained.pop_front()
    }

    /// Gives up all.
    pub(crate) fn clear(&mut self) -> Vec<Retained> {
        self.retained.drain(..).collect()
    }
}

/// How many first tokens two runs have in common.
pub(crate) fn common(a: &[u32], b: &[u32]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retained(slot: u32, salt: &str, tokens: &[u32]) -> Retained {
        let realm = Realm { group: 0, salt: salt.to_owned() };
        Retained { slot, realm, tokens: tokens.to_vec(), cells: Vec::new() }
    }

    #[track_caller]
    fn check(prefixes: &Prefixes, salt: &str, prompt: &[u32], expect: Option<(u32, usize)>) {
        let realm = Realm { group: 0, salt: salt.to_owned() };
        let found = prefixes.best(&realm, prompt).map(|(found, shared)| (found.slot, shared));
        assert_eq!(found, expect);
    }

    #[test]
    fn the_longest_common_prefix_of_the_same_salt_is_found() {
        let mut prefixes = Prefixes::default();
        prefixes.keep(retained(1, "a", &[1, 2, 3]));
        prefixes.keep(retained(2, "a", &[1, 2, 4, 5]));
        prefixes.keep(retained(3, "b", &[1, 2, 4, 5, 6]));
        check(&prefixes, "a", &[1, 2, 4, 5, 6], Some((2, 4)));
        check(&prefixes, "a", &[1, 2, 3], Some((1, 3)));
        check(&prefixes, "c", &[1, 2, 3], None);
        check(&prefixes, "a", &[9], None);
    }

    #[test]
    fn what_a_longer_one_covers_is_given_back_and_the_least_used_goes_first() {
        let mut prefixes = Prefixes::default();
        prefixes.keep(retained(1, "a", &[1, 2]));
        prefixes.keep(retained(2, "a", &[1, 3]));
        let superfluous = prefixes.keep(retained(3, "a", &[1, 2, 7]));
        assert_eq!(superfluous.iter().map(|old| old.slot).collect::<Vec<_>>(), [1]);
        check(&prefixes, "a", &[1, 3], Some((2, 2)));
        prefixes.touch(2);
        assert_eq!(prefixes.evict().map(|old| old.slot), Some(3));
        assert_eq!(prefixes.evict().map(|old| old.slot), Some(2));
        assert!(prefixes.evict().is_none());
    }
}
