//! The formats that a transcript can have.

use axum::http::HeaderValue;
use inference::InvalidCommand;

/// The form of a transcript.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Format {
    /// The text in a JSON object.
    #[default]
    Json,
    /// The text alone.
    Text,
    /// Subtitles as SubRip has them.
    Srt,
    /// The text with its segments or words and their times.
    VerboseJson,
    /// Subtitles as browsers read them.
    Vtt,
}

impl Format {
    /// Every format and its name.
    pub(super) const ALL: [(&'static str, Self); 5] = [
        ("json", Self::Json),
        ("text", Self::Text),
        ("srt", Self::Srt),
        ("verbose_json", Self::VerboseJson),
        ("vtt", Self::Vtt),
    ];

    pub(super) fn parse(name: &str) -> Result<Self, InvalidCommand> {
        let wanted = name.trim().to_ascii_lowercase();
        let found = Self::ALL.iter().find(|(name, _)| *name == wanted);
        found.map(|(_, format)| *format).ok_or_else(|| {
            let shown: String = name.chars().take(64).collect();
            InvalidCommand::new(
                "response_format",
                format!("must be one of json, text, srt, verbose_json and vtt, it is `{shown}`"),
            )
        })
    }

    /// Whether it consists of subtitles.
    pub(super) fn has_cues(self) -> bool {
        matches!(self, Self::Srt | Self::Vtt)
    }

    /// What a response in this format is.
    pub(super) fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Json | Self::VerboseJson => "application/json",
            Self::Text => "text/plain; charset=utf-8",
            Self::Srt => "application/x-subrip; charset=utf-8",
            Self::Vtt => "text/vtt; charset=utf-8",
        })
    }
}
