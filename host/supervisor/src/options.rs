//! What a supervisor and its workers are given.

use std::{path::PathBuf, time::Duration};

use engine_protocol::Load;
use model::ModelUid;

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
        let runtime_dir = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
        // In a container the variable may name a folder that is not there.
        let runtime_dir = runtime_dir.filter(|dir| dir.is_dir()).unwrap_or_else(std::env::temp_dir);
        Self {
            runtime_dir,
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
