//! How a model writes reasoning and tool calls, chosen from its chat template or by name.
//!
//! A syntax is data: a [`Notation`] for its calls and markers for its reasoning.
//! A family that knows its syntax takes the notation itself ([`json`], [`python`], [`tagged`]), so
//! that the others are not in its component.

mod calls;
mod detect;
pub mod json;
pub mod python;
pub mod tagged;

use super::{
    Addressed, Body, Events, Harmony, Headed, Marked, Notation, Opening, Plain, Reasoning,
    ReplyParser, headed_json, python_call,
};
use crate::{ChatRequest, Constraint, Forced};

pub use calls::{CHATGLM_3 as CHATGLM_3_CALL, GLM as GLM_CALL, HERMES as HERMES_CALL};

/// How a model writes reasoning and tool calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Syntax {
    /// Text and nothing else.
    Plain,
    /// Reasoning in `<think>`, no calls.
    Think,
    /// Apertus.
    Apertus,
    /// Apriel.
    Apriel,
    /// ChatGLM3.
    ChatGlm3,
    /// Command R and R+.
    CommandR,
    /// Command R7B and later.
    CommandR7B,
    /// DeepSeek V3 and R1.
    DeepSeek,
    /// DeepSeek V3.1.
    DeepSeek31,
    /// DeepSeek V3.2 and V4.
    DeepSeek32,
    /// Functionary 3.1.
    Functionary31,
    /// Functionary 3.2.
    Functionary32,
    /// FireFunction, Phi-4.
    Functools,
    /// Gemma 2 and 3.
    Gemma,
    /// Gemma 4.
    Gemma4,
    /// GigaChat 3.
    GigaChat,
    /// GLM-4.
    Glm4,
    /// GLM-4.5 and later.
    Glm45,
    /// Granite 3.
    Granite,
    /// gpt-oss.
    Harmony,
    /// Hermes, Qwen and many others.
    Hermes,
    /// Hunyuan 3.
    Hunyuan,
    /// Kimi K2.
    Kimi,
    /// Kimi K3.
    KimiK3,
    /// LFM2.
    Lfm2,
    /// Llama 3.
    Llama3,
    /// MiniCPM 5.
    MiniCpm5,
    /// MiniMax-M1.
    MiniMax,
    /// MiniMax-M2.
    MiniMaxM2,
    /// MiniMax-M3.
    MiniMaxM3,
    /// Mistral, as of 2024.
    Mistral,
    /// Mistral, as of 2025.
    MistralArgs,
    /// Muse Glimmer.
    Muse,
    /// Nemotron Nano 2.
    Nemotron,
    /// Llama 3.2 and 4 where they are told to.
    Pythonic,
    /// Qwen3-Coder and later.
    QwenCoder,
    /// Seed-OSS.
    Seed,
    /// Solar.
    Solar,
}

/// The markers of a syntax's reasoning.
struct Thoughts {
    markers: [&'static str; 2],
    /// What begins an answer where the reasoning is not closed.
    answers: &'static [&'static str],
    /// Whether reasoning may come again within the answer.
    again: bool,
}

