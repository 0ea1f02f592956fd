//! Where transcripts go.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};

use super::format::Format;
use crate::output;

/// Where one transcript goes, and in which form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    format: Format,
    /// `None`: standard output.
    file: Option<PathBuf>,
}

/// The target of each recording.
pub(crate) fn of(
    recordings: &[String],
    output: Option<&str>,
    format: Option<Format>,
) -> anyhow::Result<Vec<Target>> {
    let Some(output) = output else {
        let format = format.unwrap_or(Format::Txt);
        return Ok(vec![Target { format, file: None }; recordings.len()]);
    };
    let path = Path::new(output);
    if output.ends_with('/') || path.is_dir() {
        let format = format.unwrap_or(Format::Txt);
        let into = |recording: &String| Target {
            format,
            file: Some(path.join(stem(recording)).with_added_extension(format.extension())),
        };
        let targets: Vec<Target> = recordings.iter().map(into).collect();
        for (at, target) in targets.iter().enumerate() {
            if targets.iter().skip(at + 1).any(|other| other == target) {
                let file = target.file.as_deref().unwrap_or(path).display();
                bail!("two recordings would go to `{file}`: transcribe them one by one");
            }
        }
        return Ok(targets);
    }
    if recordings.len() > 1 {
        bail!(
            "{} recordings do not go into one file: name a folder, like `--output texts/`",
            recordings.len()
        );
    }
    let format = match format {
        Some(format) => format,
        None => Format::of(path)?.unwrap_or(Format::Txt),
    };
    Ok(vec![Target { format, file: Some(path.to_owned()) }])
}

/// A recording's name without its folder and its extension.
fn stem(recording: &str) -> &OsStr {
    match recording {
        "-" => OsStr::new("transcript"),
        _ => Path::new(recording).file_stem().unwrap_or_else(|| OsStr::new("transcript")),
    }
}

impl Target {
    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// Whether it goes to standard output.
    pub(crate) fn is_shown(&self) -> bool {
        self.file.is_none()
    }

    /// Writes a whole transcript.
    pub(crate) fn write(&self, transcript: &str) -> anyhow::Result<()> {
        let Some(file) = &self.file else { return Ok(output::text(transcript)?) };
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        folder
            .map_or(Ok(()), fs::create_dir_all)
            .and_then(|()| fs::write(file, transcript))
            .with_context(|| format!("cannot write the transcript to `{}`", file.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(
        recordings: &[&str],
        output: Option<&str>,
        format: Option<Format>,
        expect: Result<&[(Format, Option<&str>)], &str>,
    ) {
        let recordings: Vec<String> = recordings.iter().map(|&name| name.to_owned()).collect();
        match (of(&recordings, output, format), expect) {
            (Ok(targets), Ok(expect)) => {
                let found: Vec<_> = targets
                    .iter()
                    .map(|target| (target.format, target.file.as_deref().and_then(Path::to_str)))
                    .collect();
                assert_eq!(found, expect);
            }
            (Err(error), Err(part)) => {
                let text = error.to_string();
                assert!(text.contains(part), "`{text}` lacks `{part}`");
            }
            (found, _) => panic!("{found:?}"),
        }
    }

    #[test]
    fn transcripts_go_where_they_are_wanted() {
        check(&["a.wav"], None, None, Ok(&[(Format::Txt, None)]));
        check(&["a.wav"], None, Some(Format::Vtt), Ok(&[(Format::Vtt, None)]));
        check(&["a.wav"], Some("b.SRT"), None, Ok(&[(Format::Srt, Some("b.SRT"))]));
        check(&["a.wav"], Some("b.log"), Some(Format::Txt), Ok(&[(Format::Txt, Some("b.log"))]));
        check(&["a.wav"], Some("b"), None, Ok(&[(Format::Txt, Some("b"))]));
        check(&["a.wav"], Some("b.docx"), None, Err("`.docx` is no form"));
        check(
            &["x/a.b.wav", "-"],
            Some("texts/"),
            Some(Format::Json),
            Ok(&[
                (Format::Json, Some("texts/a.b.json")),
                (Format::Json, Some("texts/transcript.json")),
            ]),
        );
        check(&["a.wav", "b.wav"], Some("c.srt"), None, Err("name a folder"));
        check(&["x/a.wav", "y/a.mp3"], Some("texts/"), None, Err("`texts/a.txt`"));
    }
}
