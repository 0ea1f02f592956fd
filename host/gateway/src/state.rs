//! What every handler shares.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use inference::Inference;
use telemetry::Recorder;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::{budget::BodyBudget, error::ApiError};

/// Whose web pages may call the server, beside its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origins {
    /// Pages and applications of the machine that they are shown on; see the module `pages`.
    #[default]
    Local,
    /// Everybody's.
    Any,
    /// Those of the origins listed, such as `https://chat.example.com`.
    Only(Vec<String>),
}

/// How the gateway answers.
#[derive(Clone)]
pub struct Options {
    /// The address that the server listens on; `/v1/address` and descriptions show it.
    pub listen: SocketAddr,
    /// Keys that clients must send one of; empty: none is needed.
    pub api_keys: Vec<String>,
    /// Further names by which clients reach the server when it listens on this machine alone; see
    /// the module `guard`.
    pub allowed_hosts: Vec<String>,
    /// Web pages that may call the server, beside its own.
    pub allowed_origins: Origins,
    /// The greatest size of a request's body, in bytes.
    pub body_limit: usize,
    /// The greatest size of a recording, in bytes.
    pub upload_limit: u64,
    /// Inference requests at the same time; more are refused at once.
    pub max_requests: usize,
    /// Connections at the same time; more are refused at once.
    pub max_connections: usize,
    /// How long a request's head may take to arrive, and how long a connection may idle.
    pub head_timeout: Duration,
    /// How long a request's body may take to arrive.
    pub arrival_timeout: Duration,
    /// How long a client may refuse to read its answer.
    pub stall_timeout: Duration,
    /// Where metrics are kept; without it `/metrics` is empty.
    pub recorder: Option<Recorder>,
}

impl Options {
    /// What a laptop can live with.
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            api_keys: Vec::new(),
            allowed_hosts: Vec::new(),
            allowed_origins: Origins::Local,
            body_limit: 8 << 20,
            upload_limit: 200 << 20,
            max_requests: 1024,
            max_connections: 2048,
            head_timeout: Duration::from_secs(20),
            arrival_timeout: Duration::from_mins(2),
            stall_timeout: Duration::from_mins(1),
            recorder: None,
        }
    }
}

/// The host's version.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What every handler shares.
pub(crate) struct Shared {
    pub(crate) inference: Inference,
    pub(crate) options: Options,
    pub(crate) started: Instant,
    /// Cancelled when the time to drain is over; what still runs then ends with an error.
    pub(crate) stop: CancellationToken,
    /// Cancelled when the server begins to drain.
    pub(crate) draining: CancellationToken,
    requests: Arc<Semaphore>,
    /// What bodies may hold, before a request has its place.
    pub(crate) bodies: BodyBudget,
    /// What recordings may take on the disk.
    pub(crate) uploads: BodyBudget,
    /// The processors' load is measured from one question to the next.
    load: Mutex<sysinfo::System>,
}

impl Shared {
    pub(crate) fn new(inference: Inference, options: Options) -> Self {
        Self {
            inference,
            started: Instant::now(),
            stop: CancellationToken::new(),
            draining: CancellationToken::new(),
            requests: Arc::new(Semaphore::new(options.max_requests.max(1))),
            bodies: BodyBudget::new(options.body_limit),
            uploads: BodyBudget::new(usize::try_from(options.upload_limit).unwrap_or(usize::MAX)),
            load: Mutex::new(sysinfo::System::new()),
            options,
        }
    }

    /// The part of the processors' time that was used since the last question, from 0 to 1.
    pub(crate) fn cpu_usage(&self) -> f32 {
        let mut load = self.load.lock().unwrap_or_else(PoisonError::into_inner);
        load.refresh_cpu_usage();
        (load.global_cpu_usage() / 100.0).clamp(0.0, 1.0)
    }

    /// A place for one inference request, held until its answer has ended.
    pub(crate) fn place(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        Arc::clone(&self.requests).try_acquire_owned().map_err(|_| {
            let limit = self.options.max_requests;
            let message =
                format!("the server answers {limit} requests already, which is its limit");
            ApiError::new(axum::http::StatusCode::TOO_MANY_REQUESTS, message)
                .code("overloaded")
                .retry_after(1)
        })
    }
}
