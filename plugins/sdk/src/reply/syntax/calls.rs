//! How each syntax writes a call, for the grammars that hold it to the tools' schemas.

use super::Syntax;
use crate::grammar::{ArgumentTags, Arguments, Lazy, Part, Trigger};

/// An object with the parts of a call.
const OBJECT: Lazy = Lazy {
    opening: "",
    trigger: Trigger::Opening(""),
    list: ["", "", ""],
    before: &[Part::Text("{\"name\": \"")],
    middle: "\", \"arguments\": ",
    arguments: Arguments::Json,
    end: &[Part::Text("}")],
    bare: false,
};

/// A name, and then the arguments as an object.
const NAMED: Lazy = Lazy { before: &[], middle: "", end: &[], ..OBJECT };

const LIST: [&str; 3] = ["[", ", ", "]"];

/// `<tool_call>` around an object.
pub const HERMES: Lazy =
    Lazy { opening: "<tool_call>\n", trigger: Trigger::Opening("<tool_call>"), ..OBJECT };

/// A line with the name, and a fence.
pub const CHATGLM_3: Lazy = Lazy {
    opening: "",
    trigger: Trigger::EachName,
    middle: "\n```python\ntool_call(",
    arguments: Arguments::Keywords,
    end: &[Part::Text("\n```")],
    ..NAMED
};

const fn tagged(
    opening: &'static str,
    trigger: &'static str,
    middle: &'static str,
    tags: ArgumentTags<'static>,
    end: &'static [Part],
) -> Lazy {
    let trigger = Trigger::Opening(trigger);
    Lazy { opening, trigger, middle, arguments: Arguments::Tagged(tags), end, ..NAMED }
}

/// Only the name is bound.
const fn free(opening: &'static str, trigger: &'static str, middle: &'static str) -> Lazy {
    let trigger = Trigger::Opening(trigger);
    Lazy { opening, trigger, middle, arguments: Arguments::Free, ..NAMED }
}

const FUNCTION_END: &[Part] = &[Part::Text("</function>")];

const PARAMETER: ArgumentTags<'static> = ArgumentTags {
    open: "<parameter=",
    middle: ">\n",
    close: "\n</parameter>",
    line: "\n",
    loose: false,
};

const INVOKE: ArgumentTags<'static> = ArgumentTags {
    open: "<parameter name=\"",
    middle: "\">",
    close: "</parameter>",
    line: "\n",
    loose: false,
};

const PARAM: ArgumentTags<'static> = ArgumentTags {
    open: "<param name=\"",
    middle: "\">",
    close: "</param>",
    line: "",
    loose: false,
};

const ATEM: ArgumentTags<'static> = ArgumentTags {
    open: "<atem:parameter name=\"",
    middle: "\">",
    close: "</atem:parameter>",
    line: "\n",
    loose: false,
};

/// With line breaks up to GLM-4.6, and without them later.
const PAIR: ArgumentTags<'static> = ArgumentTags {
    open: "<arg_key>",
    middle: "</arg_key>\n<arg_value>",
    close: "</arg_value>",
    line: "\n",
    loose: true,
};

/// `<tool_call>` around a name and pairs.
pub const GLM: Lazy = tagged("<tool_call>", "<tool_call>", "", PAIR, &[Part::Text("</tool_call>")]);

impl Syntax {
    /// How it writes a call; `None` where no grammar is of use.
    ///
    /// Command R and GLM-4 have nothing that begins a call and could not stand in text, so only
    /// calls that the client demands are bound.
    pub fn call(self) -> Option<Lazy> {
        self.object().or_else(|| self.name_and_arguments()).or_else(|| self.tags())
    }

    /// Calls that are objects.
    fn object(self) -> Option<Lazy> {
        Some(match self {
            Self::Hermes => HERMES,
            Self::MiniMax => Lazy {
                opening: "<tool_calls>\n",
                trigger: Trigger::Opening("<tool_calls>"),
                ..OBJECT
            },
            Self::Apriel => Lazy {
                opening: "<tool_calls>",
                trigger: Trigger::Opening("<tool_calls>"),
                list: LIST,
                ..OBJECT
            },
            Self::Nemotron => Lazy {
                opening: "<TOOLCALL>",
                trigger: Trigger::Opening("<TOOLCALL>"),
                list: LIST,
                ..OBJECT
            },
            Self::Granite => Lazy {
                opening: "<|tool_call|>",
                trigger: Trigger::Opening("<|tool_call|>"),
                list: LIST,
                ..OBJECT
            },
            Self::Functools => Lazy {
                opening: "functools[",
                trigger: Trigger::Opening("functools["),
                list: ["", ", ", "]"],
                ..OBJECT
            },
            Self::Mistral => Lazy {
                opening: "[TOOL_CALLS]",
                trigger: Trigger::Opening("[TOOL_CALLS]"),
                list: LIST,
                end: &[Part::Maybe(", \"id\": \"[a-zA-Z0-9]{9}\""), Part::Text("}")],
                ..OBJECT
            },
            Self::CommandR7B => Lazy {
                opening: "<|START_ACTION|>",
                trigger: Trigger::Opening("<|START_ACTION|>"),
                list: ["[\n    ", ",\n    ", "\n]"],
                before: &[
                    Part::Text("{\"tool_call_id\": \""),
                    Part::Pattern("[0-9]{1,3}"),
                    Part::Text("\", \"tool_name\": \""),
                ],
                middle: "\", \"parameters\": ",
                ..OBJECT
            },
            Self::CommandR => Lazy {
                opening: "Action: ```json\n",
                trigger: Trigger::Never,
                list: ["[\n    ", ",\n    ", "\n]```"],
                before: &[Part::Text("{\n        \"tool_name\": \"")],
                middle: "\",\n        \"parameters\": ",
                end: &[Part::Text("\n    }")],
                ..OBJECT
            },
            Self::Apertus => Lazy {
                opening: "<|tools_prefix|>",
                trigger: Trigger::Opening("<|tools_prefix|>"),
                list: LIST,
                before: &[Part::Text("{\"")],
                middle: "\": ",
                ..OBJECT
            },
            Self::GigaChat => Lazy {
                opening: "<|function_call|>",
                trigger: Trigger::Opening("<|function_call|>"),
                ..OBJECT
            },
            _ => return None,
        })
    }

