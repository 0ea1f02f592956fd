//! Between the host's words for transcriptions and the engine's.

use engine_protocol as engine;
use model::{DecodedSegment, DecodedToken, DecodingPlan, Language, StartToken, Task};

pub(super) fn plan(plan: &DecodingPlan) -> engine::DecodingPlan {
    engine::DecodingPlan {
        start: plan.start.iter().copied().map(start).collect(),
        language: plan.language.clone(),
        languages: plan.languages.iter().map(language).collect(),
        task: match plan.task {
            Task::Transcribe => engine::Task::Transcribe,
            Task::Translate => engine::Task::Translate,
        },
        previous: plan.previous,
        prompt: plan.prompt.clone(),
        prompt_tokens: plan.prompt_tokens,
        carry_prompt: plan.carry_prompt,
        context_tokens: plan.context_tokens,
        timestamps: plan.timestamps.map(|rules| engine::TimestampRules {
            first: rules.first,
            step_ms: rules.step_ms,
            latest_start_ms: rules.latest_start_ms,
        }),
        suppress: plan.suppress.clone(),
        suppress_first: plan.suppress_first.clone(),
        end: plan.end,
        no_speech: plan.no_speech,
        temperatures: plan.temperatures.clone(),
        entropy_threshold: plan.entropy_threshold,
        logprob_threshold: plan.logprob_threshold,
        no_speech_threshold: plan.no_speech_threshold,
        beam_size: plan.beam_size,
        best_of: plan.best_of,
        max_tokens: plan.max_tokens,
        token_times: plan.token_times,
    }
}

fn start(token: StartToken) -> engine::StartToken {
    match token {
        StartToken::Token(id) => engine::StartToken::Token(id),
        StartToken::DetectedLanguage => engine::StartToken::DetectedLanguage,
    }
}

fn language(language: &Language) -> engine::Language {
    engine::Language {
        code: language.code.clone(),
        name: language.name.clone(),
        token: language.token,
    }
}

pub(super) fn segment(segment: engine::DecodedSegment) -> DecodedSegment {
    DecodedSegment {
        start_ms: segment.start_ms,
        end_ms: segment.end_ms,
        window_ms: segment.window_ms,
        language: segment.language,
        tokens: segment.tokens.into_iter().map(token).collect(),
        temperature: segment.temperature,
        no_speech_probability: segment.no_speech_probability,
    }
}

fn token(token: engine::DecodedToken) -> DecodedToken {
    DecodedToken {
        id: token.id,
        bytes: token.bytes,
        probability: token.probability,
        start_ms: token.start_ms,
        end_ms: token.end_ms,
    }
}
