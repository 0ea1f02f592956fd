//! Notations in which arguments stand between tags.

use serde_json::Map;
use serde_json::Value;

use crate::json;
use crate::reply::elements::elements;
use crate::reply::notation::is_name;
use crate::reply::tags::CDATA;
use crate::reply::{Call, Head, Heading, Notation, Tags, gemma};

const NONE: Notation = Notation {
    openings: &[],
    closings: &[],
    silent: &[],
    starts: &[],
    keys: None,
    head: |_| Head::NoCall,
};

const FUNCTION: Tags = Tags {
    call: &["<function="],
    parameter: &["<parameter="],
    end: ">",
    close: &["</parameter>"],
    quoted: false,
};

/// `<function=NAME><parameter=KEY>` in `<tool_call>`: Qwen3-Coder, Qwen 3.5, Nemotron 3, Step 3.5.
///
/// Models leave the outer marker out at times, and llama.cpp reads that too.
pub static QWEN_CODER: Notation = Notation {
    openings: &["<tool_call>", "<function="],
    closings: &["</tool_call>"],
    head: function,
    ..NONE
};

/// The same in `<seed:tool_call>`: Seed-OSS.
pub static SEED: Notation = Notation {
    openings: &["<seed:tool_call>", "<function="],
    closings: &["</seed:tool_call>"],
    head: function,
    ..NONE
};

fn function(heading: &Heading<'_>) -> Head {
    if heading.marker != "<function=" {
        return Head::NoCall;
    }
    Head::Closed {
        read: |heading| FUNCTION.read(heading),
        close: "</function>",
        quotes: &[["<parameter=", "</parameter>"]],
    }
}

const INVOKE: Tags = Tags {
    call: &["<invoke name="],
    parameter: &["<parameter name="],
    end: ">",
    close: &["</parameter>"],
    quoted: false,
};

/// `<invoke name="NAME"><parameter name="KEY">` in `<minimax:tool_call>`: MiniMax-M2.
pub static MINIMAX_M2: Notation = Notation {
    openings: &["<minimax:tool_call>", "<invoke name="],
    closings: &["</minimax:tool_call>"],
    head: |heading| match heading.marker {
        "<invoke name=" => Head::Closed {
            read: |heading| INVOKE.read(heading),
            close: "</invoke>",
            quotes: &[["<parameter name=", "</parameter>"]],
        },
        _ => Head::NoCall,
    },
    ..NONE
};

const ATEM_CALL: Tags = Tags {
    call: &["<atem:invoke name="],
    parameter: &["<atem:parameter name="],
    end: ">",
    close: &["</atem:parameter>"],
    quoted: false,
};

/// `<atem:invoke name="NAME"><atem:parameter name="KEY">` in `<atem:function_calls>`: Muse Glimmer.
pub static ATEM: Notation = Notation {
    openings: &["<atem:function_calls>", "<atem:invoke name="],
    closings: &["</atem:function_calls>"],
    head: |heading| match heading.marker {
        "<atem:invoke name=" => Head::Closed {
            read: |heading| ATEM_CALL.read(heading),
            close: "</atem:invoke>",
            quotes: &[["<atem:parameter name=", "</atem:parameter>"]],
        },
        _ => Head::NoCall,
    },
    ..NONE
};

/// Before every tag of MiniMax-M3.
const MINIMAX: &str = "]<]minimax[>[";

/// Elements that are named after the arguments: MiniMax-M3.
pub static MINIMAX_M3: Notation = Notation {
    openings: &[
        "]<]minimax[>[<tool_call>",
        "]<]minimax[>[<invoke name=",
        "<minimax:tool_call>",
        "<invoke name=",
    ],
    closings: &["]<]minimax[>[</tool_call>", "</minimax:tool_call>"],
    head: |heading| {
        if !heading.marker.ends_with("name=") {
            return Head::NoCall;
        }
        let read = |heading: &Heading<'_>| {
            let space = if heading.marker.starts_with(MINIMAX) { MINIMAX } else { "" };
            elements(heading, space)
        };
        Head::Closed { read, close: "</invoke>", quotes: &[] }
    },
    ..NONE
};

const DSML: Tags = Tags {
    call: &["<｜DSML｜invoke name=", "<｜DSML｜ invoke name=", "<invoke name="],
    parameter: &["<｜DSML｜parameter name=", "<｜DSML｜ parameter name=", "<parameter name="],
    end: ">",
    close: &["</｜DSML｜parameter>", "</｜DSML｜ parameter>", "</parameter>"],
    quoted: false,
};

/// `<｜DSML｜invoke name="NAME"><｜DSML｜parameter name="KEY" string="true">`: DeepSeek V3.2 and V4.
///
/// Xinference reads the tags without their prefix too, as models write them at times.
pub static DSML_CALLS: Notation = Notation {
    openings: &[
        "<｜DSML｜function_calls>",
        "<｜DSML｜tool_calls>",
        "<｜DSML｜ calls>",
        "<｜DSML｜invoke name=",
        "<｜DSML｜ invoke name=",
        "<function_calls>",
        "<tool_calls>",
        "<invoke name=",
    ],
    closings: &[
        "</｜DSML｜function_calls>",
        "</｜DSML｜tool_calls>",
        "</｜DSML｜ calls>",
        "</function_calls>",
        "</tool_calls>",
    ],
    head: |heading| {
        let read = |heading: &Heading<'_>| DSML.read(heading);
        match heading.marker {
            "<｜DSML｜invoke name=" => Head::Closed {
                read,
                close: "</｜DSML｜invoke>",
                quotes: &[["<｜DSML｜parameter name=", "</｜DSML｜parameter>"]],
            },
            "<｜DSML｜ invoke name=" => Head::Closed {
                read,
                close: "</｜DSML｜ invoke>",
                quotes: &[["<｜DSML｜ parameter name=", "</｜DSML｜ parameter>"]],
            },
            "<invoke name=" => Head::Closed {
                read,
                close: "</invoke>",
                quotes: &[["<parameter name=", "</parameter>"]],
            },
            _ => Head::NoCall,
        }
    },
    ..NONE
};

