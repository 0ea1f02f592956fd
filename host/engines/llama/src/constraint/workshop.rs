//! Where constraints are compiled, beside the decoding thread.
//!
//! Each constraint has a thread of its own, which cannot be ended. A constraint that should have
//! been found out by a [trial](super::trial), and takes too long all the same, is given up: its
//! requests are refused, and its thread goes on with the lowest priority until it ends by itself,
//! after which the constraint is known. No more than a few may go on like that; beyond that number
//! constraints that are not known yet are refused, and all other requests are served.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use engine_protocol::{Constraint, EngineError, ErrorCode, RequestId};

use crate::pool::guarded;
use crate::threads::{own_number, to_the_background};

/// Constraints that are compiled at a time.
const AT_ONCE: usize = 2;
/// Threads in all, those among them whose constraint was given up.
const MOST: usize = 6;
/// Reading a grammar recurses; this is only reserved, not used.
pub(super) const STACK: usize = 256 << 20;
/// When those may ask again who are refused because too many constraints were given up.
const AGAIN: u32 = 10;

type Compile<C> = dyn Fn(&Constraint) -> Result<C, EngineError> + Send + Sync;
type Outcome<C> = (u64, Result<C, EngineError>);

/// What has come of a request: itself and its compiled constraint, or why there is none.
pub(crate) type Settled<R, C> = (RequestId, Result<(R, C), EngineError>);

/// Compiles constraints to `C` for requests that wait as `R`.
pub(crate) struct Workshop<R, C> {
    compile: Arc<Compile<C>>,
    limit: Duration,
    finished: SyncSender<Outcome<C>>,
    done: Receiver<Outcome<C>>,
    works: Vec<Work<R>>,
    next: u64,
}

/// One constraint, and everybody who waits for it.
struct Work<R> {
    number: u64,
    constraint: Arc<Constraint>,
    state: State,
    /// The thread's number; 0 until it runs.
    thread: Arc<AtomicI32>,
    waiting: Vec<(RequestId, R)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Queued,
    Running {
        since: Instant,
    },
    /// It was given up, and its thread has not come back.
    Lost,
}

