//! Following grammars beside the decoding thread.
//!
//! What a grammar allows next takes microseconds as a rule, but an ambiguous one can take a second
//! for each token. So guides are sent here with the token they have to follow, and sequences whose
//! grammar is slow sit out while the others go on.
//!
//! The work for a token is limited almost everywhere, but not everywhere, and a thread cannot be
//! ended. A step that does not come to its end is given up with its sequence, and another thread
//! takes the place of its thread, though not any number of times.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use engine_protocol::{EngineError, ErrorCode};

use super::{Guide, Progress};
use crate::threads::{is_over, own_number, to_the_background, used_by_thread};

/// Threads for grammars that are not known to be slow.
const QUICK: usize = 2;
/// A grammar that takes longer than this for a token is slow.
const SLOW: Duration = Duration::from_millis(4);
/// Answers that may lie unread; more only make the threads wait.
const MOST_UNREAD: usize = 512;
/// How long one token may take before it is given up; what ends at all takes a second or two.
pub(crate) const STEP_LIMIT: Duration = Duration::from_secs(10);
/// Threads that are replaced while they are lost.
const MOST_LOST: usize = 6;
/// When those may ask again whose grammars no thread can follow for now.
const AGAIN: u32 = 10;
/// Only reserved, not used.
const STACK: usize = 64 << 20;

/// A token that a guide has to follow.
pub(crate) struct Step {
    /// The number of the sequence.
    pub(crate) order: u64,
    /// Gone where the sequence is.
    pub(crate) alive: Weak<()>,
    pub(crate) guide: Guide,
    pub(crate) token: u32,
    pub(crate) piece: Vec<u8>,
}

/// A guide that has followed its token.
pub(crate) struct Stepped {
    pub(crate) order: u64,
    /// `None` where following it went wrong.
    pub(crate) guide: Option<Guide>,
    pub(crate) progress: Result<Progress, String>,
    pub(crate) took: Duration,
}

#[derive(Default)]
struct Lanes {
    quick: VecDeque<Step>,
    slow: VecDeque<Step>,
    watch: Watch,
    closed: bool,
}

/// Which threads are at work, and which of them do not come back.
#[derive(Default)]
struct Watch {
    busy: Vec<Busy>,
    threads: u64,
}

/// A thread at work.
struct Busy {
    number: u64,
    /// Its number for the system.
    thread: i32,
    slow: bool,
    /// The sequence that waits for it.
    order: u64,
    since: Instant,
    /// What the thread had computed when half of the time was over; asking for it at each
    /// beginning would cost more than most steps.
    used_at_half: Option<Duration>,
    fate: Fate,
}

impl Busy {
    fn is_over(&mut self, limit: Duration) -> bool {
        let elapsed = self.since.elapsed();
        if elapsed <= limit / 2 {
            return false;
        }
        let used = used_by_thread(self.thread);
        let before = *self.used_at_half.get_or_insert(used.unwrap_or_default());
        is_over(
            limit / 2,
            elapsed.saturating_sub(limit / 2),
            used.map(|used| used.saturating_sub(before)),
        )
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Its work is waited for.
    Awaited,
    /// Nobody waits for its work, and there is no other in its place.
    Lost,
    /// Nobody waits for it at all.
    Replaced,
}

impl Watch {
    fn new_thread(&mut self) -> u64 {
        self.threads += 1;
        self.threads
    }

    fn begin(&mut self, number: u64, thread: i32, slow: bool, order: u64) {
        let (since, fate) = (Instant::now(), Fate::Awaited);
        let used_at_half = None;
        self.busy.push(Busy { number, thread, slow, order, since, used_at_half, fate });
    }

    /// Takes a thread back, and says what had become of it meanwhile.
    fn end(&mut self, number: u64) -> Fate {
        let at = self.busy.iter().position(|busy| busy.number == number);
        at.map_or(Fate::Awaited, |at| self.busy.swap_remove(at).fate)
    }

    fn count(&self, slow: bool, fate: Fate) -> usize {
        self.busy.iter().filter(|busy| busy.slow == slow && busy.fate == fate).count()
    }

    /// Whether threads are left that take up work.
    fn serves(&self, slow: bool) -> bool {
        self.count(slow, Fate::Lost) < if slow { 1 } else { QUICK }
    }

    /// Gives up what takes longer than `limit`; `replace` starts another thread in the place of one
    /// that is lost. Returns the sequences that need not wait any longer.
    fn give_up(&mut self, limit: Duration, mut replace: impl FnMut(bool) -> bool) -> Vec<u64> {
        let mut replaced = self.count(false, Fate::Replaced) + self.count(true, Fate::Replaced);
        let mut orders = Vec::new();
        for busy in &mut self.busy {
            if busy.fate == Fate::Awaited && busy.is_over(limit) {
                tracing::error!("a thread is lost in following a grammar");
                to_the_background(busy.thread);
                orders.push(busy.order);
                busy.fate = if replaced < MOST_LOST && replace(busy.slow) {
                    replaced += 1;
                    Fate::Replaced
                } else {
                    Fate::Lost
                };
            }
        }
        orders
    }
}

#[derive(Default)]
struct Shared {
    lanes: Mutex<Lanes>,
    changed: Condvar,
}

/// Threads that follow grammars. Slow ones have a thread of their own, so that they delay only
/// each other.
pub(crate) struct Follower {
    shared: Arc<Shared>,
    finished: SyncSender<Stepped>,
    done: Receiver<Stepped>,
}

impl Follower {
    /// Starts the threads.
    ///
    /// # Errors
    /// No thread can be started.
    pub(crate) fn new() -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let (finished, done) = sync_channel(MOST_UNREAD);
        let follower = Self { shared, finished, done };
        for at in 0..=QUICK {
            follower.spawn(at == QUICK)?;
        }
        Ok(follower)
    }

