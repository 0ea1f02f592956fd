//! What clients send.

use std::{collections::BTreeMap, fmt};

use inference::{InvalidCommand, limits};
use serde::{
    Deserialize, Deserializer,
    de::{self, Unexpected, Visitor},
};
use utoipa::ToSchema;

use super::{
    message::WireMessage,
    schema::{FlagOrCount, FlagOrObject, ObjectOrText, TextOrTexts, WordOrFunction},
    tools::ToolChoiceField,
};
use crate::lax::{self, Json, TokenId};

/// A request for a chat completion or a text completion; each route ignores the other's fields.
///
/// Types are read leniently: numbers and booleans may come as strings, null is the same as a
/// missing field, and unknown fields are ignored.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(expecting = "an object of further fields")]
pub(crate) struct GenerationRequest {
    /// The model's uid. Required.
    #[serde(default, deserialize_with = "lax::text")]
    #[schema(example = "vicuna-v1.5")]
    pub(crate) model: Option<String>,
    /// The conversation, oldest message first. Required for chat.
    #[serde(default, deserialize_with = "lax::list::<{ limits::MESSAGES }, _, _>")]
    pub(crate) messages: Option<Vec<WireMessage>>,
    /// The text to go on with. Required for completions.
    #[serde(default, deserialize_with = "lax::prompts::<16, _>")]
    #[schema(value_type = Option<TextOrTexts>, example = "Once upon a time")]
    pub(crate) prompt: Option<Vec<String>>,
    /// What stands after the completion, for models that fill in the middle.
    #[serde(default, deserialize_with = "lax::text")]
    pub(crate) suffix: Option<String>,
    /// Whether a completion begins with its prompt.
    #[serde(default, deserialize_with = "lax::flag")]
    pub(crate) echo: Option<bool>,
    /// Whether the answer comes as server-sent events.
    #[serde(default, deserialize_with = "lax::flag")]
    pub(crate) stream: Option<bool>,
    /// What the stream carries beside the text.
    pub(crate) stream_options: Option<StreamOptions>,
    /// How many answers, from 1 to 16.
    #[serde(default, deserialize_with = "lax::whole")]
    #[schema(minimum = 1, maximum = 16)]
    pub(crate) n: Option<i64>,
    /// The greatest number of tokens in an answer.
    #[serde(default, deserialize_with = "lax::whole")]
    #[schema(example = 512, minimum = -1)]
    pub(crate) max_tokens: Option<i64>,
    /// As `max_tokens`, which it overrides.
    #[serde(default, deserialize_with = "lax::whole")]
    #[schema(minimum = -1)]
    pub(crate) max_completion_tokens: Option<i64>,
    /// 0 is greedy.
    #[serde(default, deserialize_with = "lax::number")]
    #[schema(example = 0.7, minimum = 0, maximum = 2)]
    pub(crate) temperature: Option<f32>,
    /// The probability mass that is kept.
    #[serde(default, deserialize_with = "lax::number")]
    #[schema(minimum = 0, maximum = 1)]
    pub(crate) top_p: Option<f32>,
    /// The number of most likely tokens that are kept; 0 and -1 keep all.
    #[serde(default, deserialize_with = "lax::whole")]
    #[schema(minimum = -1, maximum = 1_000_000)]
    pub(crate) top_k: Option<i64>,
    /// The least probability that is kept, relative to the best token's.
    #[serde(default, deserialize_with = "lax::number")]
    #[schema(minimum = 0, maximum = 1)]
    pub(crate) min_p: Option<f32>,
    /// Locally typical sampling; 1 is off.
    #[serde(default, deserialize_with = "lax::number")]
    #[schema(minimum = 0, maximum = 1)]
    pub(crate) typical_p: Option<f32>,
    /// Divides the logits of tokens seen lately; 1 is off.
    #[serde(default, deserialize_with = "lax::number")]
    #[schema(minimum = 0.01, maximum = 100)]
    pub(crate) repetition_penalty: Option<f32>,
    /// As `repetition_penalty`, in llama.cpp's words.
    #[serde(default, deserialize_with = "lax::number")]
    #[schema(minimum = 0.01, maximum = 100)]
    pub(crate) repeat_penalty: Option<f32>,
    /// How many tokens back the penalties look; -1 leaves it to the engine.
    #[serde(default, deserialize_with = "lax::whole")]
    #[schema(minimum = -1, maximum = 1_048_576)]
    pub(crate) repeat_last_n: Option<i64>,
    /// Subtracted for each earlier occurrence of a token.
    #[serde(default, deserialize_with = "lax::number")]
    #[schema(minimum = -100, maximum = 100)]
    pub(crate) frequency_penalty: Option<f32>,
    /// Subtracted once for a token that occurred.
    #[serde(default, deserialize_with = "lax::number")]
    #[schema(minimum = -100, maximum = 100)]
    pub(crate) presence_penalty: Option<f32>,
    /// 0 is off; 1 or 2 steers the perplexity.
    #[serde(default, deserialize_with = "lax::whole")]
    #[schema(minimum = 0, maximum = 2)]
    pub(crate) mirostat: Option<i64>,
    /// As `mirostat`, in older words.
    #[serde(default, deserialize_with = "lax::whole")]
    #[schema(minimum = 0, maximum = 2)]
    pub(crate) mirostat_mode: Option<i64>,
    /// Mirostat's target entropy.
    #[serde(default, deserialize_with = "lax::number")]
    #[schema(minimum = 0, maximum = 100)]
    pub(crate) mirostat_tau: Option<f32>,
    /// Mirostat's learning rate.
    #[serde(default, deserialize_with = "lax::number")]
    #[schema(minimum = 0, maximum = 1)]
    pub(crate) mirostat_eta: Option<f32>,
    /// Equal requests with equal seeds get equal answers; any whole number of 64 bits, -1 for a
    /// random one.
    #[serde(default, deserialize_with = "lax::seed")]
    #[schema(value_type = Option<i64>)]
    pub(crate) seed: Option<u32>,
    /// Numbers from -1000 to 1000 that are added to tokens' logits, by token id.
    #[serde(default, deserialize_with = "lax::biases")]
    #[schema(value_type = Option<BTreeMap<String, f32>>)]
    pub(crate) logit_bias: Option<BTreeMap<u32, f32>>,
    /// Whether end tokens are generated over.
    #[serde(default, deserialize_with = "lax::flag")]
    pub(crate) ignore_eos: Option<bool>,
    /// One string or up to 16 that end an answer.
    #[serde(default, deserialize_with = "lax::texts::<64, _>")]
    #[schema(value_type = Option<TextOrTexts>)]
    pub(crate) stop: Option<Vec<String>>,
    /// Tokens that end an answer.
    #[serde(default, deserialize_with = "lax::list::<{ limits::STOP_TOKENS }, _, _>")]
    #[schema(value_type = Option<Vec<u32>>)]
    pub(crate) stop_token_ids: Option<Vec<TokenId>>,
    /// For chat whether token probabilities are reported; for completions how many beside each
    /// token.
    #[serde(default, deserialize_with = "logprobs")]
    #[schema(value_type = Option<FlagOrCount>)]
    pub(crate) logprobs: Option<Logprobs>,
    /// How many likely tokens a chat reports beside each, from 0 to 20.
    #[serde(default, deserialize_with = "lax::whole")]
    #[schema(minimum = 0, maximum = 20)]
    pub(crate) top_logprobs: Option<i64>,
    /// The adapter to apply, by its name in the configuration.
    #[serde(default, deserialize_with = "lax::text")]
    pub(crate) lora_name: Option<String>,
    /// Cached prefixes are shared only between requests of one salt.
    #[serde(default, deserialize_with = "lax::text")]
    pub(crate) cache_salt: Option<String>,
    /// Functions that the model may call.
    #[serde(default, deserialize_with = "lax::list::<{ limits::TOOLS }, _, _>")]
    #[schema(value_type = Option<Vec<Object>>)]
    pub(crate) tools: Option<Vec<Json>>,
    /// `none`, `auto`, `required`, or the function to call.
    #[schema(value_type = Option<WordOrFunction>)]
    pub(crate) tool_choice: Option<ToolChoiceField>,
    /// Whether one answer may make several calls.
    #[serde(default, deserialize_with = "lax::flag")]
    pub(crate) parallel_tool_calls: Option<bool>,
    /// The old form of `tools`; the answer then has the old form of calls.
    #[serde(default, deserialize_with = "lax::list::<{ limits::TOOLS }, _, _>")]
    #[schema(value_type = Option<Vec<Object>>)]
    pub(crate) functions: Option<Vec<Json>>,
    /// The old form of `tool_choice`.
    #[schema(value_type = Option<WordOrFunction>)]
    pub(crate) function_call: Option<ToolChoiceField>,
    /// `{"type":"json_object"}`, or `{"type":"json_schema","json_schema":{"schema":{}}}`.
    #[serde(default, deserialize_with = "lax::json")]
    #[schema(value_type = Option<Object>)]
    pub(crate) response_format: Option<Json>,
    /// A JSON Schema that the answer follows.
    #[serde(default, deserialize_with = "lax::json")]
    #[schema(value_type = Option<ObjectOrText>)]
    pub(crate) guided_json: Option<Json>,
    /// Whether the answer is any JSON object.
    #[serde(default, deserialize_with = "lax::flag")]
    pub(crate) guided_json_object: Option<bool>,
    /// A regular expression for the whole answer.
    #[serde(default, deserialize_with = "lax::text")]
    pub(crate) guided_regex: Option<String>,
    /// Texts of which the answer is one.
    #[serde(default, deserialize_with = "lax::texts::<256, _>")]
    pub(crate) guided_choice: Option<Vec<String>>,
    /// A regular expression for the blanks between the parts of a JSON answer.
    #[serde(default, deserialize_with = "lax::text")]
    pub(crate) guided_whitespace_pattern: Option<String>,
    /// A GBNF or Lark grammar for the answer.
    #[serde(default, deserialize_with = "lax::text")]
    pub(crate) guided_grammar: Option<String>,
    /// As `guided_grammar`, in llama.cpp's words.
    #[serde(default, deserialize_with = "lax::text")]
    pub(crate) grammar: Option<String>,
    /// Variables for the family's template: an object, or one as JSON text.
    #[serde(default, deserialize_with = "lax::json")]
    #[schema(value_type = Option<ObjectOrText>)]
    pub(crate) chat_template_kwargs: Option<Json>,
    /// Whether the model reasons before it answers.
    #[serde(default, deserialize_with = "lax::flag")]
    pub(crate) enable_thinking: Option<bool>,
    /// As `enable_thinking`; also as `{"type":"enabled"}`.
    #[serde(default, deserialize_with = "lax::json")]
    #[schema(value_type = Option<FlagOrObject>)]
    pub(crate) thinking: Option<Json>,
    /// How much the model reasons, in the family's words.
    #[serde(default, deserialize_with = "lax::text")]
    pub(crate) reasoning_effort: Option<String>,
    /// Whether the answer continues the last message, an assistant's.
    #[serde(default, deserialize_with = "lax::flag")]
    pub(crate) continue_final_message: Option<bool>,
    /// More of these fields, for clients that can add none of their own; those outside win.
    #[schema(value_type = Option<Object>)]
    pub(crate) extra_body: Option<Box<GenerationRequest>>,
}