impl<R, C: Clone + Send + 'static> Workshop<R, C> {
    /// A workshop in which a constraint may take as long as `limit`.
    pub(crate) fn new(
        compile: impl Fn(&Constraint) -> Result<C, EngineError> + Send + Sync + 'static,
        limit: Duration,
    ) -> Self {
        let (finished, done) = sync_channel(MOST);
        Self { compile: Arc::new(compile), limit, finished, done, works: Vec::new(), next: 0 }
    }

    /// Takes a request up; who waits for the same constraint waits together.
    ///
    /// # Errors
    /// The constraint was given up before, or too many others were.
    pub(crate) fn take(
        &mut self,
        request: RequestId,
        constraint: Constraint,
        waiting: R,
    ) -> Result<(), EngineError> {
        if let Some(work) = self.works.iter_mut().find(|work| *work.constraint == constraint) {
            if work.state == State::Lost {
                return Err(too_slow(self.limit));
            }
            work.waiting.push((request, waiting));
            return Ok(());
        }
        if self.lost() >= MOST {
            return Err(exhausted(self.limit));
        }
        self.works.push(Work {
            number: self.next,
            constraint: Arc::new(constraint),
            state: State::Queued,
            thread: Arc::default(),
            waiting: vec![(request, waiting)],
        });
        self.next += 1;
        Ok(())
    }

    /// Changes how long a constraint may take.
    pub(crate) fn set_limit(&mut self, limit: Duration) {
        self.limit = limit;
    }

    /// Lets go of a request that is cancelled.
    pub(crate) fn cancel(&mut self, request: RequestId) -> Option<R> {
        let found = self.works.iter_mut().find_map(|work| {
            let at = work.waiting.iter().position(|(known, _)| *known == request)?;
            Some(work.waiting.swap_remove(at).1)
        });
        self.works.retain(|work| work.state != State::Queued || !work.waiting.is_empty());
        found
    }

    /// Whether a request waits here.
    pub(crate) fn holds(&self, request: RequestId) -> bool {
        self.works.iter().any(|work| work.waiting.iter().any(|(known, _)| *known == request))
    }

    /// How many requests wait.
    pub(crate) fn waiting(&self) -> usize {
        self.works.iter().map(|work| work.waiting.len()).sum()
    }

    /// Goes on with the work, and tells of the requests that need not wait any longer.
    pub(crate) fn settle(&mut self) -> Vec<Settled<R, C>> {
        let mut settled = Vec::new();
        while let Ok((number, outcome)) = self.done.try_recv() {
            let Some(at) = self.works.iter().position(|work| work.number == number) else {
                continue;
            };
            let work = self.works.swap_remove(at);
            if work.state == State::Lost {
                tracing::info!("a constraint that took too long has been compiled after all");
            }
            for (request, waiting) in work.waiting {
                settled.push((request, outcome.clone().map(|compiled| (waiting, compiled))));
            }
        }
        self.give_up(&mut settled);
        self.begin(&mut settled);
        settled
    }

    fn count(&self, test: impl Fn(State) -> bool) -> usize {
        self.works.iter().filter(|work| test(work.state)).count()
    }

    fn lost(&self) -> usize {
        self.count(|state| state == State::Lost)
    }

    /// Gives up what takes too long, and what cannot begin for it.
    fn give_up(&mut self, settled: &mut Vec<Settled<R, C>>) {
        let (limit, before) = (self.limit, self.lost());
        for work in &mut self.works {
            let State::Running { since } = work.state else { continue };
            if since.elapsed() > limit {
                work.state = State::Lost;
                let begins: String = work.constraint.source.chars().take(200).collect();
                tracing::warn!(begins, "a constraint takes too long to compile and is given up");
                to_the_background(work.thread.load(Ordering::Relaxed));
                refuse(work, &too_slow(limit), settled);
            }
        }
        if before < MOST && self.lost() >= MOST {
            tracing::error!(
                "{MOST} constraints that take too long are being compiled: others are refused"
            );
            let queued = self.works.iter_mut().filter(|work| work.state == State::Queued);
            queued.for_each(|work| refuse(work, &exhausted(limit), settled));
            self.works.retain(|work| work.state != State::Queued);
        }
    }

    /// Begins as much as may run at once, the oldest first.
    fn begin(&mut self, settled: &mut Vec<Settled<R, C>>) {
        let running = self.count(|state| matches!(state, State::Running { .. }));
        let threads = running + self.lost();
        let free = AT_ONCE.saturating_sub(running).min(MOST.saturating_sub(threads));
        let mut queued: Vec<_> =
            self.works.iter_mut().filter(|work| work.state == State::Queued).collect();
        queued.sort_by_key(|work| work.number);
        let mut failed = Vec::new();
        for work in queued.into_iter().take(free) {
            match spawn(work, &self.compile, &self.finished) {
                Ok(()) => work.state = State::Running { since: Instant::now() },
                Err(error) => {
                    let message = format!("no thread can be started for the constraint: {error}");
                    let error = EngineError::new(ErrorCode::Overloaded, message);
                    refuse(work, &EngineError { retry_after: Some(AGAIN), ..error }, settled);
                    failed.push(work.number);
                }
            }
        }
        self.works.retain(|work| !failed.contains(&work.number));
    }
}

fn spawn<R, C: Send + 'static>(
    work: &Work<R>,
    compile: &Arc<Compile<C>>,
    finished: &SyncSender<Outcome<C>>,
) -> std::io::Result<()> {
    let (number, constraint) = (work.number, Arc::clone(&work.constraint));
    let (compile, finished) = (Arc::clone(compile), finished.clone());
    let thread = Arc::clone(&work.thread);
    let builder = std::thread::Builder::new().name("compile".into()).stack_size(STACK);
    builder.spawn(move || {
        thread.store(own_number(), Ordering::Relaxed);
        let outcome = guarded(|| compile(&constraint));
        // There is a place for every thread; the engine may be gone.
        let _ = finished.send((number, outcome));
    })?;
    Ok(())
}

fn refuse<R, C>(work: &mut Work<R>, error: &EngineError, settled: &mut Vec<Settled<R, C>>) {
    settled.extend(work.waiting.drain(..).map(|(request, _)| (request, Err(error.clone()))));
}