    /// Calls that are a name and arguments.
    fn name_and_arguments(self) -> Option<Lazy> {
        Some(match self {
            Self::Llama3 => Lazy {
                opening: "{\"name\": \"",
                trigger: Trigger::Opening("{\"name\": \""),
                middle: "\", \"parameters\": ",
                end: &[Part::Text("}")],
                bare: true,
                ..NAMED
            },
            Self::MistralArgs => Lazy {
                opening: "[TOOL_CALLS]",
                trigger: Trigger::AfterName("[ARGS]"),
                middle: "[ARGS]",
                ..NAMED
            },
            Self::DeepSeek => Lazy {
                opening: "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>",
                trigger: Trigger::Opening("<｜tool▁sep｜>"),
                middle: "\n```json\n",
                end: &[Part::Text("\n```")],
                ..NAMED
            },
            Self::DeepSeek31 => Lazy {
                opening: "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>",
                trigger: Trigger::AfterName("<｜tool▁sep｜>"),
                middle: "<｜tool▁sep｜>",
                ..NAMED
            },
            Self::Kimi => Lazy {
                opening: "<|tool_calls_section_begin|><|tool_call_begin|>functions.",
                trigger: Trigger::AfterName("<|tool_call_argument_begin|>"),
                middle: ":0<|tool_call_argument_begin|>",
                ..NAMED
            },
            Self::Solar => Lazy {
                opening: "<|tool_calls|><|tool_call:begin|>0<|tool_call:name|>",
                trigger: Trigger::AfterName("<|tool_call:args|>"),
                middle: "<|tool_call:args|>",
                ..NAMED
            },
            Self::Harmony => Lazy {
                opening: "<|channel|>commentary to=functions.",
                trigger: Trigger::AfterName("<|constrain|>json<|message|>"),
                middle: " <|constrain|>json<|message|>",
                ..NAMED
            },
            Self::Functionary31 => Lazy {
                opening: "<function=",
                trigger: Trigger::Opening("<function="),
                middle: ">",
                end: FUNCTION_END,
                ..NAMED
            },
            Self::Functionary32 => {
                Lazy { trigger: Trigger::EachName, opening: ">>>", middle: "\n", ..NAMED }
            }
            Self::ChatGlm3 => CHATGLM_3,
            Self::Glm4 => Lazy { trigger: Trigger::Never, middle: "\n", ..NAMED },
            Self::Lfm2 => Lazy {
                opening: "<|tool_call_start|>",
                trigger: Trigger::Opening("<|tool_call_start|>"),
                list: LIST,
                middle: "(",
                arguments: Arguments::Keywords,
                ..NAMED
            },
            Self::Pythonic => Lazy {
                opening: "[",
                trigger: Trigger::EachName,
                list: ["", "", "]"],
                middle: "(",
                arguments: Arguments::Keywords,
                ..NAMED
            },
            Self::Gemma => Lazy {
                opening: "```tool_code\n",
                trigger: Trigger::Opening("```tool_code\n"),
                middle: "(",
                arguments: Arguments::Keywords,
                end: &[Part::Text("\n```")],
                ..NAMED
            },
            _ => return None,
        })
    }

    /// Calls with tags, or with special tokens in them.
    fn tags(self) -> Option<Lazy> {
        Some(match self {
            Self::QwenCoder => {
                tagged("<tool_call>\n<function=", "<function=", ">\n", PARAMETER, FUNCTION_END)
            }
            Self::Seed => {
                let tags = ArgumentTags { middle: ">", close: "</parameter>", ..PARAMETER };
                tagged("<seed:tool_call>\n<function=", "<function=", ">\n", tags, FUNCTION_END)
            }
            Self::MiniMaxM2 => tagged(
                "<minimax:tool_call>\n<invoke name=\"",
                "<invoke name=\"",
                "\">\n",
                INVOKE,
                &[Part::Text("</invoke>")],
            ),
            Self::Muse => tagged(
                "<atem:function_calls>\n<atem:invoke name=\"",
                "<atem:invoke name=\"",
                "\">\n",
                ATEM,
                &[Part::Text("</atem:invoke>")],
            ),
            Self::MiniCpm5 => {
                tagged("<function name=\"", "<function name=\"", "\">", PARAM, FUNCTION_END)
            }
            Self::Glm45 => GLM,
            Self::Gemma4 => free("<|tool_call>call:", "<|tool_call>call:", "{"),
            Self::DeepSeek32 => free(
                "<｜DSML｜tool_calls>\n<｜DSML｜invoke name=\"",
                "｜DSML｜invoke name=\"",
                "\">",
            ),
            Self::KimiK3 => free("<|open|>tools<|sep|><|open|>call tool=\"", "call tool=\"", "\""),
            Self::MiniMaxM3 => free(
                "]<]minimax[>[<tool_call>\n]<]minimax[>[<invoke name=\"",
                "<invoke name=\"",
                "\">",
            ),
            Self::Hunyuan => free(
                "<tool_calls:opensource>\n<tool_call:opensource>",
                "<tool_call:opensource>",
                "<tool_sep:opensource>",
            ),
            _ => return None,
        })
    }
}
