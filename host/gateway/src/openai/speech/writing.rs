//! A transcript that grows, in the form that the client asked for.

use inference::{Passage, Transcript};
use model::Task;

use super::{
    body::{DurationUsage, SegmentBody, TranscriptBody, VerboseBody, WordBody},
    form::Style,
    format::Format,
    subtitles::{Kind, Subtitles},
};

/// What is known of a transcript at its end.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ending {
    task: Task,
    language: String,
    seconds: f64,
}

impl Ending {
    pub(super) fn of(transcript: &Transcript) -> Self {
        let task = transcript.task();
        let language = match task {
            Task::Translate => "english",
            Task::Transcribe => transcript.language().unwrap_or("unknown"),
        };
        Self { task, language: language.to_owned(), seconds: transcript.seconds() }
    }

    pub(super) fn usage(&self) -> DurationUsage {
        DurationUsage::new(self.seconds)
    }
}

/// A transcript that grows.
#[derive(Debug)]
pub(super) struct Writing {
    style: Style,
    /// The text so far: subtitles where these are the format.
    text: String,
    subtitles: Option<Subtitles>,
    segments: Vec<SegmentBody>,
    words: Vec<WordBody>,
}

impl Writing {
    pub(super) fn new(style: Style) -> Self {
        let subtitles = match style.format {
            Format::Srt => Some(Subtitles::new(Kind::SubRip)),
            Format::Vtt => Some(Subtitles::new(Kind::WebVtt)),
            Format::Json | Format::Text | Format::VerboseJson => None,
        };
        let text = subtitles.as_ref().map(Subtitles::head).unwrap_or_default().to_owned();
        Self { style, text, subtitles, segments: Vec::new(), words: Vec::new() }
    }

    /// The text so far, where it does not change any more.
    pub(super) fn text(&self) -> &str {
        // What a space separates is not known yet.
        if self.subtitles.is_some() { &self.text } else { self.text.trim_end() }
    }

    /// The passage that was added last.
    pub(super) fn last_segment(&self) -> Option<&SegmentBody> {
        self.segments.last()
    }

    /// Adds a passage.
    pub(super) fn add(&mut self, passage: &Passage) {
        let Passage { segment, cues } = passage;
        if let Some(subtitles) = &mut self.subtitles {
            for cue in cues {
                self.text += &subtitles.cue(cue);
            }
            return;
        }
        let text = segment.text.as_str();
        self.text += if self.text.is_empty() { text.trim_start() } else { text };
        if self.style.format == Format::VerboseJson {
            if self.style.segments {
                self.segments.push(SegmentBody::new(self.segments.len(), segment));
            }
            if self.style.words {
                self.words.extend(segment.words.iter().map(WordBody::new));
            }
        }
    }

    /// The whole as JSON.
    pub(super) fn plain(self, ending: &Ending) -> TranscriptBody {
        TranscriptBody { text: self.text().to_owned(), usage: ending.usage() }
    }

    /// The whole as JSON with times.
    pub(super) fn verbose(self, ending: Ending) -> VerboseBody {
        VerboseBody {
            task: match ending.task {
                Task::Transcribe => "transcribe",
                Task::Translate => "translate",
            },
            duration: ending.seconds,
            usage: ending.usage(),
            language: ending.language,
            text: self.text().to_owned(),
            segments: Some(self.segments).filter(|_| self.style.segments),
            words: Some(self.words).filter(|_| self.style.words),
        }
    }

    /// The whole as text, which ends in a line feed unless it is empty.
    pub(super) fn into_text(self) -> String {
        let mut text = self.text().to_owned();
        if self.subtitles.is_none() && !text.is_empty() {
            text.push('\n');
        }
        text
    }
}
