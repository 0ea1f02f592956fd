//! Checks what a family plans, and what it writes down, before anybody else sees it.

use std::ops::RangeInclusive;

use model::{Cue, DecodedSegment, DecodingPlan, ModelCard, Segment, StartToken};

/// Tokens that a window starts with.
const START: RangeInclusive<usize> = 1..=16;
/// Temperatures of a ladder.
const TEMPERATURES: RangeInclusive<usize> = 1..=16;
/// What a temperature may be.
const TEMPERATURE: RangeInclusive<f32> = 0.0..=2.0;
/// Beams, or candidates.
const WIDTH: RangeInclusive<u32> = 1..=16;
/// Languages of one plan.
const LANGUAGES: usize = 1024;
/// Bytes of a language's code or name.
const NAME_BYTES: usize = 64;
/// Bytes of a prompt.
const PROMPT_BYTES: usize = 64 << 10;
/// Tokens of a list in a plan for a vocabulary of unknown size.
const TOKENS: usize = 1 << 20;
/// Passages of one call.
const PASSAGES: usize = 1024;
/// Words, or tokens, of one passage.
const WORDS: usize = 16 << 10;
/// Bytes of one text.
const TEXT_BYTES: usize = 256 << 10;
/// Subtitles of one passage.
const CUES: usize = 4096;
/// How long after its passage a subtitle may still be seen, in milliseconds.
const LINGER_MS: u32 = 10_000;

/// Checks a plan against the model that it is for.
///
/// # Errors
/// Names the first thing that is not valid.
pub(crate) fn validate_plan(plan: &DecodingPlan, card: &ModelCard) -> Result<(), String> {
    within("start tokens", plan.start.len(), &START)?;
    for start in &plan.start {
        match start {
            StartToken::Token(id) => token("start token", *id, card)?,
            StartToken::DetectedLanguage if plan.languages.is_empty() => {
                return Err("a detected language, and none to choose from".to_owned());
            }
            StartToken::DetectedLanguage => {}
        }
    }
    at_most("languages", plan.languages.len(), LANGUAGES)?;
    for language in &plan.languages {
        token("language token", language.token, card)?;
        at_most("bytes of a language's code", language.code.len(), NAME_BYTES)?;
        at_most("bytes of a language's name", language.name.len(), NAME_BYTES)?;
    }
    at_most("bytes of the language", plan.language.as_ref().map_or(0, String::len), NAME_BYTES)?;
    at_most("bytes of prompt", plan.prompt.as_ref().map_or(0, String::len), PROMPT_BYTES)?;
    for (what, list) in
        [("suppressed tokens", &plan.suppress), ("tokens suppressed first", &plan.suppress_first)]
    {
        let vocabulary = usize::try_from(card.vocabulary_size).unwrap_or(TOKENS);
        at_most(what, list.len(), if vocabulary == 0 { TOKENS } else { vocabulary })?;
        list.iter().try_for_each(|id| token("suppressed token", *id, card))?;
    }
    token("end token", plan.end, card)?;
    token("no-speech token", plan.no_speech, card)?;
    plan.previous.map_or(Ok(()), |id| token("previous token", id, card))?;
    if let Some(rules) = &plan.timestamps {
        token("timestamp", rules.first, card)?;
        if rules.step_ms == 0 {
            return Err("timestamps with a step of 0 ms".to_owned());
        }
    }
    within("temperatures", plan.temperatures.len(), &TEMPERATURES)?;
    plan.temperatures.iter().try_for_each(|t| within("temperature", *t, &TEMPERATURE))?;
    within("beams", plan.beam_size, &WIDTH)?;
    within("candidates", plan.best_of, &WIDTH)?;
    number("entropy threshold", plan.entropy_threshold)?;
    number("log probability threshold", plan.logprob_threshold)?;
    number("no-speech threshold", plan.no_speech_threshold)?;
    if plan.max_tokens == 0 {
        return Err("windows of 0 tokens".to_owned());
    }
    Ok(())
}

/// How far a transcript has come.
pub(crate) struct Transcript {
    vocabulary_size: u32,
    /// The latest time of what was decoded.
    heard_ms: u32,
    /// When the last passage begins.
    written_ms: u32,
}

