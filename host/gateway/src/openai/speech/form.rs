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
            options: self.options()?,
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

    /// Settings for the family: those of `kwargs`, and fields that mean nothing here.
    fn options(&self) -> Result<Vec<(String, String)>, InvalidCommand> {
        let mut options = Vec::new();
        let unknown = self.0.iter().filter(|(name, _)| !KNOWN.contains(&name.as_str()));
        options.extend(unknown.map(|(name, value)| option(name, value.trim().to_owned())));
        let Some(kwargs) = self.last("kwargs").filter(|text| *text != "null") else {
            return Ok(options);
        };
        let kwargs: Value = serde_json::from_str(kwargs)
            .map_err(|error| InvalidCommand::new("kwargs", format!("is no JSON: {error}")))?;
        let Value::Object(kwargs) = kwargs else {
            return Err(InvalidCommand::new("kwargs", "must be a JSON object"));
        };
        for (name, value) in kwargs {
            let value = match value {
                Value::String(text) => text,
                // Nothing that takes a list or an object is a setting of any family.
                Value::Null | Value::Array(_) | Value::Object(_) => continue,
                number_or_flag => number_or_flag.to_string(),
            };
            options.push(option(&name, value));
        }
        Ok(options)
    }
}

/// Families name their settings with hyphens.
fn option(name: &str, value: String) -> (String, String) {
    (name.trim().replace('_', "-"), value)
}

fn temperature(text: &str) -> Result<f32, InvalidCommand> {
    text.parse().map_err(|_| {
        let text: String = text.chars().take(64).collect();
        InvalidCommand::new("temperature", format!("must be a number from 0 to 1, it is `{text}`"))
    })
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
        let request = fields(&given).request(Task::Translate, true).unwrap();
        assert_eq!(request.language.as_deref(), Some("de"));
        assert_eq!(request.temperature, Some(0.0));
        assert_eq!(request.prompt.as_deref(), Some("Names: Ada."));
        assert!(request.word_times);
        let options: Vec<_> =
            request.options.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let expect = [("best-of", "3"), ("beam-size", "5"), ("carry", "true"), ("word", "x")];
        assert_eq!(options, expect);
    }

    #[track_caller]
    fn check_refused(given: (&str, &str), part: &str) {
        let error = fields(&[given]).request(Task::Transcribe, false).unwrap_err().to_string();
        assert!(error.contains(part), "`{error}` lacks `{part}`");
    }

    #[test]
    fn bad_values_are_named() {
        check_refused(("temperature", "warm"), "`temperature` must be a number");
        check_refused(("kwargs", "{"), "`kwargs` is no JSON");
        check_refused(("kwargs", "[]"), "`kwargs` must be a JSON object");
    }
}
