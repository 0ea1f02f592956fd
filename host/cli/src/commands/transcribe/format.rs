//! The forms of a transcript.

use std::path::Path;

use anyhow::{Context as _, bail};
use serde_json::{Map, Value};

/// The form of a transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// The text alone.
    #[value(alias = "text")]
    Txt,
    /// Subtitles as most players read them.
    Srt,
    /// Subtitles as browsers read them.
    Vtt,
    /// The text with its segments and their times.
    Json,
}

impl Format {
    /// What a file's extension says; `None` for a file without one.
    pub(crate) fn of(file: &Path) -> anyhow::Result<Option<Self>> {
        let Some(extension) = file.extension() else { return Ok(None) };
        match extension.to_string_lossy().to_ascii_lowercase().as_str() {
            "txt" | "text" => Ok(Some(Self::Txt)),
            "srt" => Ok(Some(Self::Srt)),
            "vtt" => Ok(Some(Self::Vtt)),
            "json" => Ok(Some(Self::Json)),
            other => bail!(
                "`.{other}` is no form of a transcript: end the file's name in .txt, .srt, .vtt or .json, or add `--format`"
            ),
        }
    }

    /// The form as the host names it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Txt => "text",
            Self::Srt => "srt",
            Self::Vtt => "vtt",
            Self::Json => "verbose_json",
        }
    }

    /// The extension of its files.
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::Txt => "txt",
            Self::Srt => "srt",
            Self::Vtt => "vtt",
            Self::Json => "json",
        }
    }

    /// A whole transcript as it stands in a file, from the last event of its stream.
    pub(crate) fn whole(self, body: &Map<String, Value>) -> anyhow::Result<String> {
        let text = body.get("text").and_then(Value::as_str).unwrap_or_default();
        match self {
            Self::Txt if !text.is_empty() => Ok(format!("{text}\n")),
            Self::Txt | Self::Srt | Self::Vtt => Ok(text.to_owned()),
            Self::Json => serde_json::to_string_pretty(body)
                .map(|json| json + "\n")
                .context("the transcript cannot be written as JSON"),
        }
    }
}
