//! Reading cases: a card in the WIT's words, messages and tools in OpenAI's.
//!
//! This is the format of the SDK's test kit; every family in `plugins/` has cases in it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, anyhow, bail};
use model::{
    ChatRequest, ContentPart, ControlToken, FinishReason, Message, ModelCard, Role, Tool, ToolCall,
    ToolChoice,
};
use serde_json::{Map, Value, ser::Formatter};

use crate::problem::Hint as _;

/// One case.
pub(super) struct Case {
    /// Its file, whose name those of the goldens follow.
    pub(super) file: PathBuf,
    pub(super) card: ModelCard,
    pub(super) request: ChatRequest,
    pub(super) replies: Vec<Reply>,
}

/// What the model wrote.
pub(super) struct Reply {
    pub(super) text: String,
    pub(super) finish: FinishReason,
    /// The file with the events that must come of it.
    pub(super) golden: PathBuf,
}

impl Case {
    /// The length of what is said in the conversation.
    pub(super) fn text_bytes(&self) -> usize {
        let parts = self.request.messages.iter().flat_map(|message| &message.content);
        parts.map(|part| if let ContentPart::Text(text) = part { text.len() } else { 0 }).sum()
    }
}

/// The cases of a folder, in the order of their names.
pub(super) fn read_all(folder: &Path) -> anyhow::Result<Vec<Case>> {
    let shown = folder.display();
    let entries = fs::read_dir(folder)
        .with_context(|| format!("cannot read the cases in `{shown}`"))
        .hint("name the folder: `host plugin test FILE.wasm CASES`")?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort();
    let is_case = |file: &&PathBuf| file.extension().is_some_and(|extension| extension == "json");
    let cases: Vec<Case> =
        files.iter().filter(is_case).map(|file| read(file, &files)).collect::<Result<_, _>>()?;
    if cases.is_empty() {
        bail!("there is no case (NAME.json) in `{shown}`");
    }
    Ok(cases)
}

fn read(file: &Path, files: &[PathBuf]) -> anyhow::Result<Case> {
    let shown = file.display();
    let text = fs::read_to_string(file).with_context(|| format!("cannot read `{shown}`"))?;
    let (card, request, finish) = parse(&text).with_context(|| format!("the case `{shown}`"))?;
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    let mut replies = Vec::new();
    for path in files {
        let reply = path.file_name().unwrap_or_default().to_string_lossy();
        let Some(stem) = reply.strip_suffix(".reply.txt") else { continue };
        let Some(word) = stem.strip_prefix(name.as_ref()) else { continue };
        if !(word.is_empty() || word.starts_with('.')) {
            continue;
        }
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let reason = finish.get(word.trim_start_matches('.')).map(String::as_str);
        let golden = path.with_file_name(format!("{stem}.events"));
        replies.push(Reply { text, finish: finish_reason(reason), golden });
    }
    Ok(Case { file: file.to_owned(), card, request, replies })
}

type Parsed = (ModelCard, ChatRequest, BTreeMap<String, String>);

fn parse(text: &str) -> anyhow::Result<Parsed> {
    let case: Value = serde_json::from_str(text)?;
    let card = card(case.get("card").context("it has no `card`")?);
    let request = request(case.get("request").context("it has no `request`")?)?;
    let finish = object(&case, "finish").into_iter().flatten();
    Ok((card, request, finish.map(|(word, reason)| (word.clone(), string(reason))).collect()))
}

fn finish_reason(word: Option<&str>) -> FinishReason {
    match word {
        Some("length") => FinishReason::Length,
        Some("cancelled") => FinishReason::Cancelled,
        _ => FinishReason::Stop,
    }
}

