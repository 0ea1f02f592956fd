//! Models as Xinference's clients want them described.

use inference::ModelInfo;
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
    #[schema(value_type = AudioWord)]
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
    #[serde(skip_serializing_if = "Option::is_none")]
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
    #[schema(value_type = LanguageWord)]
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
    #[schema(value_type = WholeOrText)]
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

/// The one word that tells a language model from others.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes what is written")]
enum LanguageWord {
    #[schema(rename = "LLM")]
    Llm,
}

/// The one word that tells a model of sound from others.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes what is written")]
enum AudioWord {
    #[schema(rename = "audio")]
    Audio,
}

/// A whole number, or a text.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "it describes what is written")]
enum WholeOrText {
    Whole(u32),
    Text(String),
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