const MINICPM: Tags = Tags {
    call: &["<function name="],
    parameter: &["<param name="],
    end: ">",
    close: &["</param>"],
    quoted: true,
};

/// `<function name="NAME"><param name="KEY">`, with CDATA: MiniCPM 5.
pub static MINICPM_5: Notation = Notation {
    openings: &["<function name="],
    head: |_| Head::Closed {
        read: |heading| MINICPM.read(heading),
        close: "</function>",
        quotes: &[CDATA],
    },
    ..NONE
};

const XTML: Tags = Tags {
    call: &["<|open|>call tool="],
    parameter: &["<|open|>argument key="],
    end: "<|sep|>",
    close: &["<|close|>argument<|sep|>"],
    quoted: false,
};

/// `<|open|>call tool="NAME" index="1"<|sep|>` and typed arguments: Kimi K3.
pub static KIMI_K3: Notation = Notation {
    openings: &["<|open|>tools<|sep|>", "<|open|>call tool="],
    closings: &["<|close|>tools<|sep|>"],
    silent: &[
        "<|open|>response<|sep|>",
        "<|close|>response<|sep|>",
        "<|close|>message<|sep|>",
        "<|end_of_msg|>",
    ],
    head: |heading| match heading.marker {
        "<|open|>call tool=" => Head::Closed {
            read: |heading| XTML.read(heading),
            close: "<|close|>call<|sep|>",
            quotes: &[["<|open|>argument key=", "<|close|>argument<|sep|>"]],
        },
        _ => Head::NoCall,
    },
    ..NONE
};

/// `NAME<arg_key>KEY</arg_key><arg_value>VALUE</arg_value>` in `<tool_call>`: GLM-4.5 and later,
/// Laguna.
pub static GLM: Notation = Notation {
    openings: &["<tool_call>"],
    head: |heading| {
        pairs_head(heading, || Head::Closed {
            read: |heading| {
                pairs(heading, ["<arg_key>", "</arg_key>", "<arg_value>", "</arg_value>"])
            },
            close: "</tool_call>",
            quotes: &[["<arg_value>", "</arg_value>"]],
        })
    },
    ..NONE
};

/// The same with a suffix in every marker: Hunyuan 3.
pub static HUNYUAN: Notation = Notation {
    openings: &["<tool_calls:opensource>", "<tool_call:opensource>"],
    closings: &["</tool_calls:opensource>"],
    head: |heading| {
        if heading.marker == "<tool_calls:opensource>" {
            return if heading.text.trim().is_empty() { Head::Unknown } else { Head::NoCall };
        }
        pairs_head(heading, || Head::Closed {
            read: |heading| {
                let markers = [
                    "<arg_key:opensource>",
                    "</arg_key:opensource>",
                    "<arg_value:opensource>",
                    "</arg_value:opensource>",
                ];
                let text = heading.text.replacen("<tool_sep:opensource>", "", 1);
                pairs(
                    &Heading { marker: heading.marker, text: &text, tools: heading.tools },
                    markers,
                )
            },
            close: "</tool_call:opensource>",
            quotes: &[["<arg_value:opensource>", "</arg_value:opensource>"]],
        })
    },
    ..NONE
};

fn pairs_head(heading: &Heading<'_>, closed: fn() -> Head) -> Head {
    match heading.text.trim_start().chars().next() {
        None => Head::Unknown,
        Some(first) if first.is_alphanumeric() || first == '_' => closed(),
        Some(_) => Head::NoCall,
    }
}

/// A name, then keys and values between the four markers.
fn pairs(heading: &Heading<'_>, markers: [&str; 4]) -> Option<Vec<Call>> {
    let [key_open, key_close, value_open, value_close] = markers;
    let at = heading.text.find(key_open).unwrap_or(heading.text.len());
    let (name, mut rest) = heading.text.split_at_checked(at)?;
    let name = Some(name.trim()).filter(|name| is_name(name))?;
    let mut arguments = Map::new();
    while !rest.trim().is_empty() {
        let (key, after) = rest.trim_start().strip_prefix(key_open)?.split_once(key_close)?;
        let value = after.trim_start().strip_prefix(value_open)?;
        let (value, after) = value.split_once(value_close)?;
        let key = key.trim();
        arguments.insert(key.to_owned(), heading.tools.typed(name, key, value));
        rest = after;
    }
    Some(vec![Call::new(name, json::python(&Value::Object(arguments)))])
}

/// `call:NAME{key:<|"|>text<|"|>}` in `<|tool_call>`: Gemma 4.
pub static GEMMA_4: Notation = Notation {
    openings: &["<|tool_call>"],
    silent: &["<|tool_response>", "<|channel>"],
    head: |heading| {
        let text = heading.text.trim_start();
        if "call:".starts_with(text) {
            return Head::Unknown;
        }
        if !text.starts_with("call:") {
            return Head::NoCall;
        }
        Head::Closed { read: gemma::read, close: "<tool_call|>", quotes: &[["<|\"|>", "<|\"|>"]] }
    },
    ..NONE
};
