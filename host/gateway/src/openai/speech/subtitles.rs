//! Subtitles, as SubRip and as browsers have them.

use std::fmt::Write as _;

use model::Cue;

/// Writes subtitles one after the other.
#[derive(Debug)]
pub(super) struct Subtitles {
    kind: Kind,
    count: u32,
}

/// The form of subtitles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    SubRip,
    WebVtt,
}

impl Subtitles {
    pub(super) fn new(kind: Kind) -> Self {
        Self { kind, count: 0 }
    }

    /// What stands before the first subtitle.
    pub(super) fn head(&self) -> &'static str {
        match self.kind {
            Kind::SubRip => "",
            Kind::WebVtt => "WEBVTT\n\n",
        }
    }

    /// One subtitle with the empty line behind it; empty for one without text.
    pub(super) fn cue(&mut self, cue: &Cue) -> String {
        let text = lines(&cue.text, self.kind);
        let mut out = String::new();
        if text.is_empty() {
            return out;
        }
        self.count += 1;
        // A subtitle that ends when it begins is none for strict parsers.
        let end = cue.end_ms.max(cue.start_ms.saturating_add(1));
        let written = match self.kind {
            Kind::SubRip => {
                let (start, end) = (time(cue.start_ms, ','), time(end, ','));
                write!(out, "{}\n{start} --> {end}\n{text}\n\n", self.count)
            }
            Kind::WebVtt => {
                let (start, end) = (time(cue.start_ms, '.'), time(end, '.'));
                write!(out, "{start} --> {end}\n{text}\n\n")
            }
        };
        // Memory takes every byte.
        debug_assert!(written.is_ok());
        out
    }
}

/// The text as it may stand in a subtitle: no empty line, and no arrow, either of which would end
/// it.
fn lines(text: &str, kind: Kind) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let text = lines.collect::<Vec<_>>().join("\n").replace("-->", "->");
    match kind {
        Kind::SubRip => text,
        Kind::WebVtt => text.replace('&', "&amp;").replace('<', "&lt;"),
    }
}

/// `01:02:03.004`; the hours are always there, which every parser takes.
fn time(ms: u32, point: char) -> String {
    let (seconds, ms) = (ms / 1000, ms % 1000);
    let (minutes, seconds) = (seconds / 60, seconds % 60);
    let (hours, minutes) = (minutes / 60, minutes % 60);
    format!("{hours:02}:{minutes:02}:{seconds:02}{point}{ms:03}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kind: Kind, cues: &[(u32, u32, &str)], expect: &str) {
        let mut subtitles = Subtitles::new(kind);
        let mut text = subtitles.head().to_owned();
        for &(start_ms, end_ms, line) in cues {
            text += &subtitles.cue(&Cue { start_ms, end_ms, text: line.to_owned() });
        }
        assert_eq!(text, expect);
    }

    #[test]
    fn subtitles() {
        let cues =
            [(0, 1500, " One "), (1500, 1500, ""), (3_723_004, 3_723_004, "a\n\n b --> <c>&")];
        check(
            Kind::SubRip,
            &cues,
            "1\n00:00:00,000 --> 00:00:01,500\nOne\n\n2\n01:02:03,004 --> 01:02:03,005\na\nb -> <c>&\n\n",
        );
        check(
            Kind::WebVtt,
            &cues,
            "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\nOne\n\n01:02:03.004 --> 01:02:03.005\na\nb -> &lt;c>&amp;\n\n",
        );
        check(Kind::SubRip, &[], "");
        check(Kind::WebVtt, &[], "WEBVTT\n\n");
    }
}
