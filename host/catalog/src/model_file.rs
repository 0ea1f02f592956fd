//! A validated model file, and what the host wants to know of it.

use std::{
    io::{Read, Seek},
    path::Path,
};

use model::{ControlToken, ModelCard};

use crate::{
    error::{CatalogError, Problem, Result, quoted},
    ggml::Whisper,
    header::Header,
    metadata::Metadata,
    names,
    network::Network,
    value::Array,
    vocabulary::Vocabulary,
};

/// A model file whose header has passed every check; the weights themselves are not read.
#[derive(Clone, Debug)]
pub struct ModelFile {
    format: Format,
    file_bytes: u64,
    weight_bytes: u64,
    tensors: usize,
    parameters: u64,
    quantization: &'static str,
    network: Network,
    vocabulary: Vocabulary,
    chat_template: Option<String>,
    languages: Vec<String>,
    metadata: Vec<(String, String)>,
}

/// How the file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Gguf,
    Ggml,
}

/// Whether a file without weights will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weights {
    Needed,
    Optional,
}

impl ModelFile {
    /// Reads and validates the header of a file of `bytes` bytes; `file` is for messages.
    ///
    /// [`inspect`](crate::inspect) does this for a path. Use this one for a file already open.
    pub fn read(
        source: impl Read,
        bytes: u64,
        file: &Path,
    ) -> std::result::Result<Self, CatalogError> {
        Self::read_with(source, bytes, Weights::Needed).map_err(|p| CatalogError::new(file, p))
    }

    pub(crate) fn read_with(source: impl Read, bytes: u64, weights: Weights) -> Result<Self> {
        let Header { metadata, tensors, weight_bytes, file_bytes } = Header::read(source, bytes)?;
        check_type(&metadata)?;
        check_not_split(&metadata)?;
        let network = Network::read(&metadata)?;
        let vocabulary = Vocabulary::read(&metadata)?;
        if weights == Weights::Needed && tensors.is_empty() {
            return Err(Problem::Missing {
                field: "every tensor".to_owned(),
                remedy: "the file holds a vocabulary alone; give the path of the whole model",
            });
        }
        let file_type = metadata.u32("general.file_type")?;
        let mut parameters: u64 = 0;
        for tensor in &tensors {
            parameters = parameters.saturating_add(tensor.elements);
        }
        Ok(Self {
            format: Format::Gguf,
            file_bytes,
            weight_bytes,
            tensors: tensors.len(),
            parameters,
            quantization: names::quantization(file_type, &tensors),
            network,
            vocabulary,
            chat_template: metadata.text("tokenizer.chat_template")?,
            languages: languages(&metadata),
            metadata: metadata.scalars(),
        })
    }

    /// Reads and validates a whisper model of `bytes` bytes; `file` is for messages.
    pub fn read_ggml(
        source: impl Read + Seek,
        bytes: u64,
        file: &Path,
    ) -> std::result::Result<Self, CatalogError> {
        Self::parse_ggml(source, bytes).map_err(|problem| CatalogError::new(file, problem))
    }

    pub(crate) fn parse_ggml(source: impl Read + Seek, bytes: u64) -> Result<Self> {
        let whisper = Whisper::read(source, bytes)?;
        // A model of the smallest vocabulary knows English alone.
        let english = whisper.vocabulary == 51_864;
        Ok(Self {
            format: Format::Ggml,
            file_bytes: bytes,
            weight_bytes: whisper.weight_bytes,
            tensors: whisper.tensors,
            parameters: whisper.parameters,
            quantization: whisper.quantization,
            network: Network {
                architecture: "whisper".to_owned(),
                context_length: whisper.text_context,
                embedding_length: whisper.text_state,
                layers: whisper.text_layers,
                kv_elements: u64::from(whisper.text_layers) * u64::from(whisper.text_state) * 2,
            },
            vocabulary: Vocabulary {
                size: whisper.vocabulary,
                bos: None,
                eos: None,
                control: Vec::new(),
            },
            chat_template: None,
            languages: if english { vec!["en".to_owned()] } else { Vec::new() },
            metadata: whisper.metadata,
        })
    }

    /// The card that plugins decide from.
    ///
    /// `context_length` and `options` are what the operator set for the model.
    pub fn card(
        &self,
        name: &str,
        context_length: Option<u32>,
        options: &[(String, String)],
    ) -> ModelCard {
        ModelCard {
            name: name.to_owned(),
            architecture: self.network.architecture.clone(),
            chat_template: self.chat_template.clone(),
            context_length: context_length.unwrap_or(self.network.context_length),
            vocabulary_size: self.vocabulary.size,
            bos: self.vocabulary.bos,
            eos: self.vocabulary.eos,
            control_tokens: self.vocabulary.control.clone(),
            metadata: self.metadata.clone(),
            options: options.to_vec(),
        }
    }

