//! What the fields of a form ask for.

use inference::InvalidCommand;
use model::{Task, TranscriptionRequest};
use serde_json::Value;

use super::format::Format;

/// Fields that have a meaning of their own; all others are settings for the family.
const KNOWN: [&str; 13] = [
    "model",
    "language",
    "prompt",
    "response_format",
    "temperature",
    "timestamp_granularities",
    "kwargs",
    "stream",
    "include",
    "user",
    "chunking_strategy",
    "known_speaker_names",
    "known_speaker_references",
];

/// The highest temperature that clients may send, as for models that write.
const HOTTEST: f32 = 2.0;

/// The fields of a form, in the order in which they came; names without `[]` behind them.
#[derive(Debug, Default)]
pub(super) struct Fields(Vec<(String, String)>);

/// How the answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Style {
    pub(super) format: Format,
    /// Whether segments are part of the detailed format.
    pub(super) segments: bool,
    /// Whether words are.
    pub(super) words: bool,
    /// Whether the answer comes in pieces.
    pub(super) stream: bool,
    /// Whether a stream says how far it is.
    pub(super) progress: bool,
}

impl Fields {
    pub(super) fn push(&mut self, name: String, value: String) {
        let name = name.strip_suffix("[]").map(str::to_owned).unwrap_or(name);
        self.0.push((name, value));
    }

    /// The last value of a field that is not empty, without spaces around it.
    pub(super) fn last(&self, name: &str) -> Option<&str> {
        let mut values = self.all(name);
        values.next_back()
    }

    fn all(&self, name: &str) -> impl DoubleEndedIterator<Item = &str> {
        let named = self.0.iter().filter(move |(given, _)| given == name);
        named.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }

    /// The same with the entries of `kwargs` among them, which clients of Xinference send as an
    /// object in JSON; a field of the form itself stands.
    pub(super) fn unfolded(mut self) -> Result<Self, InvalidCommand> {
        let Some(kwargs) = self.last("kwargs").filter(|text| *text != "null") else {
            return Ok(self);
        };
        let kwargs: Value = serde_json::from_str(kwargs)
            .map_err(|error| InvalidCommand::new("kwargs", format!("is no JSON: {error}")))?;
        let Value::Object(kwargs) = kwargs else {
            return Err(InvalidCommand::new("kwargs", "must be a JSON object"));
        };
        self.0.retain(|(name, _)| name != "kwargs");
        for (name, value) in kwargs {
            let bare = name.strip_suffix("[]").unwrap_or(&name);
            let known = KNOWN.contains(&bare);
            let value = match value {
                Value::Null => continue,
                Value::String(text) => text,
                // Nothing else that takes a list or an object is a setting of any family.
                Value::Array(_) | Value::Object(_) if !known => continue,
                other => other.to_string(),
            };
            if !known || self.last(bare).is_none() {
                self.push(name, value);
            }
        }
        Ok(self)
    }

    /// How the answer is to be written.
    pub(super) fn style(&self) -> Result<Style, InvalidCommand> {
        let format = self.last("response_format").map(Format::parse).transpose()?;
        let (mut segments, mut words) = (false, false);
        for granularity in self.listed("timestamp_granularities") {
            match granularity.to_ascii_lowercase().as_str() {
                "segment" => segments = true,
                "word" => words = true,
                other => {
                    let other: String = other.chars().take(64).collect();
                    return Err(InvalidCommand::new(
                        "timestamp_granularities[]",
                        format!("must be `segment` or `word`, it is `{other}`"),
                    ));
                }
            }
        }
        Ok(Style {
            format: format.unwrap_or_default(),
            segments: segments || !words,
            words,
            stream: self.flag("stream")?.unwrap_or(false),
            progress: self.listed("include").iter().any(|wanted| wanted == "progress"),
        })
    }

    /// What is to be written down, and how.
    pub(super) fn request(
        &self,
        task: Task,
        word_times: bool,
    ) -> Result<TranscriptionRequest, InvalidCommand> {
        Ok(TranscriptionRequest {
            task,
            language: self.last("language").map(str::to_owned),
            prompt: self.last("prompt").map(str::to_owned),
            temperature: self.last("temperature").map(temperature).transpose()?,
            word_times,
            options: self.options(),
        })
    }

    /// A field that may come several times, as a list of JSON, or with commas.
    fn listed(&self, name: &str) -> Vec<String> {
        let mut all = Vec::new();
        for value in self.all(name) {
            match serde_json::from_str::<Vec<String>>(value) {
                Ok(list) => all.extend(list),
                Err(_) => all.extend(value.split(',').map(|part| part.trim().to_owned())),
            }
        }
        all.retain(|part| !part.is_empty());
        all
    }

    fn flag(&self, name: &str) -> Result<Option<bool>, InvalidCommand> {
        let Some(value) = self.last(name) else { return Ok(None) };
        match value.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" | "y" | "t" => Ok(Some(true)),
            "false" | "0" | "no" | "off" | "n" | "f" | "none" | "null" => Ok(Some(false)),
            _ => {
                let value: String = value.chars().take(64).collect();
                Err(InvalidCommand::new(name, format!("must be true or false, it is `{value}`")))
            }
        }
    }

    /// Settings for the family: fields that mean nothing here.
    fn options(&self) -> Vec<(String, String)> {
        let unknown = self.0.iter().filter(|(name, _)| !KNOWN.contains(&name.as_str()));
        unknown.map(|(name, value)| option(name, value.trim().to_owned())).collect()
    }
}

