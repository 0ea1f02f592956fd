//! What goes to an engine.

/// One piece of a prompt; see the WIT variant of the same name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PromptPart {
    /// Text that can never become a special token.
    Text(String),
    /// A special token, by its text in the vocabulary.
    Control(String),
    /// A token, by its id.
    Token(u32),
    /// A medium, by its index in the request's media list.
    Media(u32),
    /// Ends a run of text.
    Split,
}

/// The language of a constraint's source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrammarSyntax {
    /// GBNF with the start rule `root`.
    Gbnf,
    /// A JSON Schema document.
    JsonSchema,
    /// A regular expression for the whole text.
    Regex,
    /// A Lark grammar as llguidance reads it.
    Lark,
}

/// What the sampler must follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constraint {
    /// The language of `source`.
    pub syntax: GrammarSyntax,
    /// The grammar, schema or expression.
    pub source: String,
    /// Strings that start the constraint; empty: it binds from the first token.
    pub triggers: Vec<String>,
}

/// What an engine needs to generate a reply; see the WIT record of the same name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prompt {
    /// The parts, in order.
    pub parts: Vec<PromptPart>,
    /// Whether the beginning-of-sequence token is put in front; `None`: as the vocabulary says.
    pub add_bos: Option<bool>,
    /// Whether each run of text gets a space in front; `None`: as the vocabulary says.
    pub space_prefix: Option<bool>,
    /// Strings that end the sequence.
    pub stop: Vec<String>,
    /// Tokens that end the sequence.
    pub stop_tokens: Vec<u32>,
    /// What the sampler must follow.
    pub constraint: Option<Constraint>,
}

impl Prompt {
    /// A prompt of one text and nothing else, tokenized by the vocabulary's own rules.
    pub fn plain(text: impl Into<String>) -> Self {
        Self { parts: vec![PromptPart::Text(text.into())], ..Self::default() }
    }
}
