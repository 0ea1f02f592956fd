//! The versions: what each puts around and between the messages.

const USER_SYSTEM: &str = "A chat between a curious user and an artificial intelligence assistant. \
The assistant gives helpful, detailed, and polite answers to the user's questions.";
const HUMAN_SYSTEM: &str = "A chat between a curious human and an artificial intelligence assistant. \
The assistant gives helpful, detailed, and polite answers to the human's questions.";
const STABLE_SYSTEM: &str = "### Assistant: I am StableVicuna, a large language model created by \
CarperAI. I am here to chat!\n";

/// A version of the prompt format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// v0 with FastChat's example dialogue.
    V0,
    /// v0 without it.
    V0ZeroShot,
    /// v1.1, v1.3, v1.5 and the 16k ones, as FastChat writes them.
    V1,
    /// As `V1`, with the system prompt that Xinference gives to v1.3 and v1.5.
    Xinference,
    /// CarperAI's StableVicuna.
    Stable,
    /// llama.cpp's built-in template `vicuna`.
    LlamaCpp,
    /// llama.cpp's built-in template `vicuna-orca`.
    Orca,
    /// ollama's template.
    Ollama,
    /// LLaVA 1.5.
    Llava,
    /// LLaVA's older `llava_v1`, with the other system prompt.
    LlavaV1,
}

/// What an assistant's turn ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Text.
    Text(&'static str),
    /// The vocabulary's end token, then text.
    Token(&'static str),
}

/// The words and separators of a style.
pub(crate) struct Format {
    /// The system prompt where the client sends none.
    pub(crate) system: Option<&'static str>,
    /// What stands before the system prompt.
    pub(crate) before_system: &'static str,
    /// What stands after it.
    pub(crate) after_system: &'static str,
    pub(crate) user: &'static str,
    pub(crate) assistant: &'static str,
    /// What a user's turn ends with.
    pub(crate) user_end: &'static str,
    pub(crate) assistant_end: End,
    /// What ends a reply beside the end token.
    pub(crate) stop: &'static [&'static str],
}

impl Style {
    /// The styles by the names that the option `style` takes; the first name of each is its own.
    pub const NAMES: [(&'static str, Self); 16] = [
        ("v0", Self::V0),
        ("v0-zero-shot", Self::V0ZeroShot),
        ("v1.1", Self::V1),
        ("xinference", Self::Xinference),
        ("stable-vicuna", Self::Stable),
        ("llama.cpp", Self::LlamaCpp),
        ("vicuna-orca", Self::Orca),
        ("ollama", Self::Ollama),
        ("llava", Self::Llava),
        ("llava-v1", Self::LlavaV1),
        ("one-shot", Self::V0),
        ("zero-shot", Self::V0ZeroShot),
        ("v1.3", Self::V1),
        ("v1.5", Self::V1),
        ("16k", Self::V1),
        ("llava-v1.5", Self::Llava),
    ];

    /// The style's own name.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, style)| *style == self).map_or("v1.1", |(name, _)| name)
    }

    /// Whether messages may hold images.
    pub fn takes_images(self) -> bool {
        matches!(self, Self::Llava | Self::LlavaV1)
    }

    /// Whether the prompt shows an example dialogue first.
    pub(crate) fn has_example(self) -> bool {
        self == Self::V0
    }

    pub(crate) fn format(self) -> Format {
        let v1 = Format {
            system: Some(USER_SYSTEM),
            before_system: "",
            after_system: " ",
            user: "USER",
            assistant: "ASSISTANT",
            user_end: " ",
            assistant_end: End::Token(""),
            stop: &[],
        };
        match self {
            Self::V0 | Self::V0ZeroShot => Format {
                system: Some(HUMAN_SYSTEM),
                after_system: "\n### ",
                user: "Human",
                assistant: "Assistant",
                user_end: "\n### ",
                assistant_end: End::Text("\n### "),
                stop: &["###"],
                ..v1
            },
            Self::V1 | Self::Llava => v1,
            Self::Xinference | Self::LlavaV1 => Format { system: Some(HUMAN_SYSTEM), ..v1 },
            Self::Stable => Format {
                system: Some(STABLE_SYSTEM),
                after_system: "\n",
                user: "### Human",
                assistant: "### Assistant",
                user_end: "\n",
                assistant_end: End::Text("\n\n"),
                stop: &["### Human:"],
                ..v1
            },
            Self::LlamaCpp => Format {
                system: None,
                after_system: "\n\n",
                user_end: "\n",
                assistant_end: End::Token("\n"),
                ..v1
            },
            Self::Ollama => Format { stop: &["USER:", "ASSISTANT:"], ..Self::LlamaCpp.format() },
            Self::Orca => {
                Format { before_system: "SYSTEM: ", after_system: "\n", ..Self::LlamaCpp.format() }
            }
        }
    }
}