/// A card; what is missing is empty, the vocabulary's size without bound.
fn card(value: &Value) -> ModelCard {
    let number = |key| value.get(key).and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok());
    let pairs = |key| {
        let fields = object(value, key).into_iter().flatten();
        fields.map(|(key, value)| (key.clone(), string(value))).collect()
    };
    let tokens = object(value, "control-tokens").into_iter().flatten();
    let tokens = tokens.map(|(text, id)| ControlToken {
        text: text.clone(),
        id: id.as_u64().and_then(|id| u32::try_from(id).ok()).unwrap_or_default(),
    });
    ModelCard {
        name: text(value, "name").unwrap_or_default(),
        architecture: text(value, "architecture").unwrap_or_default(),
        chat_template: text(value, "chat-template"),
        context_length: number("context-length").unwrap_or(4096),
        vocabulary_size: number("vocabulary-size").unwrap_or(u32::MAX),
        bos: number("bos"),
        eos: number("eos"),
        control_tokens: tokens.collect(),
        metadata: pairs("metadata"),
        options: pairs("options"),
    }
}

fn request(value: &Value) -> anyhow::Result<ChatRequest> {
    let list = |key| value.get(key).and_then(Value::as_array).into_iter().flatten();
    let flag = |key| value.get(key).and_then(Value::as_bool);
    let tool_choice = match value.get("tool-choice") {
        None => ToolChoice::Auto,
        Some(Value::String(word)) => match word.as_str() {
            "auto" => ToolChoice::Auto,
            "none" => ToolChoice::None,
            "required" => ToolChoice::Required,
            word => {
                return Err(anyhow!("`tool-choice` is `{word}`"))
                    .hint("it is `auto`, `none`, `required` or {\"name\": \"FUNCTION\"}");
            }
        },
        Some(named) => ToolChoice::Named(text(named, "name").context("`tool-choice` has no name")?),
    };
    Ok(ChatRequest {
        messages: list("messages").map(message).collect::<Result<_, _>>()?,
        tools: list("tools").map(tool).collect(),
        tool_choice,
        parallel_tool_calls: flag("parallel-tool-calls"),
        reasoning: flag("reasoning"),
        reasoning_effort: text(value, "reasoning-effort"),
        continue_last: flag("continue-last").unwrap_or(false),
        now: text(value, "now").unwrap_or_else(|| "2026-01-02T03:04:05Z".to_owned()),
        template_variables_json: value.get("template-variables").map(Value::to_string),
    })
}

fn message(value: &Value) -> anyhow::Result<Message> {
    let role = match value.get("role").and_then(Value::as_str).unwrap_or_default() {
        "system" => Role::System,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "tool" => Role::Tool,
        other => {
            return Err(anyhow!("a message has the role `{other}`"))
                .hint("roles are system, user, assistant and tool");
        }
    };
    let mut media = 0..;
    let content = match value.get("content") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(parts)) => parts
            .iter()
            .map(|part| match part.get("type").and_then(Value::as_str) {
                Some("image") => ContentPart::Image(media.next().unwrap_or_default()),
                Some("audio") => ContentPart::Audio(media.next().unwrap_or_default()),
                _ => ContentPart::Text(text(part, "text").unwrap_or_default()),
            })
            .collect(),
        Some(content) => vec![ContentPart::Text(string(content))],
    };
    let calls = value.get("tool_calls").and_then(Value::as_array).into_iter().flatten();
    Ok(Message {
        role,
        content,
        name: text(value, "name"),
        reasoning: text(value, "reasoning").or_else(|| text(value, "reasoning_content")),
        tool_calls: calls.map(tool_call).collect::<Result<_, _>>()?,
        tool_call_id: text(value, "tool_call_id"),
    })
}

fn tool_call(value: &Value) -> anyhow::Result<ToolCall> {
    let function = value.get("function").unwrap_or(value);
    Ok(ToolCall {
        id: text(value, "id").unwrap_or_default(),
        name: text(function, "name").unwrap_or_default(),
        arguments_json: match function.get("arguments") {
            None => String::new(),
            // As clients send them: JSON in a string.
            Some(Value::String(text)) => text.clone(),
            Some(arguments) => python_json(arguments)?,
        },
    })
}

