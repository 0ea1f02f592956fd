//! What a supervisor and its workers are given.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use engine_protocol::Load;
use model::ModelUid;

use crate::Cause;

/// How a supervisor works, whatever the model.
#[derive(Clone, Debug)]
pub struct Options {
    /// The folder for the workers' sockets; a folder that only this user can enter is made in it.
    /// Its path should be short: a socket's path has at most 103 bytes.
    pub runtime_dir: PathBuf,
    /// How long a worker may take from its start to its greeting.
    pub start_limit: Duration,
    /// How long a worker that loads may stay without any sign of progress.
    pub load_stall: Duration,
    /// How long a worker may take to exit when asked to, before it is killed.
    pub exit_grace: Duration,
    /// How long a request waits for a model that has served and is being started again.
    pub restart_wait: Duration,
    /// Requests and cancellations that may wait to be written to one worker; as many may wait for
    /// workers that are started again.
    pub command_queue: usize,
    /// Events that may wait for one request's consumer; at one more the request is cancelled.
    pub event_queue: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            // Not the user's runtime folder: it goes when the user logs out, and a host that was
            // left running could not start a worker again.
            runtime_dir: std::env::temp_dir(),
            start_limit: Duration::from_secs(30),
            load_stall: Duration::from_mins(10),
            exit_grace: Duration::from_secs(5),
            restart_wait: Duration::from_secs(15),
            command_queue: 1024,
            event_queue: 4096,
        }
    }
}

/// A model to run.
#[derive(Clone, Debug)]
pub struct WorkerSpec {
    /// The name under which requests reach it.
    pub uid: ModelUid,
    /// The engine's executable.
    pub program: PathBuf,
    /// Its arguments, beside `--socket`.
    pub args: Vec<String>,
    /// Environment variables for it; it inherits none but a few that concern paths, language and
    /// devices.
    pub env: Vec<(String, String)>,
    /// What it loads, and how.
    pub load: Load,
    /// How many workers hold the model; at least 1.
    pub replicas: u32,
    /// What happens when a worker dies.
    pub restart: RestartPolicy,
    /// How long a ready worker may be silent before it is taken for hung.
    pub hang_after: Duration,
    /// What is looked at before each start of a worker.
    pub check: Check,
}

/// What is looked at before a worker is started: whether its files are still those that were
/// validated, for instance.
#[derive(Clone, Default)]
pub struct Check(Option<Arc<dyn Fn() -> Result<(), Cause> + Send + Sync>>);

impl Check {
    /// A check, which may block.
    pub fn new(check: impl Fn() -> Result<(), Cause> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(check)))
    }

    pub(crate) async fn run(&self) -> Result<(), Cause> {
        let Some(check) = self.0.clone() else { return Ok(()) };
        let checked = tokio::task::spawn_blocking(move || check()).await;
        checked.unwrap_or_else(|error| Err(Cause::told(format!("the check broke: {error}"))))
    }
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Check").field(&self.0.is_some()).finish()
    }
}

impl WorkerSpec {
    /// One replica with the usual policies.
    pub fn new(uid: ModelUid, program: impl Into<PathBuf>, load: Load) -> Self {
        Self {
            uid,
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            load,
            replicas: 1,
            restart: RestartPolicy::default(),
            hang_after: Duration::from_secs(30),
            check: Check::default(),
        }
    }
}

/// What happens when a worker dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestartPolicy {
    /// The wait before the first restart; it doubles with each crash.
    pub first_delay: Duration,
    /// The longest wait between restarts.
    pub max_delay: Duration,
    /// With so many crashes within `window` the supervisor gives up until as long has passed.
    pub max_crashes: u32,
    /// The time in which crashes are counted.
    pub window: Duration,
    /// A worker that was ready for so long starts with a clean record.
    pub healthy_after: Duration,
}

impl Default for RestartPolicy {
    fn default() -> Self {
        Self {
            first_delay: Duration::from_millis(500),
            max_delay: Duration::from_secs(30),
            max_crashes: 5,
            window: Duration::from_mins(10),
            healthy_after: Duration::from_mins(2),
        }
    }
}
