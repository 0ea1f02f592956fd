//! Reading cases of speech, and showing what came of them.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::case::card;
use crate::{
    Cue, DecodedSegment, DecodedToken, DecodingPlan, ModelCard, Segment, StartToken, Task,
    TranscriptionRequest,
};

/// A card and a request for a transcript from JSON: `{"card": {..}, "request": {..}}`.
///
/// The request's fields are those of the WIT: `task` (`transcribe` where it is missing),
/// `language`, `prompt`, `temperature`, `word-times`, and `options` as an object.
pub fn speech(value: &Value) -> Result<(ModelCard, TranscriptionRequest), String> {
    let card = card(value.get("card").ok_or("no `card`")?);
    let request = value.get("request").ok_or("no `request`")?;
    let text = |key| request.get(key).and_then(Value::as_str).map(str::to_owned);
    let options = request.get("options").and_then(Value::as_object).into_iter().flatten();
    let option = |(key, value): (&String, &Value)| {
        (key.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    };
    let request = TranscriptionRequest {
        task: match text("task").as_deref() {
            None | Some("transcribe") => Task::Transcribe,
            Some("translate") => Task::Translate,
            Some(other) => return Err(format!("unknown task {other:?}")),
        },
        language: text("language"),
        prompt: text("prompt"),
        temperature: request.get("temperature").map(number),
        word_times: request.get("word-times").and_then(Value::as_bool).unwrap_or(false),
        options: options.map(option).collect(),
    };
    Ok((card, request))
}

/// A decoded segment from JSON.
///
/// ```
/// let segment = plugin_sdk::testkit::decoded(&serde_json::json!({
///     "start": 0, "end": 1500, "language": "en", "no-speech": 0.1,
///     "tokens": [" Hello", {"text": ",", "id": 11, "p": 0.5, "start": 700, "end": 800},
///                {"bytes": [228, 189]}],
/// }));
/// assert_eq!(segment.tokens[0].bytes, b" Hello");
/// ```
///
/// Times are milliseconds; a token without them has the segment's, one without a probability 0.9.
pub fn decoded(value: &Value) -> DecodedSegment {
    let ms = |value: &Value, key| {
        value.get(key).and_then(Value::as_u64).and_then(|ms| u32::try_from(ms).ok())
    };
    let start_ms = ms(value, "start").unwrap_or(0);
    let end_ms = ms(value, "end").unwrap_or(start_ms);
    let token = |value: &Value| {
        let text = value.as_str().or_else(|| value.get("text").and_then(Value::as_str));
        let bytes = value.get("bytes").and_then(Value::as_array).into_iter().flatten();
        let byte = |byte: &Value| byte.as_u64().and_then(|byte| u8::try_from(byte).ok());
        DecodedToken {
            id: ms(value, "id").unwrap_or(0),
            bytes: text.map_or_else(|| bytes.filter_map(byte).collect(), Into::into),
            probability: value.get("p").map_or(0.9, number),
            start_ms: ms(value, "start").unwrap_or(start_ms),
            end_ms: ms(value, "end").unwrap_or(end_ms),
        }
    };
    let tokens = value.get("tokens").and_then(Value::as_array).into_iter().flatten();
    DecodedSegment {
        start_ms,
        end_ms,
        window_ms: ms(value, "window").unwrap_or(0),
        language: value.get("language").and_then(Value::as_str).unwrap_or("en").to_owned(),
        tokens: tokens.map(token).collect(),
        temperature: value.get("temperature").map_or(0.0, number),
        no_speech_probability: value.get("no-speech").map_or(0.0, number),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "cases hold small numbers")]
fn number(value: &Value) -> f32 {
    value.as_f64().unwrap_or(f64::NAN) as f32
}

/// A plan, one field a line; runs of tokens are shown as such.
pub fn show_plan(plan: &DecodingPlan) -> String {
    let mut out = String::new();
    let mut line = |word: &str, value: &dyn std::fmt::Display| {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{word} {value}");
    };
    let start: Vec<_> = plan.start.iter().copied().map(start_token).collect();
    line("start", &start.join(" "));
    line("task", if plan.task == Task::Translate { &"translate" } else { &"transcribe" });
    line("language", &plan.language.as_deref().unwrap_or("detected"));
    let name = |l: &crate::Language| format!("{} {} {}", l.token, l.code, l.name);
    match plan.languages.as_slice() {
        [] => {}
        [one] => line("languages", &name(one)),
        [first, .., last] => {
            line(
                "languages",
                &format!("{}: {} to {}", plan.languages.len(), name(first), name(last)),
            );
        }
    }
    if let Some(previous) = plan.previous {
        line("previous", &previous);
    }
    if let Some(prompt) = &plan.prompt {
        line("prompt", &Value::from(prompt.as_str()));
    }
    line("prompt-tokens", &plan.prompt_tokens);
    line("carry-prompt", &plan.carry_prompt);
    line("context-tokens", &plan.context_tokens);
    match plan.timestamps {
        None => line("timestamps", &"none"),
        Some(rules) => line(
            "timestamps",
            &format!(
                "from {} each {} ms, latest start {} ms",
                rules.first, rules.step_ms, rules.latest_start_ms
            ),
        ),
    }
    line("suppress", &runs(&plan.suppress));
    line("suppress-first", &runs(&plan.suppress_first));
    line("end", &plan.end);
    line("no-speech", &plan.no_speech);
    let temperatures: Vec<_> = plan.temperatures.iter().map(ToString::to_string).collect();
    line("temperatures", &temperatures.join(" "));
    line("entropy-threshold", &plan.entropy_threshold);
    line("logprob-threshold", &plan.logprob_threshold);
    line("no-speech-threshold", &plan.no_speech_threshold);
    line("beam-size", &plan.beam_size);
    line("best-of", &plan.best_of);
    line("max-tokens", &plan.max_tokens);
    line("token-times", &plan.token_times);
    out
}

fn start_token(token: StartToken) -> String {
    match token {
        StartToken::Token(id) => id.to_string(),
        StartToken::DetectedLanguage => "language".to_owned(),
    }
}

/// `1 2 3 7` as `1-3 7`.
fn runs(ids: &[u32]) -> String {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for &id in ids {
        match runs.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(id) => *last = id,
            _ => runs.push((id, id)),
        }
    }
    let run = |&(first, last): &(u32, u32)| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    };
    runs.iter().map(run).collect::<Vec<_>>().join(" ")
}

/// Passages, one JSON value a line, each followed by its words and its subtitles.
pub fn show_segments(segments: &[Segment], cues: impl Fn(&Segment) -> Vec<Cue>) -> String {
    let mut out = String::new();
    for segment in segments {
        let value = json!({
            "text": segment.text,
            "start": segment.start_ms,
            "end": segment.end_ms,
            "window": segment.window_ms,
            "tokens": segment.tokens.len(),
            "temperature": shown(segment.temperature),
            "logprob": shown(segment.average_logprob),
            "compression": shown(segment.compression_ratio),
            "no-speech": shown(segment.no_speech_probability),
        });
        let _ = writeln!(out, "{value}");
        for word in &segment.words {
            let probability = shown(word.probability);
            let value = json!([word.text, word.start_ms, word.end_ms, probability]);
            let _ = writeln!(out, "  word {value}");
        }
        for cue in cues(segment) {
            let value = json!([cue.start_ms, cue.end_ms, cue.text]);
            let _ = writeln!(out, "  cue {value}");
        }
    }
    out
}

/// A number to three digits, which do not depend on the order of a sum.
fn shown(value: f32) -> f64 {
    (f64::from(value) * 1000.0).round() / 1000.0
}
