//! Notations in which a call is JSON.

use crate::json as text;
use crate::reply::notation::is_name;
use crate::reply::{Call, Head, Heading, Keys, Notation, dictionary};

/// A notation with nothing in it but this.
const NONE: Notation = Notation {
    openings: &[],
    closings: &[],
    silent: &[],
    starts: &[],
    keys: Some(&Keys::COMMON),
    head: object_or_list,
};

/// For calls that nothing marks.
const BARE: Keys = Keys { strict: true, ..Keys::COMMON };

const COHERE: Keys =
    Keys { name: &["tool_name"], arguments: &["parameters"], id: &["tool_call_id"], strict: false };

/// `<tool_call>{"name": .., "arguments": {..}}</tool_call>`: Hermes, Qwen 2.5 and 3, QwQ, MiMo,
/// Granite 4, Reka, Bielik, SmolLM3, Baichuan-M2.
pub static HERMES: Notation =
    Notation { openings: &["<tool_call>"], closings: &["</tool_call>"], ..NONE };

/// The object alone, several with `;` between them: Llama 3.1 to 3.3.
///
/// Xinference reads a Python dictionary too, which older models write.
pub static LLAMA: Notation = Notation {
    openings: &["<|python_tag|>"],
    starts: &['{'],
    keys: Some(&BARE),
    head: |heading| {
        let after = heading.text.trim_start().strip_prefix('{').map(str::trim_start);
        match after.and_then(|after| after.chars().next()) {
            None if after.is_some() || heading.text.trim().is_empty() => Head::Unknown,
            Some('\'') => Head::Bracketed { read: python_object },
            _ => object_or_list(heading),
        }
    },
    ..NONE
};

/// `<tool_calls>` around a list, or around an object on each line: MiniMax-M1, Apriel.
pub static TOOL_CALLS: Notation =
    Notation { openings: &["<tool_calls>"], closings: &["</tool_calls>"], ..NONE };

/// `<TOOLCALL>[{..}]</TOOLCALL>`: Nemotron Nano 2.
pub static NEMOTRON: Notation =
    Notation { openings: &["<TOOLCALL>"], closings: &["</TOOLCALL>"], ..NONE };

/// `<|tool_call|>[{..}]`: Granite 3.
pub static GRANITE: Notation = Notation {
    openings: &["<|tool_call|>", "<tool_call>"],
    closings: &["<|/tool_call|>", "</tool_call>"],
    ..NONE
};

/// `functools[{..}]`: FireFunction, Phi-4.
pub static FUNCTOOLS: Notation = Notation {
    openings: &["functools["],
    head: |heading| match heading.text.trim_start().chars().next() {
        None => Head::Unknown,
        Some('{') => Head::List { at: blank(heading.text) },
        Some(_) => Head::NoCall,
    },
    ..NONE
};

/// `<|START_ACTION|>[{"tool_call_id": .., "tool_name": .., "parameters": ..}]<|END_ACTION|>`:
/// Command R7B and later.
pub static COMMAND_R7B: Notation = Notation {
    openings: &["<|START_ACTION|>"],
    closings: &["<|END_ACTION|>"],
    silent: &["<|START_RESPONSE|>", "<|END_RESPONSE|>", "<|START_TEXT|>", "<|END_TEXT|>"],
    keys: Some(&COHERE),
    ..NONE
};

/// `Action:` and a list in a fence: Command R and R+.
pub static COMMAND_R: Notation = Notation {
    openings: &["Action:"],
    closings: &["```"],
    silent: &["<|CHATBOT_TOKEN|>", "<|END_OF_TURN_TOKEN|>"],
    keys: Some(&COHERE),
    head: |heading| fenced(heading, object_or_list),
    ..NONE
};

/// `[{"NAME": {..}}]`, the name being the key: Apertus.
pub static APERTUS: Notation = Notation {
    openings: &["<|tools_prefix|>"],
    closings: &["<|tools_suffix|>"],
    keys: Some(&Keys { name: &[], ..Keys::COMMON }),
    ..NONE
};