pub(super) fn too_slow(limit: Duration) -> EngineError {
    let limit = limit.as_secs();
    let message = format!("the constraint takes more than {limit} s to compile; simplify it");
    EngineError::new(ErrorCode::InvalidConstraint, message)
}

fn exhausted(limit: Duration) -> EngineError {
    let limit = limit.as_secs();
    let message = format!(
        "{MOST} constraints that take more than {limit} s each are still being compiled, which is \
         as many as may: only constraints that were used lately, and requests without one, are \
         served until one of them is done"
    );
    let error = EngineError::new(ErrorCode::Overloaded, message);
    EngineError { retry_after: Some(AGAIN), ..error }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use engine_protocol::GrammarSyntax;

    use super::*;

    fn constraint(source: &str) -> Constraint {
        let syntax = GrammarSyntax::Regex;
        Constraint { syntax, source: source.to_owned(), triggers: Vec::new() }
    }

    type Tested = Workshop<&'static str, String>;

    /// A workshop in which a source is its own compiled form; those with an `x` wait at the gate.
    fn workshop(limit: Duration) -> (Tested, SyncSender<()>) {
        let (open, gate) = sync_channel::<()>(0);
        let gate = Mutex::new(gate);
        let compile = move |constraint: &Constraint| {
            if constraint.source.contains('x') {
                let _ = gate.lock().unwrap_or_else(std::sync::PoisonError::into_inner).recv();
            }
            assert!(constraint.source != "panic", "as asked for");
            if constraint.source == "wrong" {
                return Err(EngineError::new(ErrorCode::InvalidConstraint, "it is wrong"));
            }
            Ok(constraint.source.clone())
        };
        (Workshop::new(compile, limit), open)
    }

    /// Settles until so many requests need not wait any longer.
    #[track_caller]
    fn settle(workshop: &mut Tested, count: usize) -> Vec<Settled<&'static str, String>> {
        let begun = Instant::now();
        let mut settled = workshop.settle();
        while settled.len() < count {
            assert!(begun.elapsed() < Duration::from_secs(20), "{} of {count}", settled.len());
            std::thread::yield_now();
            settled.extend(workshop.settle());
        }
        settled.sort_by_key(|(request, _)| *request);
        settled
    }

    #[track_caller]
    fn check_error(settled: &Settled<&'static str, String>, code: ErrorCode, part: &str) {
        let error = settled.1.as_ref().unwrap_err();
        assert_eq!(error.code, code, "{error}");
        assert!(error.message.contains(part), "`{error}` lacks `{part}`");
        assert_eq!(error.retry_after.is_some(), code == ErrorCode::Overloaded);
    }

    const PATIENCE: Duration = Duration::from_mins(1);

    #[test]
    fn everybody_who_waits_for_a_constraint_gets_it() {
        let (mut workshop, _open) = workshop(PATIENCE);
        workshop.take(1, constraint("a"), "one").unwrap();
        workshop.take(2, constraint("a"), "two").unwrap();
        workshop.take(3, constraint("wrong"), "three").unwrap();
        workshop.take(4, constraint("panic"), "four").unwrap();
        assert_eq!((workshop.waiting(), workshop.holds(2)), (4, true));
        let settled = settle(&mut workshop, 4);
        assert_eq!(settled[0].1, Ok(("one", "a".to_owned())));
        assert_eq!(settled[1].1, Ok(("two", "a".to_owned())));
        check_error(&settled[2], ErrorCode::InvalidConstraint, "wrong");
        check_error(&settled[3], ErrorCode::Internal, "log");
        assert_eq!((workshop.waiting(), workshop.holds(2)), (0, false));
    }

    #[test]
    fn a_lost_constraint_costs_its_own_requests_alone() {
        let (mut workshop, open) = workshop(Duration::ZERO);
        workshop.take(1, constraint("x"), "one").unwrap();
        workshop.take(2, constraint("x"), "two").unwrap();
        let settled = settle(&mut workshop, 2);
        check_error(&settled[0], ErrorCode::InvalidConstraint, "simplify");
        check_error(&settled[1], ErrorCode::InvalidConstraint, "simplify");
        // Who comes with the same one does not cost another thread.
        let again = workshop.take(3, constraint("x"), "three").unwrap_err();
        assert_eq!(again.code, ErrorCode::InvalidConstraint);
        assert_eq!(workshop.lost(), 1);
        workshop.set_limit(PATIENCE);
        workshop.take(4, constraint("a"), "four").unwrap();
        assert_eq!(settle(&mut workshop, 1)[0].1, Ok(("four", "a".to_owned())));
        // What comes back after all is no longer lost.
        drop(open);
        let begun = Instant::now();
        while workshop.lost() > 0 {
            assert!(workshop.settle().is_empty());
            assert!(begun.elapsed() < Duration::from_secs(20));
            std::thread::yield_now();
        }
        workshop.take(5, constraint("x"), "five").unwrap();
        assert_eq!(settle(&mut workshop, 1)[0].1, Ok(("five", "x".to_owned())));
    }

    #[test]
    fn with_as_many_lost_as_may_only_new_constraints_are_refused_and_only_for_a_while() {
        let (mut workshop, open) = workshop(Duration::ZERO);
        let most = u64::try_from(MOST).unwrap();
        for request in 1..=most {
            workshop.take(request, constraint(&format!("x{request}")), "lost").unwrap();
        }
        workshop.take(100, constraint("queued"), "queued").unwrap();
        let settled = settle(&mut workshop, MOST + 1);
        for lost in &settled[..MOST] {
            check_error(lost, ErrorCode::InvalidConstraint, "more than 0 s");
        }
        check_error(&settled[MOST], ErrorCode::Overloaded, "6 constraints");
        assert_eq!(workshop.lost(), MOST);
        let refused = workshop.take(101, constraint("new"), "new").unwrap_err();
        assert_eq!((refused.code, refused.retry_after), (ErrorCode::Overloaded, Some(AGAIN)));
        workshop.set_limit(PATIENCE);
        // One comes back, and there is room again.
        open.send(()).unwrap();
        let begun = Instant::now();
        while workshop.lost() == MOST {
            workshop.settle();
            assert!(begun.elapsed() < Duration::from_secs(20));
            std::thread::yield_now();
        }
        workshop.take(102, constraint("new"), "new").unwrap();
        assert_eq!(settle(&mut workshop, 1)[0].1, Ok(("new", "new".to_owned())));
    }

    #[test]
    fn a_cancelled_request_is_let_go() {
        let (mut workshop, _open) = workshop(PATIENCE);
        for (request, source) in [(1, "x1"), (2, "x2"), (3, "a"), (4, "a")] {
            workshop.take(request, constraint(source), "waits").unwrap();
        }
        assert!(workshop.settle().is_empty());
        assert_eq!(workshop.cancel(3), Some("waits"));
        assert_eq!(workshop.cancel(3), None);
        assert_eq!(workshop.works.len(), 3);
        workshop.cancel(4);
        workshop.cancel(1);
        // Nobody waits for what was queued any more, and what runs is awaited by its thread alone.
        assert_eq!((workshop.works.len(), workshop.waiting()), (2, 1));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_lost_thread_has_what_the_others_leave() {
        let (open, gate) = sync_channel::<()>(0);
        let gate = Mutex::new(gate);
        let (tell, told) = sync_channel(1);
        let compile = move |_: &Constraint| {
            let _ = gate.lock().unwrap_or_else(std::sync::PoisonError::into_inner).recv();
            let _ = tell.send(rustix::process::getpriority_process(None).unwrap());
            Ok(String::new())
        };
        let mut workshop = Workshop::new(compile, PATIENCE);
        workshop.take(1, constraint("a"), "one").unwrap();
        workshop.settle();
        let begun = Instant::now();
        while workshop.works[0].thread.load(Ordering::Relaxed) == 0 {
            assert!(begun.elapsed() < Duration::from_secs(20));
            std::thread::yield_now();
        }
        workshop.set_limit(Duration::ZERO);
        settle(&mut workshop, 1);
        drop(open);
        assert_eq!(told.recv_timeout(Duration::from_secs(20)).unwrap(), 19);
    }
}