/// Families name their settings with hyphens.
fn option(name: &str, value: String) -> (String, String) {
    (name.trim().replace('_', "-"), value)
}

/// A temperature: what is said is not known better above 1, so more is as much.
fn temperature(text: &str) -> Result<f32, InvalidCommand> {
    let value: Option<f32> = text.parse().ok();
    value.filter(|value| (0.0..=HOTTEST).contains(value)).map(|value| value.min(1.0)).ok_or_else(
        || {
            let text: String = text.chars().take(64).collect();
            let message = format!("must be a number from 0 to {HOTTEST}, it is `{text}`");
            InvalidCommand::new("temperature", message)
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(fields: &[(&str, &str)]) -> Fields {
        let mut all = Fields::default();
        for &(name, value) in fields {
            all.push(name.to_owned(), value.to_owned());
        }
        all
    }

    #[track_caller]
    fn check_style(given: &[(&str, &str)], expect: Result<Style, &str>) {
        let style = fields(given).style().map_err(|error| error.to_string());
        assert_eq!(style, expect.map_err(str::to_owned), "{given:?}");
    }

    #[test]
    fn styles() {
        let plain = Style {
            format: Format::Json,
            segments: true,
            words: false,
            stream: false,
            progress: false,
        };
        check_style(&[], Ok(plain));
        check_style(&[("response_format", ""), ("stream", "")], Ok(plain));
        check_style(&[("response_format", " SRT ")], Ok(Style { format: Format::Srt, ..plain }));
        check_style(&[("stream", "True")], Ok(Style { stream: true, ..plain }));
        let words = Style { segments: false, words: true, ..plain };
        check_style(&[("timestamp_granularities[]", "word")], Ok(words));
        let both = Style { words: true, ..plain };
        for list in ["word,segment", r#"["word", "segment"]"#, "segment, Word"] {
            check_style(&[("timestamp_granularities", list)], Ok(both));
        }
        let twice =
            [("timestamp_granularities[]", "word"), ("timestamp_granularities[]", "segment")];
        check_style(&twice, Ok(both));
        check_style(&[("include[]", "progress")], Ok(Style { progress: true, ..plain }));
        check_style(
            &[("stream", "perhaps")],
            Err("`stream` must be true or false, it is `perhaps`"),
        );
        check_style(
            &[("timestamp_granularities[]", "letter")],
            Err("`timestamp_granularities[]` must be `segment` or `word`, it is `letter`"),
        );
        check_style(
            &[("response_format", "docx")],
            Err(
                "`response_format` must be one of json, text, srt, verbose_json and vtt, it is `docx`",
            ),
        );
    }

    #[test]
    fn requests() {
        let given = [
            ("language", "de"),
            ("temperature", "0"),
            ("prompt", " Names: Ada. "),
            ("kwargs", r#"{"beam_size": 5, "carry": true, "word": "x", "none": null, "list": []}"#),
            ("best_of", "3"),
            ("user", "somebody"),
        ];
        let request = fields(&given).unfolded().unwrap().request(Task::Translate, true).unwrap();
        assert_eq!(request.language.as_deref(), Some("de"));
        assert_eq!(request.temperature, Some(0.0));
        assert_eq!(request.prompt.as_deref(), Some("Names: Ada."));
        assert!(request.word_times);
        let options: Vec<_> =
            request.options.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let expect = [("best-of", "3"), ("beam-size", "5"), ("carry", "true"), ("word", "x")];
        assert_eq!(options, expect);
    }

    #[test]
    fn fields_within_kwargs() {
        let kwargs = r#"{"response_format": "srt", "temperature": 1.5, "language": "fr",
            "timestamp_granularities[]": ["word", "segment"], "stream": true, "kwargs": "{}",
            "prompt": null}"#;
        let given = [("language", "de"), ("kwargs", kwargs)];
        let fields = fields(&given).unfolded().unwrap();
        let style = fields.style().unwrap();
        let expect = Style {
            format: Format::Srt,
            segments: true,
            words: true,
            stream: true,
            progress: false,
        };
        assert_eq!(style, expect);
        let request = fields.request(Task::Transcribe, true).unwrap();
        assert_eq!(request.language.as_deref(), Some("de"), "the form itself stands");
        assert_eq!((request.temperature, request.prompt), (Some(1.0), None));
        assert_eq!(request.options, []);
    }

    #[track_caller]
    fn check_refused(given: (&str, &str), part: &str) {
        let request = |fields: Fields| fields.request(Task::Transcribe, false);
        let error = fields(&[given]).unfolded().and_then(request).unwrap_err().to_string();
        assert!(error.contains(part), "`{error}` lacks `{part}`");
    }

    #[test]
    fn bad_values_are_named() {
        check_refused(("temperature", "warm"), "`temperature` must be a number");
        check_refused(("temperature", "2.5"), "from 0 to 2, it is `2.5`");
        check_refused(("temperature", "-0.1"), "from 0 to 2");
        check_refused(("temperature", "NaN"), "from 0 to 2");
        check_refused(("kwargs", r#"{"temperature": "hot"}"#), "`temperature` must be a number");
        check_refused(("kwargs", "{"), "`kwargs` is no JSON");
        check_refused(("kwargs", "[]"), "`kwargs` must be a JSON object");
    }
}
