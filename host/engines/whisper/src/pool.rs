//! The threads that compute.
//!
//! Each worker has a thread of its own and takes one job at a time. How many threads a job computes
//! on is said with it; the pool keeps the sum within its bound. A job that panics costs its worker
//! nothing but its state; a job that shows no sign of life is given up, with its worker.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::native::Pulse;

/// What does the jobs of one worker.
pub(crate) trait Runner {
    /// A job.
    type Job: Send + 'static;
    /// What comes of one; there may be several in a job.
    type News: Send + 'static;

    /// Does a job; `say` passes on what comes of it before its end.
    fn run(&mut self, job: Self::Job, pulse: &Pulse, say: &mut dyn FnMut(Self::News))
    -> Self::News;
}

/// What a worker reports.
#[derive(Debug)]
pub(crate) struct Report<N> {
    pub(crate) worker: WorkerId,
    pub(crate) what: What<N>,
}

/// What has become of a job.
#[derive(Debug)]
pub(crate) enum What<N> {
    /// Something came of it, and it goes on.
    News(N),
    /// It is done.
    Done(N),
    /// It panicked.
    Panicked(String),
}

/// A worker's number; never given twice.
pub(crate) type WorkerId = u64;

/// A job that a worker is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Busy {
    owner: u64,
    threads: u32,
    since: Instant,
}

struct Worker<J> {
    id: WorkerId,
    jobs: SyncSender<J>,
    pulse: Arc<Pulse>,
    busy: Option<Busy>,
}

/// Where reports go; `false`: nobody takes them any more.
pub(crate) type Sink<N> = Arc<dyn Fn(Report<N>) -> bool + Send + Sync>;

type Spawn<J> = Box<dyn Fn(WorkerId, Receiver<J>, Arc<Pulse>)>;

/// The workers.
pub(crate) struct Pool<J> {
    workers: Vec<Worker<J>>,
    threads: u32,
    next: WorkerId,
    /// Workers that were given up.
    lost: u32,
    spawn: Spawn<J>,
}

impl<J: Send + 'static> Pool<J> {
    /// As many workers as `count`, which compute on as many threads as `threads` together.
    pub(crate) fn new<R>(
        count: u32,
        threads: u32,
        reports: Sink<R::News>,
        runner: impl Fn() -> R + Send + Sync + 'static,
    ) -> Self
    where
        R: Runner<Job = J>,
    {
        let runner = Arc::new(runner);
        let spawn: Spawn<J> = Box::new(move |id, jobs, pulse| {
            let (runner, reports) = (Arc::clone(&runner), Arc::clone(&reports));
            let work = move || work(id, &jobs, &pulse, &reports, &*runner);
            if let Err(error) = thread::Builder::new().name(format!("worker-{id}")).spawn(work) {
                tracing::error!("a thread cannot be started: {error}");
            }
        });
        let mut pool = Self { workers: Vec::new(), threads, next: 0, lost: 0, spawn };
        for _ in 0..count {
            pool.add();
        }
        pool
    }

    /// Workers that have nothing to do.
    pub(crate) fn idle(&self) -> u32 {
        count(self.workers.iter().filter(|worker| worker.busy.is_none()))
    }

    /// Workers that have something to do.
    pub(crate) fn busy(&self) -> u32 {
        count(self.workers.iter().filter(|worker| worker.busy.is_some()))
    }

    /// Threads that nobody computes on.
    pub(crate) fn free_threads(&self) -> u32 {
        let taken: u32 = self.workers.iter().filter_map(|worker| Some(worker.busy?.threads)).sum();
        self.threads.saturating_sub(taken)
    }

    /// For how long the workers have been at their jobs.
    pub(crate) fn since(&self) -> impl Iterator<Item = Duration> {
        self.workers.iter().filter_map(|worker| Some(worker.busy?.since.elapsed()))
    }

    /// How many workers were given up.
    pub(crate) fn lost(&self) -> u32 {
        self.lost
    }

    /// Gives a job to an idle worker; `false`: there is none.
    pub(crate) fn give(&mut self, owner: u64, threads: u32, job: J) -> bool {
        let Some(worker) = self.workers.iter_mut().find(|worker| worker.busy.is_none()) else {
            return false;
        };
        worker.pulse.beat();
        if worker.jobs.try_send(job).is_err() {
            return false;
        }
        worker.busy = Some(Busy { owner, threads, since: Instant::now() });
        true
    }

    /// Enters what a worker has reported; gives the owner of its job, unless it was given up.
    pub(crate) fn owner<N>(&mut self, report: &Report<N>) -> Option<u64> {
        let worker = self.workers.iter_mut().find(|worker| worker.id == report.worker)?;
        let owner = worker.busy?.owner;
        if !matches!(report.what, What::News(_)) {
            worker.busy = None;
        }
        Some(owner)
    }

    /// Gives up workers that have been silent for longer than `limit`; gives their jobs' owners.
    pub(crate) fn give_up(&mut self, limit: Duration) -> Vec<u64> {
        let hung = |worker: &Worker<J>| worker.busy.is_some() && worker.pulse.silence() > limit;
        let (hung, live): (Vec<_>, Vec<_>) = self.workers.drain(..).partition(hung);
        self.workers = live;
        for _ in &hung {
            self.lost += 1;
            self.add();
        }
        hung.into_iter().filter_map(|worker| Some(worker.busy?.owner)).collect()
    }

    fn add(&mut self) {
        let (jobs, take) = sync_channel(1);
        let pulse = Arc::new(Pulse::default());
        let id = self.next;
        self.next += 1;
        (self.spawn)(id, take, Arc::clone(&pulse));
        self.workers.push(Worker { id, jobs, pulse, busy: None });
    }
}