/// What a stream carries beside the text.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(expecting = "an object with `include_usage`")]
pub(crate) struct StreamOptions {
    /// Whether a last chunk without choices counts tokens.
    #[serde(default, deserialize_with = "lax::flag")]
    pub(crate) include_usage: Option<bool>,
}

/// The field that chat has as a boolean and completions as a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Logprobs {
    Flag(bool),
    Count(i64),
}

fn logprobs<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Logprobs>, D::Error> {
    struct Either;
    impl Visitor<'_> for Either {
        type Value = Option<Logprobs>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a boolean or a whole number")
        }

        fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
            Ok(Some(Logprobs::Flag(value)))
        }

        fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
            Ok(Some(Logprobs::Count(value)))
        }

        fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
            Ok(Some(Logprobs::Count(i64::try_from(value).unwrap_or(i64::MAX))))
        }

        fn visit_str<E: de::Error>(self, value: &str) -> Result<Self::Value, E> {
            match value.trim().to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" => Ok(Some(Logprobs::Flag(true))),
                "false" | "no" | "off" => Ok(Some(Logprobs::Flag(false))),
                digits => match digits.parse() {
                    Ok(count) => Ok(Some(Logprobs::Count(count))),
                    Err(_) => Err(E::invalid_type(Unexpected::Str(value), &self)),
                },
            }
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
    }
    from.deserialize_any(Either)
}