/// `<|function_call|>{..}`, or a message of its own: GigaChat 3.
pub static GIGACHAT: Notation = Notation {
    openings: &["<|function_call|>", "<|message_sep|>\n\nfunction call<|role_sep|>\n"],
    ..NONE
};

/// `[TOOL_CALLS][{..}]`, and since 2025 `[TOOL_CALLS]NAME[ARGS]{..}` with `[CALL_ID]` in some:
/// Mistral, Devstral, Magistral, Ministral.
pub static MISTRAL: Notation = Notation {
    openings: &["[TOOL_CALLS]"],
    head: |heading| {
        let text = heading.text.trim_start();
        if text.is_empty() || text == "[" {
            return Head::Unknown;
        }
        if text.starts_with('[') {
            return object_or_list(heading);
        }
        let Some(end) = text.find(['[', '{']) else { return Head::Unknown };
        let (name, rest) = text.split_at_checked(end).unwrap_or((text, ""));
        let (id, rest) = match rest.strip_prefix("[CALL_ID]") {
            Some(rest) => {
                let Some(end) = rest.find(['[', '{']) else { return Head::Unknown };
                rest.split_at_checked(end).map_or((None, ""), |(id, rest)| (Some(id), rest))
            }
            None => (None, rest),
        };
        let arguments = rest.strip_prefix("[ARGS]").unwrap_or(rest);
        if ["[CALL_ID]", "[ARGS]"].iter().any(|marker| marker.starts_with(arguments)) {
            return Head::Unknown;
        }
        named(heading, name, id, arguments)
    },
    ..NONE
};

/// `function<｜tool▁sep｜>NAME` and a fence, and since V3.1 `NAME<｜tool▁sep｜>{..}`: DeepSeek V3,
/// R1 and V3.1.
///
/// Xinference reads a fence with an object and no marker too.
pub static DEEPSEEK: Notation = Notation {
    openings: &["<｜tool▁calls▁begin｜>", "<｜tool▁call▁begin｜>"],
    closings: &["```", "<｜tool▁call▁end｜>", "<｜tool▁calls▁end｜>"],
    starts: &['`'],
    keys: Some(&BARE),
    head: |heading| {
        const SEPARATOR: &str = "<｜tool▁sep｜>";
        if heading.marker.is_empty() {
            return fenced(heading, object_or_list);
        }
        let Some((name, rest)) = heading.text.split_once(SEPARATOR) else { return Head::Unknown };
        let rest = rest.trim_start();
        if rest.is_empty() {
            return Head::Unknown;
        }
        if name.trim() != "function" || rest.starts_with('{') {
            return named(heading, name, None, rest);
        }
        let Some((name, rest)) = rest.split_once('\n') else { return Head::Unknown };
        match fence(rest) {
            Some(arguments) => named(heading, name, None, arguments),
            None => Head::Unknown,
        }
    },
    ..NONE
};

/// `functions.NAME:0<|tool_call_argument_begin|>{..}`, the whole of which is the id: Kimi K2.
pub static KIMI: Notation = Notation {
    openings: &["<|tool_calls_section_begin|>", "<|tool_call_begin|>"],
    closings: &["<|tool_call_end|>", "<|tool_calls_section_end|>"],
    head: |heading| {
        let parts = heading.text.split_once("<|tool_call_argument_begin|>");
        let Some((id, arguments)) = parts else { return Head::Unknown };
        let id = id.trim();
        let name = id.strip_prefix("functions.").unwrap_or(id);
        let name = name.rsplit_once(':').map_or(name, |(name, _)| name);
        named(heading, name, Some(id), arguments)
    },
    ..NONE
};

/// `ID<|tool_call:name|>NAME<|tool_call:args|>{..}`: Solar.
pub static SOLAR: Notation = Notation {
    openings: &["<|tool_calls|>", "<|tool_call:begin|>"],
    closings: &["<|tool_call:end|>", "<|calls|>"],
    silent: &["<|begin|>assistant", "<|content|>", "<|end|>"],
    head: |heading| {
        let parts = heading.text.split_once("<|tool_call:args|>");
        let Some((head, arguments)) = parts else { return Head::Unknown };
        match head.split_once("<|tool_call:name|>") {
            Some((id, name)) => named(heading, name, Some(id.trim()), arguments),
            None => Head::NoCall,
        }
    },
    ..NONE
};

