//! A launched model and its replicas.

use std::{path::Path, sync::Arc};

use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    ModelState, ModelStatus, SupervisorError, WorkerSpec,
    link::Link,
    replica::{Common, Replica},
};

/// A launched model.
#[derive(Debug)]
pub(crate) struct ModelEntry {
    spec: Arc<WorkerSpec>,
    replicas: Vec<Arc<Replica>>,
    stop: CancellationToken,
    tasks: TaskTracker,
    /// A place for one request that is begun once more.
    turns: Arc<Semaphore>,
}

impl ModelEntry {
    /// Starts the model's replicas, with sockets in `sockets`.
    pub(crate) fn start(spec: WorkerSpec, common: &Common, sockets: &Path, serial: u64) -> Self {
        let spec = Arc::new(spec);
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let replicas: Vec<_> = (0..spec.replicas.max(1))
            .map(|index| Arc::new(Replica::new(Arc::clone(&spec), index, common.clone())))
            .collect();
        for (index, replica) in replicas.iter().enumerate() {
            let (replica, stop) = (Arc::clone(replica), stop.clone());
            let socket = sockets.join(format!("{serial}-{index}"));
            tasks.spawn(async move { replica.keep(&socket, &stop).await });
        }
        tasks.close();
        Self { spec, replicas, stop, tasks, turns: Arc::new(Semaphore::new(1)) }
    }

    pub(crate) fn status(&self) -> ModelStatus {
        let replicas = self.replicas.iter().map(|replica| replica.status()).collect();
        ModelStatus::of(self.spec.uid.clone(), replicas)
    }

    /// The last lines of its workers' logs, replica by replica.
    pub(crate) fn log(&self) -> Vec<String> {
        self.replicas.iter().flat_map(|replica| replica.log().lines()).collect()
    }

    /// The ready worker with the fewest requests.
    pub(crate) fn idlest(&self) -> Option<Arc<Link>> {
        self.replicas
            .iter()
            .filter_map(|replica| replica.link())
            .min_by_key(|link| link.in_flight())
    }

    /// The worker in one of the places, where it is ready.
    pub(crate) fn in_place(&self, replica: u32) -> Option<Arc<Link>> {
        self.replicas.get(usize::try_from(replica).ok()?)?.link()
    }

    /// Whose turn it is to be begun once more.
    pub(crate) fn turns(&self) -> Arc<Semaphore> {
        Arc::clone(&self.turns)
    }

    /// Why no worker takes a request.
    pub(crate) fn unready(&self) -> SupervisorError {
        let status = self.status();
        let retry_after = status.retry_after();
        let ModelStatus { uid, state, progress, error, .. } = status;
        match state {
            ModelState::Error => {
                SupervisorError::ModelFailed { uid, cause: error.unwrap_or_default() }
            }
            ModelState::Terminating => SupervisorError::Terminated { uid },
            ModelState::Creating | ModelState::Loading | ModelState::Ready => {
                SupervisorError::Loading { uid, progress, cause: error, retry_after }
            }
        }
    }

    /// Whether every replica has failed, so that another model may take the name.
    pub(crate) fn is_over(&self) -> bool {
        self.replicas.iter().all(|replica| replica.status().state == ModelState::Error)
    }

    /// Begins to end all workers.
    pub(crate) fn stop(&self) {
        self.replicas.iter().for_each(|replica| replica.terminating());
        self.stop.cancel();
    }

    /// Waits until all workers have ended.
    pub(crate) async fn stopped(&self) {
        self.tasks.wait().await;
    }
}
