//! What the client, and before it the operator, may set.

use plugin_sdk::{Error, ModelCard, TranscriptionRequest};

use crate::lines::Layout;

/// The settings of one request.
///
/// The operator's `family-options` come first, and the client's options over them.
/// Names are those of OpenAI's, whisper.cpp's, faster-whisper's and transformers' interfaces;
/// whether a name is written with `_` or `-` does not matter.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Settings {
    /// The language as it was written.
    pub language: Option<String>,
    /// Text to go on from.
    pub prompt: Option<String>,
    /// Whether the prompt stands before every window.
    pub carry_prompt: bool,
    /// Tokens of context; `None`: as many as fit where there is to be any.
    pub context: Option<u32>,
    /// Whether a window is decoded in the light of the one before it.
    ///
    /// Off as in whisper.cpp's library: a loop then ends with its window, and the pieces between
    /// pauses do not wait for each other.
    pub condition: bool,
    /// Beams at temperature 0.
    ///
    /// One, as in whisper.cpp's library and OpenAI's: five make a window several times as dear and
    /// seldom better.
    pub beam_size: u32,
    /// Candidates at the other temperatures.
    pub best_of: u32,
    /// The first temperature.
    pub temperature: f32,
    /// The step of the ladder; `None`: 0.2 from temperature 0 on, and none from another.
    pub temperature_increment: Option<f32>,
    /// Below it a result is repetitive.
    pub entropy: f32,
    /// Below it a result is doubtful.
    pub logprob: f32,
    /// Above it a doubtful result is silence.
    pub no_speech: f32,
    /// Above it a doubtful result is a loop.
    pub compression: f32,
    /// Whether brackets, musical notes and the like are never decoded.
    ///
    /// Off as in whisper.cpp, because a model with words of its own has words under these ids.
    pub suppress_non_speech: bool,
    /// Further tokens that are never decoded.
    pub suppress: Vec<u32>,
    /// Whether a window may not begin with the blank or the end.
    pub suppress_blank: bool,
    /// Whether timestamps are decoded, where the model knows them.
    pub timestamps: bool,
    /// The latest start of a window's first segment, in milliseconds.
    pub latest_start_ms: u32,
    /// The most tokens of a window; `None`: as many as fit.
    pub max_tokens: Option<u32>,
    /// Whether words are wanted.
    pub word_times: bool,
    /// Columns of a subtitle's line.
    pub line_width: Option<u32>,
    /// Lines of a subtitle.
    pub lines: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            language: None,
            prompt: None,
            carry_prompt: false,
            context: None,
            condition: false,
            beam_size: 1,
            best_of: 5,
            temperature: 0.0,
            temperature_increment: None,
            entropy: 2.4,
            logprob: -1.0,
            no_speech: 0.6,
            compression: 2.4,
            suppress_non_speech: false,
            suppress: Vec::new(),
            suppress_blank: true,
            timestamps: true,
            latest_start_ms: 1000,
            max_tokens: None,
            word_times: false,
            line_width: None,
            lines: 2,
        }
    }
}

/// The names of the settings, and what else they are called.
const NAMES: [&[&str]; 21] = [
    &["language"],
    &["initial-prompt", "prompt"],
    &["carry-initial-prompt", "carry-prompt"],
    &["condition-on-previous-text", "condition-on-prev-tokens"],
    &["no-context"],
    &["max-context", "n-max-text-ctx"],
    &["beam-size", "num-beams"],
    &["best-of"],
    &["temperature-increment", "temperature-inc", "temperature-increment-on-fallback"],
    &["entropy-threshold", "entropy-thold"],
    &["logprob-threshold", "logprob-thold", "log-prob-threshold"],
    &["no-speech-threshold", "no-speech-thold"],
    &["compression-ratio-threshold"],
    &["suppress-non-speech", "suppress-nst", "suppress-non-speech-tokens"],
    &["suppress-tokens"],
    &["suppress-blank"],
    &["without-timestamps", "no-timestamps"],
    &["max-initial-timestamp"],
    &["max-tokens", "max-new-tokens", "sample-len"],
    &["line-width", "max-line-width"],
    &["line-count", "max-line-count"],
];

impl Settings {
    /// The settings of a request to a model.
    pub fn of(card: &ModelCard, request: &TranscriptionRequest) -> Result<Self, Error> {
        let mut settings = Self::of_operator(card)?;
        for (key, value) in &request.options {
            if let Some(name) = name_of(key) {
                settings.set(name, value)?;
            }
        }
        let own = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
        settings.language = own(&request.language).or(settings.language);
        settings.prompt = own(&request.prompt).or(settings.prompt);
        settings.word_times |= request.word_times;
        if let Some(temperature) = request.temperature {
            if !(0.0..=2.0).contains(&temperature) {
                return Err(Error::InvalidRequest(format!(
                    "`temperature` cannot be {temperature}; it is a number from 0 to 2"
                )));
            }
            settings.temperature = temperature;
        }
        Ok(settings)
    }

