//! Following grammars beside the decoding thread.
//!
//! What a grammar allows next takes microseconds as a rule, but an ambiguous one can take a second
//! for each token. So guides are sent here with the token they have to follow, and sequences whose
//! grammar is slow sit out while the others go on.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::{Guide, Progress};

/// Threads for grammars that are not known to be slow.
const QUICK: usize = 2;
/// A grammar that takes longer than this for a token is slow.
const SLOW: Duration = Duration::from_millis(4);
/// Answers that may lie unread; more only make the threads wait.
const MOST_UNREAD: usize = 512;
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
    closed: bool,
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
        let follower = Self { shared: Arc::clone(&shared), done };
        for at in 0..=QUICK {
            let (shared, finished) = (Arc::clone(&shared), finished.clone());
            let builder = std::thread::Builder::new().name("follow".into()).stack_size(STACK);
            builder.spawn(move || follow_all(&shared, &finished, at == QUICK))?;
        }
        Ok(follower)
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
    fn next(&self, slow: bool) -> Option<Step> {
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
                Some(step) => return Some(step),
                None => {
                    lanes = self.changed.wait(lanes).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }
}

fn follow_all(shared: &Shared, finished: &SyncSender<Stepped>, slow: bool) {
    while let Some(step) = shared.next(slow) {
        if finished.send(follow(step)).is_err() {
            return;
        }
    }
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
