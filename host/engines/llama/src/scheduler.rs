//! What goes into the next batch.
//!
//! First one token for every decoding sequence, so that no prompt ever freezes a reply; then
//! prompts, up to a quantum of tokens. The prompt with the least left goes first, so that a short
//! question does not wait behind a long document; a prompt that was passed over for some steps
//! goes before all, so that it does not starve. Sequences under different adapters cannot share a
//! batch: each step serves one group, and the groups take turns.

/// A prompt that got nothing in so many steps goes first.
const PATIENCE: u32 = 4;

/// A sequence that wants to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Work {
    /// The caller's own number for it.
    pub(crate) key: usize,
    /// The adapter under which it runs.
    pub(crate) group: usize,
    /// Tokens not yet in the KV cache.
    pub(crate) pending: usize,
    /// Whether its prompt is read.
    pub(crate) decoding: bool,
    /// Steps in which it got nothing.
    pub(crate) skipped: u32,
}

/// A sequence's part of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Share {
    /// The work's number.
    pub(crate) key: usize,
    /// How many of its pending tokens.
    pub(crate) tokens: usize,
}

/// The next batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// The adapter of all its sequences.
    pub(crate) group: usize,
    /// What each sequence gets, decoding ones first.
    pub(crate) shares: Vec<Share>,
    /// How many shares are decoding ones.
    pub(crate) decoding: usize,
}

impl Plan {
    /// Tokens in all.
    pub(crate) fn tokens(&self) -> usize {
        self.shares.iter().map(|share| share.tokens).sum()
    }

    /// Tokens of prompts.
    pub(crate) fn prefill(&self) -> usize {
        self.shares.iter().skip(self.decoding).map(|share| share.tokens).sum()
    }
}

/// Plans a batch of at most `capacity` tokens, with at most `quantum` of prompts, after a batch of
/// group `last`.
pub(crate) fn plan(work: &[Work], last: usize, quantum: usize, capacity: usize) -> Plan {
    let Some(group) = next_group(work, last) else { return Plan::default() };
    let mut decoding: Vec<&Work> =
        work.iter().filter(|work| work.group == group && work.decoding).collect();
    let mut prompts: Vec<&Work> =
        work.iter().filter(|work| work.group == group && !work.decoding).collect();
    decoding.sort_by_key(|work| (std::cmp::Reverse(work.skipped), work.key));
    prompts.sort_by_key(|work| {
        let patient = work.skipped < PATIENCE;
        // Among those that have waited too long the longest wait decides.
        let order = if patient { work.pending } else { usize::MAX - skipped(work) };
        (patient, order, work.key)
    });
    let mut plan = Plan { group, ..Plan::default() };
    let mut left = capacity;
    for work in decoding {
        let tokens = work.pending.min(left);
        if tokens > 0 {
            plan.shares.push(Share { key: work.key, tokens });
            left -= tokens;
        }
    }
    plan.decoding = plan.shares.len();
    let mut quantum = quantum.min(left);
    for work in prompts {
        let tokens = work.pending.min(quantum);
        if tokens > 0 {
            plan.shares.push(Share { key: work.key, tokens });
            quantum -= tokens;
        }
    }
    plan
}

fn skipped(work: &Work) -> usize {
    usize::try_from(work.skipped).unwrap_or(usize::MAX)
}

/// The first group with work after the last one, in a circle.
fn next_group(work: &[Work], last: usize) -> Option<usize> {
    let groups = || work.iter().filter(|work| work.pending > 0).map(|work| work.group);
    groups().filter(|group| *group > last).min().or_else(|| groups().min())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn prompt(key: usize, pending: usize) -> Work {
        Work { key, group: 0, pending, decoding: false, skipped: 0 }
    }

    fn reply(key: usize) -> Work {
        Work { key, group: 0, pending: 1, decoding: true, skipped: 0 }
    }

    #[track_caller]
    fn check(work: &[Work], quantum: usize, capacity: usize, expect: &[(usize, usize)]) {
        let shares: Vec<(usize, usize)> = plan(work, 0, quantum, capacity)
            .shares
            .iter()
            .map(|share| (share.key, share.tokens))
            .collect();
        assert_eq!(shares, expect);
    }

    #[test]
    fn replies_come_before_prompts() {
        check(&[prompt(0, 100), reply(1), reply(2)], 16, 64, &[(1, 1), (2, 1), (0, 16)]);
        check(&[prompt(0, 100), reply(1)], 16, 8, &[(1, 1), (0, 7)]);
        check(&[], 16, 64, &[]);
    }

    #[test]
    fn the_shortest_prompt_goes_first_and_the_rest_of_the_quantum_to_the_next() {
        check(&[prompt(0, 900), prompt(1, 10)], 16, 64, &[(1, 10), (0, 6)]);
        check(&[prompt(0, 900), prompt(1, 16)], 16, 64, &[(1, 16)]);
    }

    #[test]
    fn a_prompt_that_waited_goes_before_all() {
        let old = Work { skipped: PATIENCE, ..prompt(0, 900) };
        check(&[old, prompt(1, 10)], 16, 64, &[(0, 16)]);
    }

    #[test]
    fn groups_take_turns() {
        let mut work = vec![reply(0), Work { group: 1, ..reply(1) }, Work { group: 1, ..reply(2) }];
        let mut served = [0_u32; 3];
        let mut last = 0;
        for _ in 0..12 {
            let plan = plan(&work, last, 8, 64);
            last = plan.group;
            for item in &mut work {
                item.skipped += 1;
            }
            for share in &plan.shares {
                work[share.key].skipped = 0;
                served[share.key] += 1;
            }
        }
        assert_eq!(served, [6, 6, 6]);
    }

    proptest! {
        #[test]
        fn no_limit_is_exceeded_and_nothing_starves(
            pending in proptest::collection::vec((1_usize..60, any::<bool>(), 0_usize..3), 1..10),
            quantum in 1_usize..64,
            capacity in 24_usize..512,
        ) {
            let mut work: Vec<Work> = pending
                .iter()
                .enumerate()
                .map(|(key, (pending, decoding, group))| Work {
                    key,
                    group: *group,
                    pending: if *decoding { 1 } else { *pending },
                    decoding: *decoding,
                    skipped: 0,
                })
                .collect();
            let total: usize = work.iter().filter(|w| !w.decoding).map(|w| w.pending).sum();
            // New prompts of one token arrive in every step, as long as there are seats, and would
            // win every time.
            let (mut steps, mut last) = (0, 0);
            while work.iter().any(|w| !w.decoding && w.key < pending.len() && w.pending > 0) {
                let plan = plan(&work, last, quantum, capacity);
                last = plan.group;
                prop_assert!(plan.tokens() <= capacity);
                prop_assert!(plan.prefill() <= quantum);
                prop_assert!(plan.tokens() > 0);
                for item in &mut work {
                    item.skipped += 1;
                }
                for share in &plan.shares {
                    let item = work.iter_mut().find(|w| w.key == share.key).unwrap();
                    prop_assert_eq!(item.group, plan.group);
                    item.skipped = 0;
                    if !item.decoding {
                        item.pending -= share.tokens;
                    }
                }
                work.retain(|w| w.pending > 0);
                if work.len() < 12 {
                    work.push(prompt(1000 + steps, 1));
                }
                steps += 1;
                prop_assert!(steps < 60 * (total + 1), "a prompt starves");
            }
        }
    }
}
