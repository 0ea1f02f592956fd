//! The tokens that end a reply.

use plugin_sdk::{ModelCard, PromptBuilder};

/// Tokens that end a turn in some family of models, as llama.cpp knows them.
const ENDS: [&str; 18] = [
    "<|eot_id|>",
    "<|im_end|>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<|flush|>",
    "<|calls|>",
    "<end_of_turn>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "<|eom_id|>",
    "<EOT>",
    "_<EOT>",
    "[EOT]",
    "[EOS]",
    "<|end_of_turn|>",
    "<turn|>",
    "<|END_OF_TURN_TOKEN|>",
];

/// Adds the end of sequence, and the tokens that end a turn where the vocabulary has them.
pub(crate) fn add(card: &ModelCard, prompt: &mut PromptBuilder<'_>) {
    if let Some(id) = card.eos {
        prompt.stop_token(id);
    }
    // gpt-oss ends a message of several with `<|end|>`; its replies end with `<|return|>`.
    let harmony = card.control("<|return|>").is_some() && card.control("<|channel|>").is_some();
    for token in &card.control_tokens {
        let ends = ENDS.contains(&token.text.as_str()) && !(harmony && token.text == "<|end|>");
        if ends {
            prompt.stop_token(token.id);
        }
    }
    for key in ["eot_token_id", "eom_token_id"] {
        let id = card.meta(&format!("tokenizer.ggml.{key}")).and_then(|id| id.parse().ok());
        if let Some(id) = id.filter(|id| *id < card.vocabulary_size) {
            prompt.stop_token(id);
        }
    }
}