impl Transcript {
    pub(crate) fn new(card: &ModelCard) -> Self {
        Self { vocabulary_size: card.vocabulary_size, heard_ms: 0, written_ms: 0 }
    }

    /// Notes what the family is about to hear.
    pub(crate) fn heard(&mut self, segments: &[DecodedSegment]) {
        let ends = segments.iter().map(|segment| segment.end_ms.max(segment.start_ms));
        self.heard_ms = ends.fold(self.heard_ms, u32::max);
    }

    /// Checks what the family wrote down after what it has heard.
    ///
    /// # Errors
    /// Names the first thing that is not valid.
    pub(crate) fn admit(&mut self, passages: &[Segment]) -> Result<(), String> {
        at_most("passages at once", passages.len(), PASSAGES)?;
        for passage in passages {
            let Segment { start_ms, end_ms, .. } = *passage;
            if start_ms < self.written_ms {
                return Err(format!("{start_ms} ms comes after {} ms", self.written_ms));
            }
            span("passage", start_ms, end_ms, 0, self.heard_ms)?;
            self.written_ms = start_ms;
            at_most("bytes of text", passage.text.len(), TEXT_BYTES)?;
            at_most("tokens of a passage", passage.tokens.len(), WORDS)?;
            at_most("words of a passage", passage.words.len(), WORDS)?;
            let size = self.vocabulary_size;
            if let Some(id) = passage.tokens.iter().find(|id| size > 0 && **id >= size) {
                return Err(format!("token {id} in a vocabulary of {size}"));
            }
            let mut earliest = 0;
            for word in &passage.words {
                span("word", word.start_ms, word.end_ms, earliest, self.heard_ms)?;
                number("probability", word.probability)?;
                at_most("bytes of a word", word.text.len(), TEXT_BYTES)?;
                earliest = word.start_ms;
            }
            number("temperature", passage.temperature)?;
            number("log probability", passage.average_logprob)?;
            number("compression ratio", passage.compression_ratio)?;
            number("probability of no speech", passage.no_speech_probability)?;
        }
        Ok(())
    }
}

/// Checks the subtitles of a passage.
///
/// # Errors
/// Names the first thing that is not valid.
pub(crate) fn validate_cues(cues: &[Cue], segment: &Segment) -> Result<(), String> {
    at_most("subtitles", cues.len(), CUES)?;
    let latest = segment.end_ms.max(segment.start_ms).saturating_add(LINGER_MS);
    let mut earliest = 0;
    for cue in cues {
        span("subtitle", cue.start_ms, cue.end_ms, earliest, latest)?;
        at_most("bytes of a subtitle", cue.text.len(), TEXT_BYTES)?;
        earliest = cue.start_ms;
    }
    Ok(())
}

fn span(what: &str, start: u32, end: u32, earliest: u32, latest: u32) -> Result<(), String> {
    if start < earliest || end < start || latest < end {
        return Err(format!(
            "a {what} from {start} to {end} ms, between {earliest} and {latest} ms"
        ));
    }
    Ok(())
}

fn at_most(what: &str, given: usize, limit: usize) -> Result<(), String> {
    if given > limit { Err(format!("{given} {what}, {limit} are allowed")) } else { Ok(()) }
}

fn within<T>(what: &str, given: T, allowed: &RangeInclusive<T>) -> Result<(), String>
where
    T: Copy + PartialOrd + std::fmt::Display,
{
    if allowed.contains(&given) {
        return Ok(());
    }
    Err(format!("{what}: {given} is not from {} to {}", allowed.start(), allowed.end()))
}

fn number(what: &str, given: f32) -> Result<(), String> {
    if given.is_finite() { Ok(()) } else { Err(format!("{what}: {given} is not a number")) }
}

/// A vocabulary of size 0 is one that the host does not know.
fn token(what: &str, id: u32, card: &ModelCard) -> Result<(), String> {
    if card.vocabulary_size > 0 && id >= card.vocabulary_size {
        return Err(format!("{what} {id} in a vocabulary of {}", card.vocabulary_size));
    }
    Ok(())
}
