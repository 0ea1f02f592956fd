//! What each version puts around and between the messages.

use crate::Style;
use crate::system;

/// A piece of the frame around messages.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Piece {
    /// Text.
    Text(&'static str),
    /// A special token by its text, and the id that it is known to have, if any.
    Token(&'static str, Option<u32>),
}

use Piece::{Text, Token};

/// The frame of a style.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Format {
    /// The system prompt where the client sends none.
    pub(crate) system: Option<&'static str>,
    /// What stands around a system prompt, before and after.
    pub(crate) around_system: [&'static [Piece]; 2],
    /// Whether a system message within the conversation stays in its place.
    pub(crate) system_anywhere: bool,
    pub(crate) around_user: [&'static [Piece]; 2],
    pub(crate) around_assistant: [&'static [Piece]; 2],
    /// What the prompt ends with, where it differs from what stands before an assistant's message.
    pub(crate) open: Option<&'static [Piece]>,
    /// Whether an `### Input:` may follow the question.
    pub(crate) takes_input: bool,
    /// Strings that end a reply: the model begins a turn that is not its own.
    pub(crate) stop: &'static [&'static str],
    /// Special tokens that end a reply, and the ids that they are known to have.
    pub(crate) stop_tokens: &'static [(&'static str, Option<u32>)],
}

const BLANK: &[Piece] = &[Text("\n\n")];

const MINI: Format = Format {
    system: Some(system::ORCA_MINI),
    around_system: [&[Text("### System:\n")], BLANK],
    system_anywhere: false,
    around_user: [&[Text("### User:\n")], BLANK],
    around_assistant: [&[Text("### Response:\n")], BLANK],
    open: None,
    takes_input: true,
    stop: &["### User:", "### System:"],
    stop_tokens: &[],
};

const TURN: Piece = Token("<|end_of_turn|>", Some(32_000));

const OPENCHAT: Format = Format {
    system: Some(system::OPENCHAT),
    around_system: [&[], &[TURN]],
    around_user: [&[Text("User: ")], &[TURN]],
    around_assistant: [&[Text("Assistant: ")], &[TURN]],
    open: Some(&[Text("Assistant:")]),
    takes_input: false,
    stop: &[],
    stop_tokens: &[("<|end_of_turn|>", Some(32_000))],
    ..MINI
};

const FASTCHAT_TURN: &[Piece] = &[TURN, Text("\n")];

const FASTCHAT: Format = Format {
    system: Some(system::FASTCHAT),
    around_system: [&[], FASTCHAT_TURN],
    around_user: [&[Text("User: ")], FASTCHAT_TURN],
    around_assistant: [&[Text("Assistant: ")], FASTCHAT_TURN],
    open: None,
    stop: &["User"],
    stop_tokens: &[("<|end_of_turn|>", Some(32_000)), ("<|pad|>", Some(32_001))],
    ..OPENCHAT
};

/// ChatML with the ids that a version gave to the start and the end of a turn.
macro_rules! chatml {
    ($system:expr, $start:expr, $end:expr) => {{
        const START: Piece = Token("<|im_start|>", $start);
        const END: &[Piece] = &[Token("<|im_end|>", $end), Text("\n")];
        Format {
            system: Some($system),
            around_system: [&[START, Text("system\n")], END],
            system_anywhere: true,
            around_user: [&[START, Text("user\n")], END],
            around_assistant: [&[START, Text("assistant\n")], END],
            open: None,
            takes_input: false,
            stop: &[],
            stop_tokens: &[("<|im_end|>", $end), ("<|im_start|>", $start)],
        }
    }};
}

impl Style {
    pub(crate) fn format(self) -> Format {
        match self {
            Self::Mini => MINI,
            Self::MiniV3 => Format {
                around_assistant: [&[Text("### Assistant:\n")], BLANK],
                takes_input: false,
                ..MINI
            },
            Self::Xinference => Format {
                around_system: [&[], BLANK],
                around_user: [&[Text("### User: ")], BLANK],
                around_assistant: [&[Text("### Response: ")], BLANK],
                open: Some(&[Text("### Response:")]),
                takes_input: false,
                ..MINI
            },
            Self::Alpaca => Format {
                system: None,
                around_system: [&[], BLANK],
                around_user: [&[Text("### Instruction:\n\n")], BLANK],
                stop: &["### Instruction:"],
                ..MINI
            },
            Self::OpenChat => OPENCHAT,
            Self::FastChat => FASTCHAT,
            // Two sizes of LlongOrca were published, with ids of their own.
            Self::Llong => chatml!(system::LLONG, None, None),
            Self::Mistral => chatml!(system::MISTRAL, Some(32_001), Some(32_000)),
            Self::Orca2 => chatml!(system::ORCA_2, Some(32_001), Some(32_002)),
        }
    }
}
