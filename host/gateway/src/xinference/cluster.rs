//! What clients ask of the server itself.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::describe::gpu_index;
use crate::state::{Shared, VERSION};

/// Whether keys are needed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Auth {
    auth: bool,
}

/// Says whether clients need a key; the first call of every Xinference client.
#[utoipa::path(get, path = "/v1/cluster/auth", operation_id = "needs_key", tag = "server", security(()),
    responses((status = 200, description = "Whether keys are needed.", body = Auth)))]
pub(crate) async fn auth(State(shared): State<Arc<Shared>>) -> Json<Auth> {
    Json(Auth { auth: !shared.options.api_keys.is_empty() })
}

/// The server's version.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Version {
    version: &'static str,
    #[serde(rename = "full-revisionid")]
    full_revisionid: Option<&'static str>,
}

/// Says which version serves.
#[utoipa::path(get, path = "/v1/cluster/version", operation_id = "get_version", tag = "server",
    responses((status = 200, description = "The version.", body = Version)))]
pub(crate) async fn version() -> Json<Version> {
    Json(Version { version: VERSION, full_revisionid: None })
}

/// Says where the server listens.
#[utoipa::path(get, path = "/v1/address", operation_id = "get_address", tag = "server", security(()),
    responses((status = 200, description = "The address and port.", body = String, content_type = "application/json")))]
pub(crate) async fn address(State(shared): State<Arc<Shared>>) -> Json<String> {
    Json(shared.options.listen.to_string())
}

/// Counts the GPUs that hold models.
#[utoipa::path(get, path = "/v1/cluster/devices", operation_id = "count_devices", tag = "server",
    responses((status = 200, description = "The number of GPUs.", body = usize, content_type = "application/json")))]
pub(crate) async fn devices(State(shared): State<Arc<Shared>>) -> Json<usize> {
    Json(gpus(&shared).len())
}

/// The names of the GPUs that hold models.
fn gpus(shared: &Shared) -> Vec<String> {
    let mut names: Vec<String> = shared
        .inference
        .models()
        .into_iter()
        .flat_map(|info| info.devices)
        .filter(|device| gpu_index(device).is_some())
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Says how long the server has been up, and what its one worker node has.
#[utoipa::path(get, path = "/status", operation_id = "get_status", tag = "server", security(()),
    responses((status = 200, description = "The server's state.", body = Object)))]
pub(crate) async fn status(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let (total, used, available) = memory();
    let cpu = json!({
        "usage": shared.cpu_usage(),
        "total": cores(),
        "memory_used": used,
        "memory_available": available,
        "memory_total": total,
    });
    let mut status = Map::from_iter([("cpu".to_owned(), cpu)]);
    for (index, name) in gpus(&shared).into_iter().enumerate() {
        status.insert(format!("gpu-{index}"), json!({ "name": name }));
    }
    let uptime = shared.started.elapsed().as_secs();
    let node = json!({
        "update_time": jiff::Timestamp::now().as_second(),
        "failure_remaining_count": 5,
        "status": status,
    });
    let workers = Map::from_iter([(shared.options.listen.to_string(), node)]);
    Json(json!({ "uptime": uptime, "workers": workers }))
}

/// Describes the server as Xinference describes a cluster of one machine.
#[utoipa::path(get, path = "/v1/cluster/info", operation_id = "get_cluster_info", tag = "server",
    responses((status = 200, description = "The nodes.", body = Vec<Object>)))]
pub(crate) async fn info(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let (total, used, available) = memory();
    let address = shared.options.listen.to_string();
    let gpus = gpus(&shared).len();
    Json(json!([
        {
            "node_type": "Supervisor",
            "ip_address": address,
            "gpu_count": 0,
            "gpu_vram_total": 0,
        },
        {
            "node_type": "Worker",
            "ip_address": address,
            "gpu_count": gpus,
            "gpu_vram_total": 0,
            "cpu_count": cores(),
            "cpu_available": cores(),
            "mem_used": used,
            "mem_available": available,
            "mem_total": total,
            "software_version": VERSION,
        },
    ]))
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Bytes of memory in all, used and available.
fn memory() -> (u64, u64, u64) {
    let mut system = sysinfo::System::new();
    system.refresh_memory();
    (system.total_memory(), system.used_memory(), system.available_memory())
}