fn count(workers: impl Iterator) -> u32 {
    u32::try_from(workers.count()).unwrap_or(u32::MAX)
}

fn work<R: Runner>(
    id: WorkerId,
    jobs: &Receiver<R::Job>,
    pulse: &Pulse,
    reports: &Sink<R::News>,
    make: &dyn Fn() -> R,
) {
    let mut runner = None;
    while let Ok(job) = jobs.recv() {
        pulse.beat();
        let result = catch_unwind(AssertUnwindSafe(|| {
            let mut say = |news| {
                reports(Report { worker: id, what: What::News(news) });
            };
            runner.get_or_insert_with(make).run(job, pulse, &mut say)
        }));
        let what = match result {
            Ok(news) => What::Done(news),
            Err(panic) => {
                // What it left behind is not to be trusted.
                runner = None;
                let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
                let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
                What::Panicked(text.unwrap_or_else(|| "it gave no reason".into()))
            }
        };
        if !reports(Report { worker: id, what }) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    enum Task {
        Double(u32),
        Panic,
        /// Waits until the other end is gone.
        Hang(Receiver<()>),
    }

    #[derive(Default)]
    struct Machine {
        done: u32,
    }

    impl Runner for Machine {
        type Job = Task;
        type News = u32;

        fn run(&mut self, job: Task, _: &Pulse, say: &mut dyn FnMut(u32)) -> u32 {
            match job {
                Task::Double(value) => {
                    self.done += 1;
                    say(self.done);
                    value * 2
                }
                Task::Panic => panic!("on purpose"),
                Task::Hang(wait) => {
                    let _ = wait.recv();
                    0
                }
            }
        }
    }

    fn pool(count: u32) -> (Pool<Task>, Receiver<Report<u32>>) {
        let (reports, from) = sync_channel(16);
        let sink: Sink<u32> = Arc::new(move |report| reports.send(report).is_ok());
        (Pool::new(count, 4, sink, Machine::default), from)
    }

    #[test]
    fn a_job_is_done_and_its_threads_are_free_again() {
        let (mut pool, reports) = pool(2);
        assert!(pool.give(7, 3, Task::Double(21)));
        assert_eq!((pool.idle(), pool.free_threads()), (1, 1));
        let first = reports.recv().unwrap();
        assert!(matches!(first.what, What::News(1)));
        assert_eq!(pool.owner(&first), Some(7));
        assert_eq!(pool.busy(), 1);
        let last = reports.recv().unwrap();
        assert!(matches!(last.what, What::Done(42)));
        assert_eq!(pool.owner(&last), Some(7));
        assert_eq!((pool.idle(), pool.free_threads()), (2, 4));
    }

    #[test]
    fn a_panic_costs_one_job() {
        let (mut pool, reports) = pool(1);
        pool.give(1, 1, Task::Panic);
        let report = reports.recv().unwrap();
        assert!(matches!(&report.what, What::Panicked(text) if text == "on purpose"));
        assert_eq!(pool.owner(&report), Some(1));
        assert!(pool.give(2, 1, Task::Double(1)));
        // With a new state: the first job of its runner.
        assert!(matches!(reports.recv().unwrap().what, What::News(1)));
    }

    #[test]
    fn a_job_that_hangs_is_given_up_and_others_go_on() {
        let (mut pool, reports) = pool(1);
        let (release, wait) = sync_channel::<()>(1);
        pool.give(1, 4, Task::Hang(wait));
        assert!(!pool.give(2, 1, Task::Double(1)));
        assert!(pool.give_up(Duration::from_hours(1)).is_empty());
        let mut hung = Vec::new();
        while hung.is_empty() {
            hung = pool.give_up(Duration::ZERO);
        }
        assert_eq!((hung, pool.lost()), (vec![1], 1));
        assert!(pool.give(2, 1, Task::Double(1)));
        assert_eq!(pool.owner(&reports.recv().unwrap()), Some(2));
        // What it says when it comes back after all is for nobody.
        drop(release);
        let late = loop {
            let report = reports.recv().unwrap();
            if report.worker == 0 {
                break report;
            }
        };
        assert_eq!(pool.owner(&late), None);
    }
}
