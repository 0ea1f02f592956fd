//! Threads that make requests ready beside the decoding one.

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use engine_protocol::{EngineError, ErrorCode, Generate, RequestId, Tokenize};

use crate::request::{Preparer, Ready};

/// Threads that work at a time.
const THREADS: usize = 2;
/// Threads that may be lost in work that does not end.
const MOST_LOST: usize = 4;
/// Reading a grammar recurses; this is only reserved, not used.
const STACK: usize = 256 << 20;

/// Something to make ready.
pub(crate) enum Job {
    Generate(Box<Generate>),
    Tokenize(Tokenize),
}

/// Something that is being made ready, is ready, or cannot be.
pub(crate) enum Done {
    Begun(RequestId),
    Generate(RequestId, Result<Ready, EngineError>),
    Tokenize(RequestId, Result<Vec<u32>, EngineError>),
}

type Work = dyn Fn(Job) -> Done + Send + Sync;

/// What the threads share.
struct Shared {
    queue: Mutex<Receiver<Job>>,
    finished: SyncSender<Done>,
    /// Requests whose threads have been replaced.
    lost: Mutex<HashSet<RequestId>>,
    work: Box<Work>,
}

/// The threads. One that does not come back is replaced; if it does after all, it ends.
pub(crate) struct Pool {
    jobs: SyncSender<Job>,
    done: Receiver<Done>,
    shared: Arc<Shared>,
}

/// Too many threads are lost.
#[derive(Debug, thiserror::Error)]
#[error(
    "{MOST_LOST} threads are lost in constraints that do not finish compiling, which is as many \
     as may"
)]
pub(crate) struct Exhausted;

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
        let (finished, done) = sync_channel(2 * (places.max(1) + THREADS));
        let shared = Arc::new(Shared {
            queue: Mutex::new(queue),
            finished,
            lost: Mutex::default(),
            work: Box::new(work),
        });
        let pool = Self { jobs, done, shared };
        for _ in 0..THREADS {
            pool.spawn()?;
        }
        Ok(pool)
    }

    /// Hands over a job; `false` where there is no place for it.
    pub(crate) fn start(&self, job: Job) -> bool {
        self.jobs.try_send(job).is_ok()
    }

    /// The next thing that has become ready.
    pub(crate) fn finished(&self) -> Option<Done> {
        let done = self.done.try_recv().ok()?;
        // A thread that was done just as it was replaced is not lost.
        if let Done::Generate(request, _) = &done {
            self.shared.lost().remove(request);
        }
        Some(done)
    }

    /// Replaces the thread that works on a request and does not finish.
    ///
    /// # Errors
    /// As many have been lost as may, or no other can be started.
    pub(crate) fn replace(&self, request: RequestId) -> Result<(), Exhausted> {
        let mut lost = self.shared.lost();
        if lost.len() >= MOST_LOST {
            return Err(Exhausted);
        }
        tracing::error!(request, "a thread is lost in a constraint; another takes its place");
        self.spawn().map_err(|_| Exhausted)?;
        lost.insert(request);
        Ok(())
    }

    fn spawn(&self) -> std::io::Result<()> {
        let shared = Arc::clone(&self.shared);
        let builder = std::thread::Builder::new().name("prepare".into()).stack_size(STACK);
        builder.spawn(move || while shared.one() {})?;
        Ok(())
    }
}

impl Shared {
    fn lost(&self) -> std::sync::MutexGuard<'_, HashSet<RequestId>> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does one job; `false` where the thread is to end.
    fn one(&self) -> bool {
        let job = self.queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return false };
        let request = match &job {
            Job::Generate(generate) => Some(generate.request),
            Job::Tokenize(_) => None,
        };
        if let Some(request) = request
            && self.finished.send(Done::Begun(request)).is_err()
        {
            return false;
        }
        let done = (self.work)(job);
        let replaced = request.is_some_and(|request| self.lost().remove(&request));
        !replaced && self.finished.send(done).is_ok()
    }
}

/// Makes a request ready.
pub(crate) fn work(preparer: &Preparer, job: Job) -> Done {
    match job {
        Job::Generate(generate) => {
            let request = generate.request;
            Done::Generate(request, guarded(|| preparer.prepare(generate)))
        }
        Job::Tokenize(tokenize) => {
            Done::Tokenize(tokenize.request, guarded(|| preparer.tokenize(&tokenize.prompt)))
        }
    }
}

/// A fault in a library that reads a request must end that request only.
fn guarded<T>(work: impl FnOnce() -> Result<T, EngineError>) -> Result<T, EngineError> {
    std::panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        Err(EngineError::new(
            ErrorCode::Internal,
            "reading the request failed; see the engine's log",
        ))
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use engine_protocol::{Prompt, Sampling};

    use super::*;

    fn job(request: RequestId) -> Job {
        Job::Generate(Box::new(Generate {
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
        }))
    }

    fn next(pool: &Pool) -> (bool, RequestId) {
        match pool.done.recv_timeout(Duration::from_secs(20)).unwrap() {
            Done::Begun(request) => (false, request),
            Done::Generate(request, _) | Done::Tokenize(request, _) => (true, request),
        }
    }

    #[test]
    fn lost_threads_are_replaced_until_too_many_are() {
        let (open, gate) = sync_channel::<()>(0);
        let gate = Mutex::new(gate);
        // Requests below 100 do not end until the gate is gone.
        let work = move |job| {
            let Job::Generate(generate) = job else { panic!("not a generation") };
            if generate.request < 100 {
                let _ = gate.lock().unwrap_or_else(PoisonError::into_inner).recv();
            }
            let error = EngineError::new(ErrorCode::Internal, "only a test");
            Done::Generate(generate.request, Err(error))
        };
        let pool = Pool::new(work, 16).unwrap();
        let most = u64::try_from(MOST_LOST).unwrap();
        for request in 1..=most {
            assert!(pool.start(job(request)));
            assert_eq!(next(&pool), (false, request));
            pool.replace(request).unwrap();
            // Others are served.
            assert!(pool.start(job(100 + request)));
            assert_eq!(next(&pool), (false, 100 + request));
            assert_eq!(next(&pool), (true, 100 + request));
        }
        assert!(pool.start(job(50)));
        assert_eq!(next(&pool), (false, 50));
        assert!(pool.replace(50).unwrap_err().to_string().contains("4 threads"));
        // What comes back ends, and makes room for further losses.
        drop(open);
        assert_eq!(next(&pool), (true, 50));
    }
}
