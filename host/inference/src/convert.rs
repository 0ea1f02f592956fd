//! Between the host's words and the engine's.

use engine_protocol as engine;
use model::{Constraint, FinishReason, GrammarSyntax, Prompt, PromptPart, Sampling, TokenLogprob};

/// A prompt in the engine's words; `None` where it holds a medium, which no engine reads.
pub(crate) fn prompt(prompt: &Prompt) -> Option<engine::Prompt> {
    let parts = prompt
        .parts
        .iter()
        .map(|part| match part {
            PromptPart::Text(text) => Some(engine::PromptPart::Text(text.clone())),
            PromptPart::Control(text) => Some(engine::PromptPart::Control(text.clone())),
            PromptPart::Token(id) => Some(engine::PromptPart::Token(*id)),
            PromptPart::Split => Some(engine::PromptPart::Split),
            PromptPart::Media(_) => None,
        })
        .collect::<Option<Vec<_>>>()?;
    Some(engine::Prompt { parts, add_bos: prompt.add_bos, space_prefix: prompt.space_prefix })
}

pub(crate) fn sampling(sampling: Sampling) -> engine::Sampling {
    engine::Sampling {
        temperature: sampling.temperature,
        top_k: sampling.top_k,
        top_p: sampling.top_p,
        min_p: sampling.min_p,
        typical_p: sampling.typical_p,
        repetition_penalty: sampling.repetition_penalty,
        penalty_window: sampling.penalty_window,
        frequency_penalty: sampling.frequency_penalty,
        presence_penalty: sampling.presence_penalty,
        mirostat: sampling.mirostat.map(|m| engine::Mirostat {
            version: m.version,
            tau: m.tau,
            eta: m.eta,
        }),
        seed: sampling.seed,
        logit_bias: sampling.logit_bias,
        ignore_eos: sampling.ignore_eos,
    }
}

pub(crate) fn constraint(constraint: Constraint) -> engine::Constraint {
    engine::Constraint {
        syntax: match constraint.syntax {
            GrammarSyntax::Gbnf => engine::GrammarSyntax::Gbnf,
            GrammarSyntax::JsonSchema => engine::GrammarSyntax::JsonSchema,
            GrammarSyntax::Regex => engine::GrammarSyntax::Regex,
            GrammarSyntax::Lark => engine::GrammarSyntax::Lark,
        },
        source: constraint.source,
        triggers: constraint.triggers,
    }
}

pub(crate) fn finish(reason: engine::Finish) -> FinishReason {
    match reason {
        engine::Finish::Stop => FinishReason::Stop,
        engine::Finish::Length => FinishReason::Length,
        engine::Finish::Cancelled => FinishReason::Cancelled,
    }
}

pub(crate) fn logprobs(tokens: Vec<engine::TokenLogprob>) -> Vec<TokenLogprob> {
    let one = |top: engine::TopLogprob| model::TopLogprob {
        token: top.token,
        bytes: top.bytes,
        logprob: top.logprob,
    };
    tokens
        .into_iter()
        .map(|token| TokenLogprob {
            chosen: one(token.chosen),
            top: token.top.into_iter().map(one).collect(),
        })
        .collect()
}
