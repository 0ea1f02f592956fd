//! Threads that tokenize long texts beside the decoding one.
//!
//! How long a text takes is bounded by its length, so every one of them is awaited.

use std::panic::AssertUnwindSafe;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use engine_protocol::{EngineError, ErrorCode, Generate, RequestId, Tokenize};

use crate::request::{Preparer, Ready};

/// Threads that work at a time.
const THREADS: usize = 2;
/// Some vocabularies split text by expressions, whose matching recurses; this is only reserved, not
/// used.
const STACK: usize = 256 << 20;

/// Something to make ready.
pub(crate) enum Job {
    /// Gone with its request.
    Generate(Box<Generate>, Weak<()>),
    Tokenize(Tokenize),
}

/// Something that is ready, or cannot be.
pub(crate) enum Done {
    Generate(RequestId, Result<Ready, EngineError>),
    Tokenize(RequestId, Result<Vec<u32>, EngineError>),
}

type Work = dyn Fn(Job) -> Done + Send + Sync;

/// What the threads share.
struct Shared {
    queue: Mutex<Receiver<Job>>,
    finished: SyncSender<Done>,
    work: Box<Work>,
}

/// The threads.
pub(crate) struct Pool {
    jobs: SyncSender<Job>,
    done: Receiver<Done>,
}

impl Pool {
    /// A pool for at most `places` jobs.
    ///
    /// # Errors
    /// No thread can be started.
    pub(crate) fn new(
        work: impl Fn(Job) -> Done + Send + Sync + 'static,
        places: usize,
    ) -> std::io::Result<Self> {
        let (jobs, queue) = sync_channel(places.max(1));
        let (finished, done) = sync_channel(places.max(1) + THREADS);
        let queue = Mutex::new(queue);
        let shared = Arc::new(Shared { queue, finished, work: Box::new(work) });
        for _ in 0..THREADS {
            let shared = Arc::clone(&shared);
            let builder = std::thread::Builder::new().name("prepare".into()).stack_size(STACK);
            builder.spawn(move || while shared.one() {})?;
        }
        Ok(Self { jobs, done })
    }

    /// Hands over a job; `false` where there is no place for it.
    pub(crate) fn start(&self, job: Job) -> bool {
        self.jobs.try_send(job).is_ok()
    }

    /// The next thing that has become ready.
    pub(crate) fn finished(&self) -> Option<Done> {
        self.done.try_recv().ok()
    }
}

impl Shared {
    /// Does one job; `false` where the thread is to end.
    fn one(&self) -> bool {
        let job = self.queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return false };
        // Whoever cancels a request does not leave its work to others.
        if matches!(&job, Job::Generate(_, alive) if alive.strong_count() == 0) {
            return true;
        }
        self.finished.send((self.work)(job)).is_ok()
    }
}

/// Makes a request ready.
pub(crate) fn work(preparer: &Preparer, job: Job) -> Done {
    match job {
        Job::Generate(generate, _) => {
            let request = generate.request;
            Done::Generate(request, guarded(|| preparer.prepare(generate)))
        }
        Job::Tokenize(tokenize) => {
            Done::Tokenize(tokenize.request, guarded(|| preparer.tokenize(&tokenize.prompt)))
        }
    }
}

/// A fault in a library that reads a request must end that request only.
pub(crate) fn guarded<T>(work: impl FnOnce() -> Result<T, EngineError>) -> Result<T, EngineError> {
    std::panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        Err(EngineError::new(
            ErrorCode::Internal,
            "reading the request failed; see the engine's log",
        ))
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use engine_protocol::{Prompt, Sampling};

    use super::*;

    fn job(request: RequestId, alive: &Arc<()>) -> Job {
        let generate = Generate {
            request,
            prompt: Prompt::default(),
            sampling: Sampling::default(),
            sequences: 1,
            max_tokens: None,
            stop: Vec::new(),
            stop_tokens: Vec::new(),
            constraint: None,
            logprobs: None,
            lora: None,
            cache_salt: String::new(),
        };
        Job::Generate(Box::new(generate), Arc::downgrade(alive))
    }

    #[test]
    fn the_work_of_requests_that_are_gone_is_left_out() {
        let (open, gate) = sync_channel::<()>(0);
        let gate = Mutex::new(gate);
        let worked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&worked);
        let work = move |job| {
            let Job::Generate(generate, _) = job else { panic!("not a generation") };
            let _ = gate.lock().unwrap_or_else(PoisonError::into_inner).recv();
            count.fetch_add(1, Ordering::Relaxed);
            let error = EngineError::new(ErrorCode::Internal, "only a test");
            Done::Generate(generate.request, Err(error))
        };
        let pool = Pool::new(work, 16).unwrap();
        let (stays, goes) = (Arc::new(()), Arc::new(()));
        // Both threads stand before the gate, and the others wait behind them.
        for request in 1..=2 {
            assert!(pool.start(job(request, &stays)));
        }
        for request in 3..=10 {
            assert!(pool.start(job(request, &goes)));
        }
        assert!(pool.start(job(11, &stays)));
        drop(goes);
        drop(open);
        let mut done: Vec<RequestId> = (0..3)
            .map(|_| match pool.done.recv_timeout(Duration::from_secs(20)).unwrap() {
                Done::Generate(request, _) | Done::Tokenize(request, _) => request,
            })
            .collect();
        done.sort_unstable();
        assert_eq!(done, [1, 2, 11]);
        assert_eq!(worked.load(Ordering::Relaxed), 3);
    }
}
