//! Choosing a syntax from a chat template.

use memchr::memmem;

use super::Syntax;

/// What a template must hold, all of it, to be of a syntax; the first that fits is taken.
///
/// Markers that only one kind of model has stand before those that many share.
const SIGNS: &[(&[&str], Syntax)] = &[
    (&["｜DSML｜"], Syntax::DeepSeek32),
    (&["<｜tool▁calls▁begin｜>", "```json"], Syntax::DeepSeek),
    (&["<｜tool▁calls▁begin｜>"], Syntax::DeepSeek31),
    (&["<|tool_calls_section_begin|>"], Syntax::Kimi),
    (&["<|open|>", "<|close|>"], Syntax::KimiK3),
    (&["]<]minimax[>["], Syntax::MiniMaxM3),
    (&["<minimax:tool_call>"], Syntax::MiniMaxM2),
    (&["<atem:invoke"], Syntax::Muse),
    (&["<seed:"], Syntax::Seed),
    (&["<arg_key{}>", "<tool_sep{}>"], Syntax::Hunyuan),
    (&["<|tool_call>call:"], Syntax::Gemma4),
    (&["<|tool_call:begin|>"], Syntax::Solar),
    (&["<|channel|>", "<|message|>"], Syntax::Harmony),
    (&["<|START_ACTION|>"], Syntax::CommandR7B),
    (&["<|tools_prefix|>"], Syntax::Apertus),
    (&["<|tool_call_start|>"], Syntax::Lfm2),
    (&["<|tool_list_start|>"], Syntax::Lfm2),
    (&["keep_past_thinking", "List of tools: ["], Syntax::Lfm2),
    (&["<TOOLCALL>"], Syntax::Nemotron),
    (&["[TOOL_CALLS]", "[ARGS]"], Syntax::MistralArgs),
    (&["[TOOL_CALLS]"], Syntax::Mistral),
    (&["functools["], Syntax::Functools),
    (&[">>>all"], Syntax::Functionary32),
    (&["<function=", "<parameter="], Syntax::QwenCoder),
    (&["<arg_key>"], Syntax::Glm45),
    (&["<function name=", "<param name="], Syntax::MiniCpm5),
    (&["[BEGIN FINAL RESPONSE]"], Syntax::Apriel),
    (&["<function=", "</function>"], Syntax::Functionary31),
    (&["<function=", "<|python_tag|>"], Syntax::Functionary31),
    (&["<tool_calls>"], Syntax::MiniMax),
    (&["<tool_call>"], Syntax::Hermes),
    (&["<|tool_call|>"], Syntax::Granite),
    (&["<|role_sep|>", "function"], Syntax::GigaChat),
    (&["Action:", "tool_name"], Syntax::CommandR),
    (&["<|observation|>"], Syntax::Glm4),
    (&["# 可用工具"], Syntax::Glm4),
    (&["<|python_tag|>"], Syntax::Llama3),
    (&["{\"name\": function name, \"parameters\""], Syntax::Llama3),
    (&["[THINK]"], Syntax::Mistral),
    (&["</think>"], Syntax::Think),
];

/// The syntax that a template shows.
pub(super) fn detect(template: &str) -> Option<Syntax> {
    // Looks for the rarest byte first, which in a sandbox is several times as fast as `contains`.
    let has = |sign: &str| memmem::find(template.as_bytes(), sign.as_bytes()).is_some();
    let fits = |signs: &[&str]| signs.iter().all(|sign| has(sign));
    SIGNS.iter().find(|(signs, _)| fits(signs)).map(|(_, syntax)| *syntax)
}
