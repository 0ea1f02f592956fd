//! What one request may ask for at most.
//!
//! Every number is a guard against a request that costs others their service, not a promise of
//! what a model can do: the context length is the real limit, and the engine enforces it.

/// Messages in a conversation.
pub const MESSAGES: usize = 4096;
/// Parts in one message's content.
pub const CONTENT_PARTS: usize = 1024;
/// Bytes of all texts of a request together.
pub const TEXT_BYTES: usize = 8 << 20;
/// Tools in a request.
pub const TOOLS: usize = 128;
/// Bytes of all tool definitions together.
pub const TOOL_BYTES: usize = 256 << 10;
/// Characters of a function's name.
pub const TOOL_NAME: usize = 128;
/// Calls in one message.
pub const TOOL_CALLS: usize = 128;
/// Sequences of one request.
pub const SEQUENCES: u32 = 16;
/// Stop strings.
pub const STOP_STRINGS: usize = 16;
/// Bytes of one stop string.
pub const STOP_BYTES: usize = 256;
/// Stop tokens.
pub const STOP_TOKENS: usize = 64;
/// The most likely tokens reported beside each generated one.
pub const LOGPROBS: u32 = 20;
/// Bytes of a schema, a grammar or an expression.
pub const CONSTRAINT_BYTES: usize = 64 << 10;
/// Nesting of a schema.
pub const SCHEMA_DEPTH: usize = 64;
/// Bytes of the template variables.
pub const VARIABLE_BYTES: usize = 64 << 10;
/// Characters of an adapter's name.
pub const LORA_NAME: usize = 128;
/// Bytes of a cache salt.
pub const SALT_BYTES: usize = 256;
/// Characters of a language's name.
pub const LANGUAGE: usize = 64;
/// Bytes of the text that a transcript goes on from; models keep the last 224 tokens.
pub const SPEECH_PROMPT_BYTES: usize = 16 << 10;
/// Further settings of a transcription.
pub const SPEECH_OPTIONS: usize = 64;
/// Bytes of one of them.
pub const SPEECH_OPTION_BYTES: usize = 1024;
/// Tokens of one sequence that a request for more is cut to; no context holds as many.
pub const MAX_TOKENS: u32 = 16 << 20;
