//! Between the host's types of speech and the guest's.

use model::{
    Cue, DecodedSegment, DecodedToken, DecodingPlan, Language, Segment, StartToken, Task,
    TimestampRules, TranscriptionRequest, Word,
};

use super::generated::exports::modelhost::family::transcription as guest;

/// A request on its way in.
pub(super) fn request<'a>(
    request: &'a TranscriptionRequest,
    options: &'a [(&'a str, &'a str)],
) -> guest::TranscriptionRequest<'a> {
    guest::TranscriptionRequest {
        task: match request.task {
            Task::Transcribe => guest::Task::Transcribe,
            Task::Translate => guest::Task::Translate,
        },
        language: request.language.as_deref(),
        prompt: request.prompt.as_deref(),
        temperature: request.temperature,
        word_times: request.word_times,
        options,
    }
}

/// A plan on its way out, not yet validated.
pub(super) fn plan(plan: guest::DecodingPlan) -> DecodingPlan {
    let start = |token| match token {
        guest::StartToken::Token(id) => StartToken::Token(id),
        guest::StartToken::DetectedLanguage => StartToken::DetectedLanguage,
    };
    let language = |language: guest::Language| Language {
        code: language.code,
        name: language.name,
        token: language.token,
    };
    let rules = |rules: guest::TimestampRules| TimestampRules {
        first: rules.first,
        step_ms: rules.step_ms,
        latest_start_ms: rules.latest_start_ms,
    };
    DecodingPlan {
        start: plan.start.into_iter().map(start).collect(),
        language: plan.language,
        languages: plan.languages.into_iter().map(language).collect(),
        task: match plan.task {
            guest::Task::Transcribe => Task::Transcribe,
            guest::Task::Translate => Task::Translate,
        },
        previous: plan.previous,
        prompt: plan.prompt,
        prompt_tokens: plan.prompt_tokens,
        carry_prompt: plan.carry_prompt,
        context_tokens: plan.context_tokens,
        timestamps: plan.timestamps.map(rules),
        suppress: plan.suppress,
        suppress_first: plan.suppress_first,
        end: plan.end,
        no_speech: plan.no_speech,
        temperatures: plan.temperatures,
        entropy_threshold: plan.entropy_threshold,
        logprob_threshold: plan.logprob_threshold,
        no_speech_threshold: plan.no_speech_threshold,
        beam_size: plan.beam_size,
        best_of: plan.best_of,
        max_tokens: plan.max_tokens,
        token_times: plan.token_times,
    }
}

/// The tokens of a decoded segment on their way in.
pub(super) fn tokens(segment: &DecodedSegment) -> Vec<guest::DecodedToken<'_>> {
    fn lower(token: &DecodedToken) -> guest::DecodedToken<'_> {
        guest::DecodedToken {
            id: token.id,
            bytes: &token.bytes,
            probability: token.probability,
            start_ms: token.start_ms,
            end_ms: token.end_ms,
        }
    }
    segment.tokens.iter().map(lower).collect()
}

/// A decoded segment on its way in.
pub(super) fn decoded<'a>(
    segment: &'a DecodedSegment,
    tokens: &'a [guest::DecodedToken<'a>],
) -> guest::DecodedSegment<'a> {
    guest::DecodedSegment {
        start_ms: segment.start_ms,
        end_ms: segment.end_ms,
        window_ms: segment.window_ms,
        language: &segment.language,
        tokens,
        temperature: segment.temperature,
        no_speech_probability: segment.no_speech_probability,
    }
}

/// Passages on their way out, not yet validated.
pub(super) fn segments(segments: Vec<guest::SegmentResult>) -> Vec<Segment> {
    let word = |word: guest::WordResult| Word {
        text: word.text,
        start_ms: word.start_ms,
        end_ms: word.end_ms,
        probability: word.probability,
    };
    let segment = |segment: guest::SegmentResult| Segment {
        start_ms: segment.start_ms,
        end_ms: segment.end_ms,
        window_ms: segment.window_ms,
        text: segment.text,
        tokens: segment.tokens,
        temperature: segment.temperature,
        average_logprob: segment.average_logprob,
        compression_ratio: segment.compression_ratio,
        no_speech_probability: segment.no_speech_probability,
        words: segment.words.into_iter().map(word).collect(),
    };
    segments.into_iter().map(segment).collect()
}

/// The words of a passage on their way in.
pub(super) fn words(segment: &Segment) -> Vec<guest::WordParam<'_>> {
    fn lower(word: &Word) -> guest::WordParam<'_> {
        guest::WordParam {
            text: &word.text,
            start_ms: word.start_ms,
            end_ms: word.end_ms,
            probability: word.probability,
        }
    }
    segment.words.iter().map(lower).collect()
}

/// A passage on its way in.
pub(super) fn passage<'a>(
    segment: &'a Segment,
    words: &'a [guest::WordParam<'a>],
) -> guest::SegmentParam<'a> {
    guest::SegmentParam {
        start_ms: segment.start_ms,
        end_ms: segment.end_ms,
        window_ms: segment.window_ms,
        text: &segment.text,
        tokens: &segment.tokens,
        temperature: segment.temperature,
        average_logprob: segment.average_logprob,
        compression_ratio: segment.compression_ratio,
        no_speech_probability: segment.no_speech_probability,
        words,
    }
}

/// Subtitles on their way out, not yet validated.
pub(super) fn cues(cues: Vec<guest::Cue>) -> Vec<Cue> {
    let cue = |cue: guest::Cue| Cue { start_ms: cue.start_ms, end_ms: cue.end_ms, text: cue.text };
    cues.into_iter().map(cue).collect()
}