    /// What the operator set, where an unknown name is a mistake.
    pub(crate) fn of_operator(card: &ModelCard) -> Result<Self, Error> {
        let mut settings = Self::default();
        for (key, value) in &card.options {
            let Some(name) = name_of(key) else {
                let names: Vec<_> =
                    NAMES.iter().filter_map(|names| names.first().copied()).collect();
                return Err(Error::InvalidRequest(format!(
                    "unknown family option `{key}`; this family has: {}",
                    names.join(", ")
                )));
            };
            settings.set(name, value)?;
        }
        Ok(settings)
    }

    /// How subtitles are laid out.
    pub(crate) fn layout(&self) -> Layout {
        Layout { width: self.line_width.map(|width| width as usize), lines: self.lines as usize }
    }

    fn set(&mut self, name: &'static str, text: &str) -> Result<(), Error> {
        // A client's null comes as a word.
        let text = text.trim();
        if matches!(text.to_ascii_lowercase().as_str(), "" | "null" | "none") {
            return Ok(());
        }
        let value = Value { name, text };
        match name {
            "language" => self.language = Some(text.to_owned()),
            "initial-prompt" => self.prompt = Some(text.to_owned()),
            "carry-initial-prompt" => self.carry_prompt = value.flag()?,
            "condition-on-previous-text" => self.condition = value.flag()?,
            "no-context" => self.condition = !value.flag()?,
            // whisper.cpp's -1 stands for as many as fit.
            "max-context" if text == "-1" => self.condition = true,
            "max-context" => {
                let tokens = value.whole(0, 1 << 20)?;
                self.condition = tokens > 0;
                self.context = Some(tokens);
            }
            "beam-size" => self.beam_size = value.whole(1, 16)?,
            "best-of" => self.best_of = value.whole(1, 16)?,
            "temperature-increment" => self.temperature_increment = Some(value.number(0.0, 1.0)?),
            "entropy-threshold" => self.entropy = value.number(-100.0, 100.0)?,
            "logprob-threshold" => self.logprob = value.number(-100.0, 100.0)?,
            "no-speech-threshold" => self.no_speech = value.number(0.0, 1.0)?,
            "compression-ratio-threshold" => self.compression = value.number(0.0, 1000.0)?,
            "suppress-non-speech" => self.suppress_non_speech = value.flag()?,
            "suppress-tokens" => self.set_suppressed(&value)?,
            "suppress-blank" => self.suppress_blank = value.flag()?,
            "without-timestamps" => self.timestamps = !value.flag()?,
            "max-initial-timestamp" => {
                self.latest_start_ms = milliseconds(value.number(0.0, 30.0)?);
            }
            "max-tokens" => self.max_tokens = Some(value.whole(1, 1 << 20)?),
            "line-width" => self.line_width = Some(value.whole(8, 200)?),
            "line-count" => self.lines = value.whole(1, 2)?,
            _ => {}
        }
        Ok(())
    }

    /// Ids with commas between them, in brackets or not; -1 stands for what is not speech.
    fn set_suppressed(&mut self, value: &Value<'_>) -> Result<(), Error> {
        self.suppress.clear();
        self.suppress_non_speech = false;
        let ids = value.text.trim_matches(|c| matches!(c, '[' | ']' | '"'));
        for id in ids.split(',').map(str::trim).filter(|id| !id.is_empty()) {
            if id == "-1" {
                self.suppress_non_speech = true;
            } else {
                self.suppress.push(Value { text: id, ..*value }.whole(0, u32::MAX)?);
            }
        }
        Ok(())
    }
}

/// The setting that a name stands for.
fn name_of(key: &str) -> Option<&'static str> {
    let key = key.trim().to_ascii_lowercase().replace('_', "-");
    let names = NAMES.iter().find(|names| names.contains(&key.as_str()))?;
    names.first().copied()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is 0 to 30")]
fn milliseconds(seconds: f32) -> u32 {
    (seconds * 1000.0).round() as u32
}

/// A setting's name and the text that is to be its value.
#[derive(Clone, Copy)]
struct Value<'a> {
    name: &'static str,
    text: &'a str,
}

impl Value<'_> {
    fn flag(&self) -> Result<bool, Error> {
        match self.text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Ok(true),
            "false" | "0" | "no" | "off" => Ok(false),
            _ => Err(self.bad("`true` or `false`")),
        }
    }

    fn whole(&self, least: u32, most: u32) -> Result<u32, Error> {
        let number = self.text.parse().ok().filter(|number| (least..=most).contains(number));
        number.ok_or_else(|| self.bad(&format!("a whole number from {least} to {most}")))
    }

    fn number(&self, least: f32, most: f32) -> Result<f32, Error> {
        let number = self.text.parse().ok().filter(|number| (least..=most).contains(number));
        number.ok_or_else(|| self.bad(&format!("a number from {least} to {most}")))
    }

    fn bad(&self, expected: &str) -> Error {
        let text: String = self.text.chars().take(40).collect();
        Error::InvalidRequest(format!("`{}` cannot be `{text}`; it is {expected}", self.name))
    }
}