/// `<function=NAME>{..}</function>`: Functionary 3.1, and Llama 3.1 where it is told to.
pub static FUNCTIONARY_31: Notation = Notation {
    openings: &["<function="],
    closings: &["</function>"],
    head: |heading| match heading.text.split_once('>') {
        Some((name, arguments)) => named(heading, name, None, arguments),
        None => Head::Unknown,
    },
    ..NONE
};

/// The recipient on a line of its own after `>>>`, with which the prompt ends: Functionary 3.2.
pub static FUNCTIONARY_32: Notation = Notation {
    openings: &[">>>"],
    starts: &['*'],
    head: |heading| {
        let Some((line, rest)) = heading.text.split_once('\n') else {
            let text = heading.text.trim_start();
            let known = heading.tools.names().any(|name| name.starts_with(text));
            return if known || "all".starts_with(text) { Head::Unknown } else { Head::NoCall };
        };
        match line.trim() {
            "all" => Head::Content { at: line.len() + 1 },
            name if heading.tools.contains(name) => named(heading, name, None, rest),
            _ => Head::NoCall,
        }
    },
    ..NONE
};

/// A call's arguments, which stand at the end of the heading's text.
fn named(heading: &Heading<'_>, name: &str, id: Option<&str>, arguments: &str) -> Head {
    let name = name.trim();
    if !is_name(name) {
        return Head::NoCall;
    }
    let id = id.map(str::trim).filter(|id| !id.is_empty()).map(str::to_owned);
    let call = Call { id, ..Call::new(name, "") };
    let arguments = arguments.trim_start();
    match arguments.chars().next() {
        None => Head::Unknown,
        Some('{') => Head::Arguments { call, at: heading.text.len() - arguments.len() },
        Some(_) => Head::NoCall,
    }
}

/// An object, or a list of them.
fn object_or_list(heading: &Heading<'_>) -> Head {
    let text = heading.text.trim_start();
    let at = heading.text.len() - text.len();
    match text.chars().next() {
        None => Head::Unknown,
        Some('{') => Head::Object { at },
        Some('[') => {
            let inside = text.get(1..).unwrap_or_default().trim_start();
            match inside.chars().next() {
                None => Head::Unknown,
                Some('{') => Head::List { at: heading.text.len() - inside.len() },
                Some(_) => Head::NoCall,
            }
        }
        Some(_) => Head::NoCall,
    }
}

/// What stands in a fence, or in none; `None`: more text will tell.
fn fence(text: &str) -> Option<&str> {
    let text = text.trim_start();
    let Some(inside) = text.strip_prefix("```") else {
        return (!"```".starts_with(text)).then_some(text);
    };
    let inside = inside.strip_prefix("json").unwrap_or(inside).trim_start();
    (!"json".starts_with(inside)).then_some(inside)
}

/// Decides by what stands in a fence.
fn fenced(heading: &Heading<'_>, decide: fn(&Heading<'_>) -> Head) -> Head {
    if !"```".starts_with(heading.text.trim_start())
        && !heading.text.trim_start().starts_with("```")
    {
        return Head::NoCall;
    }
    let Some(inside) = fence(heading.text) else { return Head::Unknown };
    let skipped = heading.text.len() - inside.len();
    match decide(&Heading { marker: heading.marker, text: inside, tools: heading.tools }) {
        Head::Object { at } => Head::Object { at: at + skipped },
        Head::List { at } => Head::List { at: at + skipped },
        other => other,
    }
}

/// A call as a Python dictionary.
fn python_object(heading: &Heading<'_>) -> Option<Vec<Call>> {
    let call = dictionary(heading.text)?;
    let name = call.get("name")?.as_str().filter(|name| heading.tools.contains(name))?;
    let arguments = call.get("parameters").or_else(|| call.get("arguments"))?;
    arguments.is_object().then(|| vec![Call::new(name, text::python(arguments))])
}

fn blank(text: &str) -> usize {
    text.len() - text.trim_start().len()
}
