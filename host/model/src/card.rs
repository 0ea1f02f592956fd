//! What the host knows of a model.

/// What a model can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ability {
    /// Conversations.
    Chat,
    /// Plain text completion.
    Completion,
    /// Vectors for texts.
    Embedding,
    /// Scores for pairs of texts.
    Rerank,
    /// Text for speech.
    Transcription,
}

/// A special token of a vocabulary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlToken {
    /// Its text, such as `<|user|>`.
    pub text: String,
    /// Its id.
    pub id: u32,
}

/// What the weights and the configuration say of one model; see the WIT record of the same name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelCard {
    /// The name under which the model is served.
    pub name: String,
    /// The network that the weights declare, such as `llama`.
    pub architecture: String,
    /// The chat template in the weights (Jinja source).
    pub chat_template: Option<String>,
    /// The greatest number of tokens in one sequence.
    pub context_length: u32,
    /// The number of entries in the vocabulary.
    pub vocabulary_size: u32,
    /// The beginning-of-sequence token.
    pub bos: Option<u32>,
    /// The end-of-sequence token.
    pub eos: Option<u32>,
    /// The special tokens, by id.
    pub control_tokens: Vec<ControlToken>,
    /// Every scalar metadata key and its value as text.
    pub metadata: Vec<(String, String)>,
    /// The operator's options for the family.
    pub options: Vec<(String, String)>,
}

/// How well a family fits a model; a later variant fits better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// Not this family.
    None,
    /// It would work, but a more specific family should win.
    Generic,
    /// The model is of this family.
    Exact,
}

/// How a family drives one model; see the WIT record of the same name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile {
    /// The version or style within the family.
    pub style: String,
    /// What the model can do beyond plain chat: `tools`, `reasoning`, `hybrid`, `vision`, `audio`.
    pub features: Vec<String>,
    /// Sampling that the family advises, by key (`temperature`, `top-k`, ...).
    pub sampling: Vec<(String, f64)>,
}

impl Profile {
    /// Whether the family names this feature for the model.
    pub fn has(&self, feature: &str) -> bool {
        self.features.iter().any(|f| f == feature)
    }
}