impl Syntax {
    /// The names for `models.toml`, and what they mean.
    pub const NAMES: &'static [(&'static str, Self)] = &[
        ("plain", Self::Plain),
        ("think", Self::Think),
        ("apertus", Self::Apertus),
        ("apriel", Self::Apriel),
        ("chatglm3", Self::ChatGlm3),
        ("command-r", Self::CommandR),
        ("command-r7b", Self::CommandR7B),
        ("deepseek-v3", Self::DeepSeek),
        ("deepseek-v3.1", Self::DeepSeek31),
        ("deepseek-v3.2", Self::DeepSeek32),
        ("functionary-v3.1", Self::Functionary31),
        ("functionary-v3.2", Self::Functionary32),
        ("functools", Self::Functools),
        ("gemma", Self::Gemma),
        ("gemma-4", Self::Gemma4),
        ("gigachat", Self::GigaChat),
        ("glm-4", Self::Glm4),
        ("glm-4.5", Self::Glm45),
        ("granite", Self::Granite),
        ("gpt-oss", Self::Harmony),
        ("hermes", Self::Hermes),
        ("hunyuan", Self::Hunyuan),
        ("kimi-k2", Self::Kimi),
        ("kimi-k3", Self::KimiK3),
        ("lfm2", Self::Lfm2),
        ("llama-3", Self::Llama3),
        ("minicpm-5", Self::MiniCpm5),
        ("minimax-m1", Self::MiniMax),
        ("minimax-m2", Self::MiniMaxM2),
        ("minimax-m3", Self::MiniMaxM3),
        ("mistral", Self::Mistral),
        ("mistral-args", Self::MistralArgs),
        ("muse", Self::Muse),
        ("nemotron", Self::Nemotron),
        ("pythonic", Self::Pythonic),
        ("qwen3-coder", Self::QwenCoder),
        ("seed-oss", Self::Seed),
        ("solar", Self::Solar),
    ];

    /// The syntax that a chat template shows; `None`: the template knows neither reasoning nor
    /// calls.
    pub fn detect(template: &str) -> Option<Self> {
        detect::detect(template)
    }

    /// The syntax of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, syntax)| *syntax)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, syntax)| *syntax == self).map_or("plain", |(name, _)| name)
    }

    /// What it can carry beyond text: `tools`, `reasoning`.
    ///
    /// A template says whether its model does: syntaxes with `<think>` are those of models with
    /// and without reasoning.
    pub fn features(self) -> &'static [&'static str] {
        match self {
            Self::Plain => &[],
            Self::Think => &["reasoning"],
            Self::Apertus
            | Self::ChatGlm3
            | Self::CommandR
            | Self::Functionary31
            | Self::Functionary32
            | Self::Functools
            | Self::Gemma
            | Self::GigaChat
            | Self::Llama3
            | Self::Pythonic => &["tools"],
            _ => &["tools", "reasoning"],
        }
    }

    /// What the prompt goes on with where the client demands a call, so that the reply begins
    /// inside it; markers in it are special tokens where the vocabulary has them.
    ///
    /// `tail` is what the prompt ends with before it: reasoning that it opens is closed.
    pub fn opening(self, request: &ChatRequest, tail: &str) -> String {
        let opening = self.begun(request);
        // A call may also begin with nothing but the tool's name.
        let demanded = self.call().is_some()
            && !request.continues_last()
            && matches!(request.forced(), Ok(Forced::Any | Forced::Tool(_)));
        let thoughts = self.thoughts().filter(|_| demanded);
        match thoughts.map(|thoughts| (thoughts.opening(request, tail), thoughts.markers)) {
            Some((Opening::Prompt, [_, close])) => format!("\n{close}\n\n{opening}"),
            _ => opening,
        }
    }

    /// The beginning of a call that the client demands; empty where it demands none.
    fn begun(self, request: &ChatRequest) -> String {
        if request.continues_last() {
            return String::new();
        }
        let opening = self.call().map_or_else(String::new, |call| call.opening(request));
        if self == Self::Muse && !opening.is_empty() {
            // A call is a message to the tool; one to any of several has a stand-in.
            let to = match request.forced() {
                Ok(Forced::Tool(tool)) => tool.name.as_str(),
                _ => "tool",
            };
            return format!(" to={to}<|message|>{opening}");
        }
        opening
    }

    /// A parser for the reply to a request; `tail` is what the prompt ends with.
    pub fn parser(self, request: &ChatRequest, tail: &str) -> Box<dyn ReplyParser> {
        if self == Self::Harmony {
            return Box::new(harmony(request, tail));
        }
        let begun = self.begun(request);
        if !begun.is_empty() && tail.ends_with(&begun) {
            let mut answer = self.answer(request);
            // The prompt's part of the call completes nothing.
            answer.push(&begun, &mut Events::default());
            return answer;
        }
        let Some(thoughts) = self.thoughts() else { return self.answer(request) };
        let opening = thoughts.opening(request, tail);
        let reasoning = Reasoning::new(thoughts.markers, opening, self.answer(request));
        let calls = self.notation().map_or(&[][..], |notation| notation.openings);
        let calls = if request.callable_tools().is_empty() { &[] } else { calls };
        let reasoning = reasoning.with_calls(calls).with_answers(thoughts.answers);
        Box::new(if thoughts.again { reasoning.interleaved() } else { reasoning })
    }

    /// A grammar for the calls of the reply: from the first token where the client demands a call
    /// (what follows [`Syntax::opening`]), else from the text with which the model begins one.
    ///
    /// Only what [`Lazy`](crate::grammar::Lazy) says is bound: grammars know bytes, and not the
    /// special tokens that some syntaxes have within a call.
    pub fn constraint(self, request: &ChatRequest) -> Option<Constraint> {
        if request.continues_last() {
            return None;
        }
        self.call()?.constraint(request)
    }

    /// The parser of what follows the reasoning.
    fn answer(self, request: &ChatRequest) -> Box<dyn ReplyParser> {
        if self == Self::Muse {
            return Box::new(Addressed::new(&tagged::ATEM, request));
        }
        if let Some(notation) = self.notation() {
            return Box::new(Marked::new(notation, request));
        }
        let headed = |first, read| Headed::new("<|assistant|>", Body { first, read }, request);
        match self {
            Self::Glm4 => Box::new(headed('{', headed_json)),
            Self::ChatGlm3 => Box::new(headed('`', python_call)),
            _ => Box::new(Plain::new(request)),
        }
    }

    /// The notation of its calls, where one describes them.
    pub fn notation(self) -> Option<&'static Notation> {
        Some(match self {
            Self::Plain | Self::Think | Self::ChatGlm3 | Self::Glm4 | Self::Harmony => return None,
            Self::Apertus => &json::APERTUS,
            Self::Apriel | Self::MiniMax => &json::TOOL_CALLS,
            Self::CommandR => &json::COMMAND_R,
            Self::CommandR7B => &json::COMMAND_R7B,
            Self::DeepSeek | Self::DeepSeek31 => &json::DEEPSEEK,
            Self::DeepSeek32 => &tagged::DSML_CALLS,
            Self::Functionary31 => &json::FUNCTIONARY_31,
            Self::Functionary32 => &json::FUNCTIONARY_32,
            Self::Functools => &json::FUNCTOOLS,
            Self::Gemma => &python::TOOL_CODE,
            Self::Gemma4 => &tagged::GEMMA_4,
            Self::GigaChat => &json::GIGACHAT,
            Self::Glm45 => &tagged::GLM,
            Self::Granite => &json::GRANITE,
            Self::Hermes => &json::HERMES,
            Self::Hunyuan => &tagged::HUNYUAN,
            Self::Kimi => &json::KIMI,
            Self::KimiK3 => &tagged::KIMI_K3,
            Self::Lfm2 => &python::LFM2,
            Self::Llama3 => &json::LLAMA,
            Self::MiniCpm5 => &tagged::MINICPM_5,
            Self::MiniMaxM2 => &tagged::MINIMAX_M2,
            Self::MiniMaxM3 => &tagged::MINIMAX_M3,
            Self::Mistral | Self::MistralArgs => &json::MISTRAL,
            Self::Muse => &tagged::ATEM,
            Self::Nemotron => &json::NEMOTRON,
            Self::Pythonic => &python::LIST,
            Self::QwenCoder => &tagged::QWEN_CODER,
            Self::Seed => &tagged::SEED,
            Self::Solar => &json::SOLAR,
        })
    }

    fn thoughts(self) -> Option<Thoughts> {
        let (markers, again) = match self {
            Self::Plain
            | Self::ChatGlm3
            | Self::CommandR
            | Self::Functionary31
            | Self::Functionary32
            | Self::Functools
            | Self::Gemma
            | Self::GigaChat
            | Self::Harmony
            | Self::Llama3
            | Self::Muse
            | Self::Pythonic => return None,
            Self::Apertus => (["<|inner_prefix|>", "<|inner_suffix|>"], true),
            Self::Apriel => (["Here are my reasoning steps:", "[BEGIN FINAL RESPONSE]"], false),
            Self::CommandR7B => (["<|START_THINKING|>", "<|END_THINKING|>"], true),
            Self::Gemma4 => (["<|channel>thought", "<channel|>"], true),
            Self::Hunyuan => (["<think:opensource>", "</think:opensource>"], false),
            Self::KimiK3 => (["<|open|>think<|sep|>", "<|close|>think<|sep|>"], true),
            Self::MiniMaxM3 => (["<mm:think>", "</mm:think>"], false),
            Self::Mistral | Self::MistralArgs => (["[THINK]", "[/THINK]"], true),
            Self::Seed => (["<seed:think>", "</seed:think>"], false),
            Self::Solar => (["<|think|>", "<|end|>"], true),
            _ => (["<think>", "</think>"], false),
        };
        let answers: &[&str] = match self {
            Self::KimiK3 => &["<|open|>response<|sep|>"],
            _ => &[],
        };
        Some(Thoughts { markers, answers, again })
    }
}

impl Thoughts {
    /// Whether the prompt opened the reasoning.
    fn opening(&self, request: &ChatRequest, tail: &str) -> Opening {
        let [open, close] = self.markers;
        let opened = if request.continues_last() {
            // The reply goes on within a message of the client's, at any place of it.
            tail.rfind(open) > tail.rfind(close)
        } else {
            tail.trim_end().ends_with(open.trim_end())
        };
        if opened { Opening::Prompt } else { Opening::Model }
    }
}

/// A parser of messages with channels, from where the prompt ends.
fn harmony(request: &ChatRequest, tail: &str) -> Harmony {
    let parser = Harmony::new(request);
    let header = tail.rsplit_once("<|start|>assistant").map_or("", |(_, header)| header);
    // A message that the reply continues was opened by the prompt, with text of the client's.
    match header.rfind("<|message|>") {
        Some(at) if request.continues_last() => {
            let end = at + "<|message|>".len();
            parser.opened(header.get(..end).unwrap_or_default())
        }
        _ if request.continues_last() => parser.opened("<|channel|>final<|message|>"),
        _ => parser.opened(header),
    }
}
