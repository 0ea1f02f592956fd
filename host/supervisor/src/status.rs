//! What is known of a model and its workers at one moment.

use std::time::{Duration, SystemTime};

use engine_protocol::{LoadedModel, WorkerStats};
use model::ModelUid;

use crate::Cause;

/// After how long another try makes sense while a model loads for the first time, which reads the
/// weights from the disk.
const FIRST_LOAD: Duration = Duration::from_secs(30);
/// The same after a crash, when the weights are still in memory.
const RESTART: Duration = Duration::from_secs(2);

/// Where a model or one of its replicas is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ModelState {
    /// The process is being started, or waits to be started again.
    #[default]
    Creating,
    /// The process reads the weights.
    Loading,
    /// Requests are answered.
    Ready,
    /// It does not run, and nobody tries any more.
    Error,
    /// It is being ended.
    Terminating,
}

/// One worker.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplicaStatus {
    /// Its number within the model, from 0.
    pub index: u32,
    /// Where it is in its life.
    pub state: ModelState,
    /// How far loading is, from 0 to 1.
    pub progress: f32,
    /// Why it does not run, or why the worker before it died.
    pub error: Option<Cause>,
    /// The process, while there is one.
    pub pid: Option<u32>,
    /// The engine's name and version, once it has greeted.
    pub engine: Option<String>,
    /// What the engine says of the model, once it is loaded.
    pub loaded: Option<LoadedModel>,
    /// The engine's figures; what it counts goes on counting over restarts.
    pub stats: WorkerStats,
    /// Requests that this replica works on.
    pub in_flight: usize,
    /// How often it was started again.
    pub restarts: u32,
    /// When it came into this state.
    pub since: SystemTime,
}

/// A launched model.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelStatus {
    /// Its name.
    pub uid: ModelUid,
    /// The state of the replica that is furthest.
    pub state: ModelState,
    /// How far loading is, from 0 to 1.
    pub progress: f32,
    /// Why it does not run, or why the last worker died; while another replica serves, too.
    pub error: Option<Cause>,
    /// What the engine says of the model, once it is loaded.
    pub loaded: Option<LoadedModel>,
    /// The engines' figures, summed over the replicas.
    pub stats: WorkerStats,
    /// Requests that its workers work on.
    pub in_flight: usize,
    /// How often its workers were started again.
    pub restarts: u32,
    /// Since when it is in this state.
    pub since: SystemTime,
    /// Its workers.
    pub replicas: Vec<ReplicaStatus>,
}

impl ReplicaStatus {
    pub(crate) fn new(index: u32) -> Self {
        Self {
            index,
            state: ModelState::Creating,
            progress: 0.0,
            error: None,
            pid: None,
            engine: None,
            loaded: None,
            stats: WorkerStats::default(),
            in_flight: 0,
            restarts: 0,
            since: SystemTime::now(),
        }
    }
}

impl ModelStatus {
    /// After how long another try makes sense while it is not ready.
    pub fn retry_after(&self) -> Duration {
        // What the engine said of the model outlives the worker.
        if self.loaded.is_some() { RESTART } else { FIRST_LOAD }
    }

    /// Whether it does not run, and nobody tries to change that for now.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.state, ModelState::Error | ModelState::Terminating)
    }

    /// Whether it has served, does not now, and will again.
    pub(crate) fn is_restarting(&self) -> bool {
        self.loaded.is_some() && !self.is_over()
    }

    /// Sums up a model's replicas.
    pub(crate) fn of(uid: ModelUid, replicas: Vec<ReplicaStatus>) -> Self {
        let front = replicas.iter().max_by(|a, b| {
            (rank(a.state), a.progress)
                .partial_cmp(&(rank(b.state), b.progress))
                .unwrap_or(std::cmp::Ordering::Equal)
        });
        let state = front.map_or(ModelState::Creating, |front| front.state);
        let since = replicas
            .iter()
            .filter(|replica| replica.state == state)
            .map(|replica| replica.since)
            .min()
            .unwrap_or_else(SystemTime::now);
        Self {
            uid,
            state,
            progress: front.map_or(0.0, |front| front.progress),
            error: replicas.iter().find_map(|replica| replica.error.clone()),
            loaded: replicas.iter().find_map(|replica| replica.loaded.clone()),
            stats: replicas
                .iter()
                .fold(WorkerStats::default(), |sum, replica| add(sum, replica.stats)),
            in_flight: replicas.iter().map(|replica| replica.in_flight).sum(),
            restarts: replicas.iter().map(|replica| replica.restarts).sum(),
            since,
            replicas,
        }
    }
}

/// How much a replica's state says about its model's; the greatest wins.
fn rank(state: ModelState) -> u8 {
    match state {
        ModelState::Error => 0,
        ModelState::Creating => 1,
        ModelState::Loading => 2,
        ModelState::Ready => 3,
        ModelState::Terminating => 4,
    }
}

fn add(a: WorkerStats, b: WorkerStats) -> WorkerStats {
    WorkerStats {
        running: a.running.saturating_add(b.running),
        waiting: a.waiting.saturating_add(b.waiting),
        kv_used: a.kv_used.saturating_add(b.kv_used),
        kv_total: a.kv_total.saturating_add(b.kv_total),
        ..add_counters(a, b)
    }
}

/// Adds what only grows, and leaves the rest at zero.
pub(crate) fn add_counters(a: WorkerStats, b: WorkerStats) -> WorkerStats {
    WorkerStats {
        steps: a.steps.saturating_add(b.steps),
        prompt_tokens: a.prompt_tokens.saturating_add(b.prompt_tokens),
        cached_tokens: a.cached_tokens.saturating_add(b.cached_tokens),
        completion_tokens: a.completion_tokens.saturating_add(b.completion_tokens),
        ..WorkerStats::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_load_takes_longer_than_a_restart() {
        let uid: ModelUid = "tiny".parse().unwrap();
        let mut replica = ReplicaStatus::new(0);
        let retry_after = |replica: &ReplicaStatus| {
            ModelStatus::of(uid.clone(), vec![replica.clone()]).retry_after()
        };
        assert_eq!(retry_after(&replica), Duration::from_secs(30));
        replica.restarts = 1;
        assert_eq!(retry_after(&replica), Duration::from_secs(30), "it has not served yet");
        replica.loaded = Some(LoadedModel::default());
        assert_eq!(retry_after(&replica), Duration::from_secs(2));
    }
}