impl GenerationRequest {
    /// Takes in what `extra_body` adds.
    pub(crate) fn with_extra_body(mut self) -> Self {
        let Some(extra) = self.extra_body.take() else { return self };
        macro_rules! absorb {
            ($($field:ident)*) => { $( self.$field = self.$field.or(extra.$field); )* };
        }
        absorb! {
            suffix echo stream_options n max_tokens max_completion_tokens temperature top_p top_k
            min_p typical_p repetition_penalty repeat_penalty repeat_last_n frequency_penalty
            presence_penalty mirostat mirostat_mode mirostat_tau mirostat_eta seed logit_bias
            ignore_eos stop stop_token_ids logprobs top_logprobs lora_name cache_salt tools
            tool_choice parallel_tool_calls response_format guided_json guided_json_object
            guided_regex guided_choice guided_whitespace_pattern guided_grammar grammar chat_template_kwargs enable_thinking
            thinking reasoning_effort continue_final_message
        }
        self
    }

    /// The model's uid.
    pub(crate) fn take_model(&mut self) -> Result<String, InvalidCommand> {
        match self.model.take() {
            Some(model) if !model.is_empty() => Ok(model),
            _ => Err(InvalidCommand::new("model", "is missing: name the model's uid")),
        }
    }

    /// Whether the answer is streamed.
    pub(crate) fn streams(&self) -> bool {
        self.stream.unwrap_or(false)
    }

    /// Whether the stream ends with a count of tokens.
    pub(crate) fn includes_usage(&self) -> bool {
        self.stream_options.and_then(|options| options.include_usage).unwrap_or(false)
    }
}
