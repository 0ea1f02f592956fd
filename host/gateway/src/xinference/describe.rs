//! Models as Xinference's clients want them described.

#![expect(clippy::struct_field_names, reason = "the names are Xinference's")]

use std::time::{SystemTime, UNIX_EPOCH};

use inference::{ModelInfo, ReplicaStatus, state_name};
use model::Ability;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

/// One model in the list of models.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ListedModel {
    /// The model's uid.
    pub(crate) id: String,
    /// `model`.
    pub(crate) object: &'static str,
    /// 0.
    pub(crate) created: u64,
    /// `xinference`, which clients look for.
    pub(crate) owned_by: &'static str,
    #[serde(flatten)]
    pub(crate) description: Description,
    /// How many workers are wanted.
    pub(crate) replica: u32,
}

/// One model described by its uid.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DescribedModel {
    #[serde(flatten)]
    pub(crate) description: Description,
    /// 1.
    pub(crate) n_worker: u32,
    /// How many workers are wanted.
    pub(crate) replica: u32,
}

/// What is said of a model, by what it is for.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Description {
    Language(LanguageModel),
    Audio(AudioModel),
}

/// What is said of a model that writes down speech.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AudioModel {
    /// `audio`.
    pub(crate) model_type: &'static str,
    /// Where it is served.
    pub(crate) address: String,
    /// The GPUs that hold it, by index.
    pub(crate) accelerators: Vec<String>,
    /// The name that the weights bear, else the uid.
    pub(crate) model_name: String,
    /// Languages that the weights name, if any.
    pub(crate) model_lang: Vec<String>,
    /// The family that drives it, else the network that the weights declare.
    pub(crate) model_family: String,
    /// Null.
    pub(crate) model_revision: Option<String>,
    /// `audio2text`.
    pub(crate) model_ability: Vec<String>,
    /// A text for lists.
    pub(crate) model_description: Option<String>,
    /// Such as `whisper.cpp`.
    pub(crate) model_engine: String,
    /// Such as `q5_1`.
    pub(crate) quantization: String,
}

/// What is said of a language model.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LanguageModel {
    /// `LLM`.
    pub(crate) model_type: &'static str,
    /// Where it is served.
    pub(crate) address: String,
    /// The GPUs that hold it, by index.
    pub(crate) accelerators: Vec<String>,
    /// The name that the weights bear, else the uid.
    pub(crate) model_name: String,
    /// Languages.
    pub(crate) model_lang: Vec<String>,
    /// Such as `chat`, `tools`, `generate`.
    pub(crate) model_ability: Vec<String>,
    /// A text for lists.
    pub(crate) model_description: Option<String>,
    /// Such as `ggufv2`.
    pub(crate) model_format: String,
    /// Billions of parameters: a number, or text such as `0_5`.
    #[schema(value_type = String)]
    pub(crate) model_size_in_billions: Size,
    /// The family that drives it, else the network that the weights declare.
    pub(crate) model_family: String,
    /// Such as `Q4_K_M`.
    pub(crate) quantization: String,
    /// Null.
    pub(crate) multimodal_projector: Option<String>,
    /// `huggingface`, which is what Xinference says of a local file.
    pub(crate) model_hub: &'static str,
    /// Null.
    pub(crate) revision: Option<String>,
    /// The greatest number of tokens in one sequence.
    pub(crate) context_length: u32,
    /// False: what a family demands of system messages, it says itself.
    pub(crate) strict_system_first: bool,
    /// Such as `llama.cpp`.
    pub(crate) model_engine: String,
}

/// A size as Xinference writes it: whole billions as a number, others as `0_5`.
#[derive(Debug)]
pub(crate) struct Size(String);

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0.parse::<u32>() {
            Ok(whole) => to.serialize_u32(whole),
            Err(_) => to.serialize_str(&self.0),
        }
    }
}

impl Description {
    pub(crate) fn new(info: &ModelInfo, address: &str) -> Self {
        if hears(info) {
            Self::Audio(AudioModel::new(info, address))
        } else {
            Self::Language(LanguageModel::new(info, address))
        }
    }
}

/// Whether a model writes down speech, or would with a family that drives it.
fn hears(info: &ModelInfo) -> bool {
    info.hears || info.abilities.contains(&Ability::Transcription)
}

fn accelerators(info: &ModelInfo) -> Vec<String> {
    info.devices.iter().filter_map(|device| gpu_index(device)).map(str::to_owned).collect()
}

fn family(info: &ModelInfo) -> String {
    info.family.clone().unwrap_or_else(|| info.architecture.clone())
}

impl AudioModel {
    fn new(info: &ModelInfo, address: &str) -> Self {
        Self {
            model_type: "audio",
            address: address.to_owned(),
            accelerators: accelerators(info),
            model_name: info.name.clone(),
            model_lang: info.languages.clone(),
            model_family: family(info),
            model_revision: None,
            model_ability: abilities(info),
            model_description: info.description.clone(),
            model_engine: info.engine.clone(),
            quantization: info.quantization.clone(),
        }
    }
}

impl LanguageModel {
    fn new(info: &ModelInfo, address: &str) -> Self {
        Self {
            model_type: "LLM",
            address: address.to_owned(),
            accelerators: accelerators(info),
            model_name: info.name.clone(),
            model_lang: languages(info),
            model_ability: abilities(info),
            model_description: info.description.clone(),
            model_format: info.format.clone(),
            model_size_in_billions: Size(info.size_in_billions.clone()),
            model_family: family(info),
            quantization: info.quantization.clone(),
            multimodal_projector: None,
            model_hub: "huggingface",
            revision: None,
            context_length: info.context_length,
            strict_system_first: false,
            model_engine: info.engine.clone(),
        }
    }
}

/// `0` of `CUDA0`; nothing for the processor.
pub(crate) fn gpu_index(device: &str) -> Option<&str> {
    let name = device.trim_end_matches(|c: char| c.is_ascii_digit());
    let index = device.get(name.len()..)?;
    (!name.eq_ignore_ascii_case("cpu") && !index.is_empty()).then_some(index)
}

/// The languages that the weights name; clients expect at least one.
fn languages(info: &ModelInfo) -> Vec<String> {
    if info.languages.is_empty() { vec!["en".to_owned()] } else { info.languages.clone() }
}

/// What the model can be asked for, in Xinference's words.
///
/// Clients take a model that names `chat` for a chat model and use `generate` for nothing else.
pub(crate) fn abilities(info: &ModelInfo) -> Vec<String> {
    if hears(info) {
        return vec!["audio2text".to_owned()];
    }
    if !info.abilities.contains(&Ability::Chat) {
        return vec!["generate".to_owned()];
    }
    let chat = "chat".to_owned();
    std::iter::once(chat).chain(info.features.iter().cloned()).collect()
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_numbers_where_they_are_whole() {
        let json = |size: &str| serde_json::to_string(&Size(size.to_owned())).unwrap();
        assert_eq!(json("7"), "7");
        assert_eq!(json("0_5"), r#""0_5""#);
    }

    #[test]
    fn gpus_have_an_index() {
        assert_eq!(gpu_index("CUDA0"), Some("0"));
        assert_eq!(gpu_index("Vulkan12"), Some("12"));
        assert_eq!(gpu_index("CPU"), None);
        assert_eq!(gpu_index("Metal"), None);
    }
}