    /// The format, in Xinference's words.
    pub fn format(&self) -> &'static str {
        match self.format {
            Format::Gguf => "ggufv2",
            Format::Ggml => "ggml",
        }
    }

    /// Whether the model writes down speech, and does nothing else.
    pub fn hears(&self) -> bool {
        matches!(self.format, Format::Ggml)
    }

    /// The engine that runs files of this format: `llama` or `whisper`.
    pub fn engine(&self) -> &'static str {
        match self.format {
            Format::Gguf => "llama",
            Format::Ggml => "whisper",
        }
    }

    /// The network that the weights are for, such as `llama`.
    pub fn architecture(&self) -> &str {
        &self.network.architecture
    }

    /// The greatest number of tokens in a sequence that the weights were trained for.
    pub fn context_length(&self) -> u32 {
        self.network.context_length
    }

    /// The width of the network.
    pub fn embedding_length(&self) -> u32 {
        self.network.embedding_length
    }

    /// The number of layers.
    pub fn layers(&self) -> u32 {
        self.network.layers
    }

    /// The number of tokens in the vocabulary.
    pub fn vocabulary_size(&self) -> u32 {
        self.vocabulary.size
    }

    /// The special tokens, by id.
    pub fn control_tokens(&self) -> &[ControlToken] {
        &self.vocabulary.control
    }

    /// The quantization, such as `Q4_K_M`.
    pub fn quantization(&self) -> &str {
        self.quantization
    }

    /// The number of parameters.
    pub fn parameters(&self) -> u64 {
        self.parameters
    }

    /// The size in billions of parameters as Xinference writes it, such as `7` or `0_5`.
    pub fn size_in_billions(&self) -> String {
        let label = self.value("general.size_label");
        names::size_in_billions(self.parameters, [label, self.name()])
    }

    /// Bytes of the file.
    pub fn file_bytes(&self) -> u64 {
        self.file_bytes
    }

    /// Bytes of the weights in it.
    pub fn weight_bytes(&self) -> u64 {
        self.weight_bytes
    }

    /// The number of tensors.
    pub fn tensors(&self) -> usize {
        self.tensors
    }

    /// Bytes that one token takes in the KV cache, given the bytes of one element: 2 for half
    /// precision, 34/32 for eight bits, 18/32 for four.
    ///
    /// An upper estimate: sliding windows and shared layers take less.
    pub fn kv_bytes_per_token(&self, element_bytes: f64) -> u64 {
        // Saturates, and a negative or absurd width gives 0.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "float to integer casts saturate, which is what an estimate needs"
        )]
        let bytes = (self.network.kv_elements as f64 * element_bytes).ceil() as u64;
        bytes
    }

    /// The languages that the file names, such as `en`.
    pub fn languages(&self) -> Vec<String> {
        self.languages.clone()
    }

    /// The model's name for itself.
    pub fn name(&self) -> Option<&str> {
        self.value("general.name")
    }

    /// The model's description of itself.
    pub fn description(&self) -> Option<&str> {
        self.value("general.description")
    }

    /// A scalar of the metadata, as text.
    pub fn value(&self, key: &str) -> Option<&str> {
        self.metadata.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }
}

/// Tells models from adapters and projectors, which are GGUF files too.
fn check_type(metadata: &Metadata) -> Result<()> {
    const KEY: &str = "general.type";
    let given = metadata.text(KEY)?;
    let remedy = match given.as_deref() {
        None | Some("" | "model") => return Ok(()),
        Some("adapter") => "it is a LoRA adapter; name it under `lora` of the model that it is for",
        Some("mmproj") => {
            "it is a vision or audio projector; give the path of the language model itself"
        }
        Some("imatrix") => "it holds statistics for quantizing; give the path of a model",
        Some(_) => "only `model` can be served",
    };
    let given = quoted(given.unwrap_or_default().as_bytes());
    Err(Problem::unsupported(format_args!("`{KEY}`"), given, remedy))
}

/// Refuses one part of a model that was split over several files.
fn check_not_split(metadata: &Metadata) -> Result<()> {
    const KEY: &str = "split.count";
    let Some(value) = metadata.get(KEY) else { return Ok(()) };
    match value.text().as_deref() {
        Some("0" | "1") => Ok(()),
        given => Err(Problem::unsupported(
            format_args!("`{KEY}`"),
            given.unwrap_or("an array"),
            "the file is one part of several; join them with `llama-gguf-split --merge FIRST-PART OUTPUT`",
        )),
    }
}

/// The languages named, as far as they are words; anything else is left out, being a courtesy.
fn languages(metadata: &Metadata) -> Vec<String> {
    const MOST: usize = 64;
    let Ok(Some(Array::Strings(names))) = metadata.array("general.languages") else {
        return Vec::new();
    };
    let is_word = |name: &&str| !name.is_empty() && name.len() <= 35;
    let words = names.iter().filter_map(|name| std::str::from_utf8(name).ok());
    words.filter(is_word).take(MOST).map(str::to_owned).collect()
}