    fn spawn(&self, slow: bool) -> std::io::Result<()> {
        let (shared, finished) = (Arc::clone(&self.shared), self.finished.clone());
        let builder = std::thread::Builder::new().name("follow".into()).stack_size(STACK);
        builder.spawn(move || follow_all(&shared, &finished, slow))?;
        Ok(())
    }

    /// Gives up steps that take longer than `limit`, and those that no thread is left for; tells
    /// of which sequences they are, and why.
    pub(crate) fn give_up(&self, limit: Duration) -> Vec<(u64, EngineError)> {
        let mut lanes = self.shared.lanes();
        let lost = lanes.watch.give_up(limit, |slow| self.spawn(slow).is_ok());
        let mut given_up: Vec<_> = lost.into_iter().map(|order| (order, endless(limit))).collect();
        for slow in [false, true] {
            if !lanes.watch.serves(slow) {
                let lane = if slow { &mut lanes.slow } else { &mut lanes.quick };
                given_up.extend(lane.drain(..).map(|step| (step.order, exhausted())));
            }
        }
        given_up
    }

    /// Takes up a step.
    pub(crate) fn start(&self, step: Step) {
        let mut lanes = self.shared.lanes();
        let lane = if step.guide.is_slow() { &mut lanes.slow } else { &mut lanes.quick };
        // Without those whose sequences are gone, there is at most one for each sequence.
        lane.retain(|step| step.alive.strong_count() > 0);
        lane.push_back(step);
        drop(lanes);
        self.shared.changed.notify_all();
    }

    /// The next guide that has followed its token, if there is one within `limit`.
    pub(crate) fn finished(&self, limit: Duration) -> Option<Stepped> {
        self.done.recv_timeout(limit).ok()
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.shared.lanes().closed = true;
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next step of a lane; waits for one, and gives none at the end.
    fn next(&self, slow: bool, number: u64) -> Option<Step> {
        let thread = own_number();
        let mut lanes = self.lanes();
        loop {
            if lanes.closed {
                return None;
            }
            let lane = if slow { &mut lanes.slow } else { &mut lanes.quick };
            match lane.pop_front() {
                Some(step) if step.alive.strong_count() == 0 => {}
                // Its grammar has turned out to be slow while it stood in the lane.
                Some(step) if !slow && step.guide.is_slow() => {
                    lanes.slow.push_back(step);
                    self.changed.notify_all();
                }
                Some(step) => {
                    lanes.watch.begin(number, thread, slow, step.order);
                    return Some(step);
                }
                None => {
                    lanes = self.changed.wait(lanes).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }
}

fn follow_all(shared: &Shared, finished: &SyncSender<Stepped>, slow: bool) {
    let number = shared.lanes().watch.new_thread();
    while let Some(step) = shared.next(slow, number) {
        let stepped = follow(step);
        let fate = shared.lanes().watch.end(number);
        match fate {
            Fate::Awaited if finished.send(stepped).is_ok() => {}
            Fate::Lost => {}
            Fate::Awaited | Fate::Replaced => return,
        }
    }
}

fn endless(limit: Duration) -> EngineError {
    let message = format!(
        "the constraint takes more than {} s to follow a single token; simplify it",
        limit.as_secs()
    );
    EngineError::new(ErrorCode::InvalidConstraint, message)
}

fn exhausted() -> EngineError {
    let message = "too many constraints cannot be followed to their next token and take up every \
                   thread for it; requests without a constraint are served";
    let error = EngineError::new(ErrorCode::Overloaded, message);
    EngineError { retry_after: Some(AGAIN), ..error }
}

fn follow(step: Step) -> Stepped {
    let Step { order, mut guide, token, piece, .. } = step;
    let begun = Instant::now();
    let work = std::panic::AssertUnwindSafe(move || {
        let progress = guide.follow(token, &piece);
        (guide, progress)
    });
    let done = std::panic::catch_unwind(work);
    let took = begun.elapsed();
    let Ok((guide, progress)) = done else {
        let progress = Err("following it failed; see the engine's log".to_owned());
        return Stepped { order, guide: None, progress, took };
    };
    guide.compiled().set_slow(took > SLOW);
    Stepped { order, guide: Some(guide), progress, took }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_threads_are_replaced_until_too_many_are_and_come_back() {
        let mut watch = Watch::default();
        let spawned = std::cell::Cell::new(0);
        let spawn = |_| {
            spawned.set(spawned.get() + 1);
            true
        };
        for number in 1..=8 {
            watch.begin(number, 0, false, 100 + number);
            assert!(watch.give_up(Duration::from_hours(1), spawn).is_empty());
            assert_eq!(watch.give_up(Duration::ZERO, spawn), [100 + number]);
            assert_eq!(watch.serves(false), number < 8, "{number}");
        }
        assert_eq!((spawned.get(), watch.serves(true)), (6, true));
        // One that has been replaced ends when it comes back, one that has not goes on.
        assert_eq!((watch.end(1), watch.serves(false)), (Fate::Replaced, false));
        assert_eq!((watch.end(8), watch.serves(false)), (Fate::Lost, true));
        watch.begin(9, 0, true, 200);
        assert_eq!((watch.end(9), watch.end(9)), (Fate::Awaited, Fate::Awaited));
        watch.begin(10, 0, true, 201);
        assert_eq!(watch.give_up(Duration::ZERO, |_| false), [201]);
        assert!(!watch.serves(true));
    }
}
