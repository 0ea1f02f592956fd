//! The workers of a model, as Xinference's clients want them listed.

#![expect(clippy::struct_field_names, reason = "the names are Xinference's")]

use std::time::{SystemTime, UNIX_EPOCH};

use inference::{ModelInfo, ReplicaStatus, state_name};
use serde::Serialize;
use utoipa::ToSchema;

use super::describe::{abilities, gpu_index};

/// One model with the state of its workers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Instance {
    model_name: String,
    model_uid: String,
    model_version: Option<String>,
    model_ability: Vec<String>,
    replica: u32,
    /// `CREATING`, `LOADING`, `READY`, `ERROR` or `TERMINATING`.
    status: &'static str,
    instance_created_ts: u64,
    n_worker: u32,
    replica_statuses: Vec<InstanceReplica>,
    /// Why the model does not serve, or why its last worker died.
    error_message: Option<String>,
}

/// One worker within an [`Instance`].
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InstanceReplica {
    replica_id: u32,
    replica_model_uid: String,
    worker_address: String,
    status: &'static str,
    model_state: String,
    created_ts: u64,
    error_message: Option<String>,
    replica_uid: Option<String>,
    gpu_idx: Option<u32>,
}

/// One worker in the list of a model's workers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Replica {
    replica_id: u32,
    replica_model_uid: String,
    worker_address: String,
    model_address: String,
    accelerators: Vec<String>,
    status: &'static str,
    created_ts: u64,
    error_message: Option<String>,
    replica_uid: Option<String>,
    gpu_idx: Option<u32>,
}

/// How far the launch of a model is.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct Progress {
    progress: f32,
    stage: &'static str,
    #[schema(value_type = Vec<Object>)]
    download_files: [(); 0],
    replicas: Vec<ReplicaProgress>,
}

/// How far the launch of one worker is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReplicaProgress {
    replica_id: u32,
    replica_model_uid: String,
    progress: f32,
    stage: &'static str,
    info: Option<String>,
    updated_at: f64,
    #[schema(value_type = Vec<Object>)]
    download_files: [(); 0],
    dependency_install_completed: Option<u32>,
    dependency_install_total: Option<u32>,
    dependency_install_plan: Option<String>,
    dependency_install_status: Option<String>,
}

fn seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

fn whole_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn replica_uid(info: &ModelInfo, replica: &ReplicaStatus) -> String {
    format!("{}-rep{}", info.uid, replica.index)
}

impl Instance {
    pub(crate) fn new(info: &ModelInfo, address: &str) -> Self {
        let replica = |replica: &ReplicaStatus| {
            let status = state_name(replica.state);
            InstanceReplica {
                replica_id: replica.index,
                replica_model_uid: replica_uid(info, replica),
                worker_address: address.to_owned(),
                status,
                model_state: status.to_ascii_lowercase(),
                created_ts: whole_seconds(replica.since),
                error_message: replica.error.clone(),
                replica_uid: None,
                gpu_idx: None,
            }
        };
        Self {
            model_name: info.name.clone(),
            model_uid: info.uid.to_string(),
            model_version: None,
            model_ability: abilities(info),
            replica: info.replica,
            status: state_name(info.state),
            instance_created_ts: whole_seconds(info.added),
            n_worker: 1,
            replica_statuses: info.replicas.iter().map(replica).collect(),
            error_message: info.error.clone(),
        }
    }
}

impl Replica {
    pub(crate) fn list(info: &ModelInfo, address: &str) -> Vec<Self> {
        let replica = |replica: &ReplicaStatus| {
            let devices = replica.loaded.iter().flat_map(|loaded| &loaded.devices);
            Self {
                replica_id: replica.index,
                replica_model_uid: replica_uid(info, replica),
                worker_address: address.to_owned(),
                model_address: address.to_owned(),
                accelerators: devices.filter_map(|d| gpu_index(d)).map(str::to_owned).collect(),
                status: state_name(replica.state),
                created_ts: whole_seconds(replica.since),
                error_message: replica.error.clone(),
                replica_uid: None,
                gpu_idx: None,
            }
        };
        info.replicas.iter().map(replica).collect()
    }
}

impl Progress {
    /// What is said of a model that nobody has launched.
    pub(crate) fn pending() -> Self {
        Self { stage: "pending", ..Self::default() }
    }

    pub(crate) fn new(info: &ModelInfo) -> Self {
        let stage = stage(info.state);
        let replica = |replica: &ReplicaStatus| ReplicaProgress {
            replica_id: replica.index,
            replica_model_uid: replica_uid(info, replica),
            progress: replica.progress,
            stage: self::stage(replica.state),
            info: replica.error.clone(),
            updated_at: seconds(replica.since),
            download_files: [],
            dependency_install_completed: None,
            dependency_install_total: None,
            dependency_install_plan: None,
            dependency_install_status: None,
        };
        Self {
            progress: if info.is_ready() { 1.0 } else { info.progress },
            stage,
            download_files: [],
            replicas: info.replicas.iter().map(replica).collect(),
        }
    }
}

fn stage(state: inference::ModelState) -> &'static str {
    use inference::ModelState::{Creating, Error, Loading, Ready, Terminating};
    match state {
        Creating => "creating",
        Loading => "loading",
        Ready => "ready",
        Error => "error",
        Terminating => "terminating",
    }
}