fn tool(value: &Value) -> Tool {
    let function = value.get("function").unwrap_or(value);
    Tool {
        name: text(function, "name").unwrap_or_default(),
        description: text(function, "description"),
        parameters_json: function.get("parameters").map(Value::to_string).unwrap_or_default(),
        definition_json: value.to_string(),
    }
}

fn object<'a>(value: &'a Value, key: &str) -> Option<&'a Map<String, Value>> {
    value.get(key).and_then(Value::as_object)
}

fn text(value: &Value, key: &str) -> Option<String> {
    value.get(key).and_then(Value::as_str).map(str::to_owned)
}

fn string(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// JSON with a space after each comma and colon, as models write arguments.
fn python_json(value: &Value) -> anyhow::Result<String> {
    let mut out = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, Spaced);
    serde::Serialize::serialize(value, &mut serializer)?;
    Ok(String::from_utf8(out)?)
}

struct Spaced;

impl Formatter for Spaced {
    fn begin_array_value<W: ?Sized + std::io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> std::io::Result<()> {
        writer.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_key<W: ?Sized + std::io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> std::io::Result<()> {
        self.begin_array_value(writer, first)
    }

    fn begin_object_value<W: ?Sized + std::io::Write>(
        &mut self,
        writer: &mut W,
    ) -> std::io::Result<()> {
        writer.write_all(b": ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_is_read() {
        let (card, request, finish) = parse(
            r#"{
                "card": {"name": "m", "eos": 2, "control-tokens": {"</s>": 2}, "options": {"n": 1}},
                "request": {
                    "messages": [
                        {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "?"}]},
                        {"role": "assistant", "content": null, "tool_calls": [
                            {"id": "c1", "function": {"name": "f", "arguments": {"a": [1, "ü"], "b": {}}}}
                        ]}
                    ],
                    "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
                    "tool-choice": {"name": "f"},
                    "template-variables": {"x": true}
                },
                "finish": {"cut": "length"}
            }"#,
        )
        .unwrap();
        assert_eq!(
            (card.eos, card.context_length, card.vocabulary_size),
            (Some(2), 4096, u32::MAX)
        );
        assert_eq!(card.control_tokens, [ControlToken { text: "</s>".into(), id: 2 }]);
        assert_eq!(card.options, [("n".to_owned(), "1".to_owned())]);
        let [user, assistant] = request.messages.as_slice() else { panic!("{request:?}") };
        assert_eq!(user.content, [ContentPart::Image(0), ContentPart::Text("?".into())]);
        assert!(assistant.content.is_empty());
        assert_eq!(assistant.tool_calls[0].arguments_json, r#"{"a": [1, "ü"], "b": {}}"#);
        assert_eq!(request.tools[0].parameters_json, r#"{"type":"object"}"#);
        assert_eq!(request.tool_choice, ToolChoice::Named("f".into()));
        assert_eq!(request.template_variables_json.as_deref(), Some(r#"{"x":true}"#));
        assert_eq!(finish_reason(finish.get("cut").map(String::as_str)), FinishReason::Length);
        assert_eq!(finish_reason(None), FinishReason::Stop);
    }

    #[test]
    fn mistakes_are_named() {
        #[track_caller]
        fn check(text: &str, expect: &str) {
            let error = parse(text).map(|_| ()).unwrap_err();
            assert!(format!("{error:#}").contains(expect), "{error:#}");
        }
        check("{", "EOF");
        check("{}", "no `card`");
        check(r#"{"card": {}}"#, "no `request`");
        check(r#"{"card": {}, "request": {"messages": [{"role": "bot"}]}}"#, "role `bot`");
        check(r#"{"card": {}, "request": {"tool-choice": "some"}}"#, "`tool-choice` is `some`");
    }
}
