//! A request for a transcript that has been checked.

use audio::{Hint, Recording};
use model::TranscriptionRequest;

use crate::{InvalidCommand, command::at_most, limits};

/// What a client wants written down, not yet checked.
#[derive(Debug)]
pub struct TranscribeDraft {
    /// The uid asked for.
    pub model: String,
    /// How it is written down.
    pub request: TranscriptionRequest,
    /// What was sent.
    pub recording: Recording,
    /// What the client says of the recording's format.
    pub hint: Hint,
    /// Whether subtitles are wanted too.
    pub cues: bool,
}

/// What a client wants written down, within every limit.
#[derive(Debug)]
pub struct TranscribeCommand {
    pub(crate) model: String,
    pub(crate) request: TranscriptionRequest,
    pub(crate) recording: Recording,
    pub(crate) hint: Hint,
    pub(crate) cues: bool,
}

impl TryFrom<TranscribeDraft> for TranscribeCommand {
    type Error = InvalidCommand;

    fn try_from(draft: TranscribeDraft) -> Result<Self, InvalidCommand> {
        let TranscribeDraft { model, request, recording, hint, cues } = draft;
        check_request(&request)?;
        Ok(Self { model, request, recording, hint, cues })
    }
}

fn check_request(request: &TranscriptionRequest) -> Result<(), InvalidCommand> {
    let language = request.language.as_ref().map_or(0, |language| language.chars().count());
    at_most("language", "characters", language, limits::LANGUAGE)?;
    let prompt = request.prompt.as_ref().map_or(0, String::len);
    at_most("prompt", "bytes", prompt, limits::SPEECH_PROMPT_BYTES)?;
    if let Some(temperature) = request.temperature
        && !(0.0..=1.0).contains(&temperature)
    {
        let message = format!("must be from 0 to 1, it is {temperature}");
        return Err(InvalidCommand::new("temperature", message));
    }
    at_most("kwargs", "settings", request.options.len(), limits::SPEECH_OPTIONS)?;
    for (name, value) in &request.options {
        let field = |part: &str| format!("kwargs.{}", part.chars().take(64).collect::<String>());
        at_most(&field(name), "bytes", name.len().max(value.len()), limits::SPEECH_OPTION_BYTES)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use model::Task;

    use super::*;

    fn request() -> TranscriptionRequest {
        TranscriptionRequest {
            task: Task::Transcribe,
            language: None,
            prompt: None,
            temperature: None,
            word_times: false,
            options: Vec::new(),
        }
    }

    #[track_caller]
    fn check(change: impl FnOnce(&mut TranscriptionRequest), expect: Option<&str>) {
        let mut request = request();
        change(&mut request);
        let error = check_request(&request).err().map(|error| error.to_string());
        assert_eq!(error.as_deref(), expect);
    }

    #[test]
    fn limits_are_named() {
        check(|_| {}, None);
        check(|request| request.temperature = Some(1.0), None);
        check(
            |request| request.temperature = Some(1.5),
            Some("`temperature` must be from 0 to 1, it is 1.5"),
        );
        check(
            |request| request.temperature = Some(f32::NAN),
            Some("`temperature` must be from 0 to 1, it is NaN"),
        );
        check(
            |request| request.language = Some("x".repeat(65)),
            Some("`language` may hold at most 64 characters, it holds 65"),
        );
        check(
            |request| request.prompt = Some("x".repeat(limits::SPEECH_PROMPT_BYTES + 1)),
            Some("`prompt` may hold at most 16384 bytes, it holds 16385"),
        );
        let option = || ("beam-size".to_owned(), "5".to_owned());
        check(|request| request.options = vec![option(); 64], None);
        check(
            |request| request.options = vec![option(); 65],
            Some("`kwargs` may hold at most 64 settings, it holds 65"),
        );
    }
}
