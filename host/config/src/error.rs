//! What is wrong with a configuration, shown where it is wrong.

use std::{
    fmt, io,
    ops::Range,
    path::{Path, PathBuf},
};

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration `{}`: {source}\nhint: {hint}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
        /// What the operator can do.
        hint: &'static str,
    },
    /// Something in it, or in the environment, is wrong.
    #[error("{0}")]
    Invalid(Invalid),
}

impl ConfigError {
    pub(crate) fn read(path: &Path, source: io::Error) -> Self {
        let hint = match source.kind() {
            io::ErrorKind::NotFound => "give the path with `--config`, or write the file first",
            io::ErrorKind::InvalidData => "the file must be UTF-8 text",
            _ => "check the path and its permissions",
        };
        Self::Read { path: path.to_owned(), source, hint }
    }
}

/// Everything that is wrong, each with its place.
#[derive(Debug)]
pub struct Invalid(Vec<Shown>);

impl Invalid {
    /// Sets the problems into the text that they were found in.
    pub(crate) fn new(problems: Vec<Problem>, path: &Path, text: &str) -> Self {
        Self(problems.into_iter().map(|problem| problem.show(path, text)).collect())
    }

    /// The number of problems.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, shown) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("\n\n")?;
            }
            shown.fmt(f)?;
        }
        Ok(())
    }
}

/// One thing that is wrong.
#[derive(Debug)]
pub(crate) struct Problem {
    message: String,
    place: Place,
    hint: Option<String>,
}

#[derive(Debug)]
enum Place {
    /// Bytes of the text.
    Span(Range<usize>),
    /// Bytes of the text that hold a secret, so that only their position is shown.
    Secret(Range<usize>),
    /// An environment variable.
    Variable(&'static str),
}

impl Problem {
    pub(crate) fn at(span: Range<usize>, message: impl Into<String>) -> Self {
        Self { message: message.into(), place: Place::Span(span), hint: None }
    }

    pub(crate) fn at_secret(span: Range<usize>, message: impl Into<String>) -> Self {
        Self { message: message.into(), place: Place::Secret(span), hint: None }
    }

    pub(crate) fn in_variable(name: &'static str, message: impl Into<String>) -> Self {
        Self { message: message.into(), place: Place::Variable(name), hint: None }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    fn show(self, path: &Path, text: &str) -> Shown {
        let Self { message, place, hint } = self;
        let (place, excerpt) = match place {
            Place::Variable(name) => (format!("environment variable {name}"), None),
            Place::Span(span) => {
                let position = Position::of(text, &span);
                let place = position.named(path);
                (place, (!is_near_secret(text, &span)).then(|| position.excerpt()))
            }
            Place::Secret(span) => (Position::of(text, &span).named(path), None),
        };
        Shown { place, message, excerpt, hint }
    }
}

/// A problem as it is printed.
#[derive(Debug)]
struct Shown {
    place: String,
    message: String,
    excerpt: Option<String>,
    hint: Option<String>,
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)?;
        if let Some(excerpt) = &self.excerpt {
            write!(f, "\n{excerpt}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

/// A line, and the part of it that is meant.
struct Position<'a> {
    line: usize,
    column: usize,
    line_text: &'a str,
    /// Characters of the line that are underlined; at least one.
    width: usize,
}

impl<'a> Position<'a> {
    fn of(text: &'a str, span: &Range<usize>) -> Self {
        let start = floor(text, span.start);
        let before = text.get(..start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let rest = text.get(line_start..).unwrap_or_default();
        let line_text = rest.lines().next().unwrap_or_default();
        let line_end = line_start + line_text.len();
        let end = floor(text, span.end).min(line_end).max(start);
        let characters =
            |range: Range<usize>| text.get(range).map_or(0, |part| part.chars().count());
        Self {
            line: before.matches('\n').count() + 1,
            column: characters(line_start..start) + 1,
            line_text,
            width: characters(start..end).max(1),
        }
    }

    fn named(&self, path: &Path) -> String {
        format!("{}:{}:{}", path.display(), self.line, self.column)
    }

    /// The line with a caret under what is meant.
    fn excerpt(&self) -> String {
        /// Characters of a long line that are shown.
        const SHOWN: usize = 100;
        let skipped = (self.column - 1).saturating_sub(SHOWN / 2);
        let printable = |c: char| if c.is_control() { ' ' } else { c };
        let part = self.line_text.chars().skip(skipped).take(SHOWN).map(printable);
        let part: String = part.collect();
        let number = self.line.to_string();
        let margin = " ".repeat(number.len());
        let indent = " ".repeat(self.column - 1 - skipped);
        let carets = "^".repeat(self.width.min(SHOWN - (self.column - 1 - skipped).min(SHOWN - 1)));
        format!("{margin} |\n{number} | {part}\n{margin} | {indent}{carets}")
    }
}

/// The nearest character border at or before a byte.
fn floor(text: &str, at: usize) -> usize {
    text.floor_char_boundary(at.min(text.len()))
}

/// Whether a place may show a key: it is on a line of `api-keys`, or inside its brackets.
fn is_near_secret(text: &str, span: &Range<usize>) -> bool {
    const KEYS: &str = "api-keys";
    let position = Position::of(text, span);
    let before = text.get(..floor(text, span.start)).unwrap_or_default();
    let list = before.rfind(KEYS).and_then(|at| before.get(at..));
    position.line_text.contains(KEYS) || list.is_some_and(|list| !list.contains(']'))
}

/// The line that a place is on, counted from 1.
pub(crate) fn line_of(text: &str, at: usize) -> usize {
    text.get(..floor(text, at)).unwrap_or_default().matches('\n').count() + 1
}

/// The allowed word that is nearest to a mistaken one, if any is near.
pub(crate) fn nearest<'a>(
    word: &str,
    allowed: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    const NEAR: f64 = 0.6;
    let likeness = |other: &'a str| (strsim::normalized_damerau_levenshtein(word, other), other);
    let best = allowed.into_iter().map(likeness).max_by(|a, b| a.0.total_cmp(&b.0));
    best.filter(|(likeness, _)| *likeness >= NEAR).map(|(_, other)| other)
}

/// What serde calls by Rust's names, in the words of the file.
fn in_plain_words(message: &str) -> String {
    const WORDS: [(&str, &str); 6] = [
        ("expected u32", "expected a whole number from 0 to 4294967295"),
        ("expected f32", "expected a number"),
        ("expected a string", "expected a text in quotes"),
        ("expected a sequence", "expected a list"),
        ("expected a map", "expected a table"),
        ("type: map", "type: table"),
    ];
    WORDS.iter().fold(message.to_owned(), |text, (from, to)| text.replace(from, to))
}

/// Turns the TOML library's error into a problem with a hint.
pub(crate) fn from_toml(error: &toml::de::Error, text: &str) -> Problem {
    let span = error.span().unwrap_or(0..0);
    let message = error.message().trim();
    if is_near_secret(text, &span) {
        let hint = "keys are a list of texts in quotes: `[\"KEY\", \"ANOTHER\"]`";
        return Problem::at_secret(span, "the list of keys is not valid").hint(hint);
    }
    for (start, noun) in [("unknown field ", "key"), ("unknown variant ", "value")] {
        let Some(rest) = message.strip_prefix(start) else { continue };
        let mut words = rest.split('`').skip(1).step_by(2);
        let word = words.next().unwrap_or_default();
        let allowed: Vec<&str> = words.collect();
        let listed: Vec<String> = allowed.iter().map(|word| format!("`{word}`")).collect();
        let listed = listed.join(", ");
        let hint = match nearest(word, allowed) {
            Some(near) => format!("did you mean `{near}`? Allowed here: {listed}"),
            None => format!("allowed here: {listed}"),
        };
        return Problem::at(span, format!("unknown {noun} `{word}`")).hint(hint);
    }
    if let Some(key) = message.strip_prefix("missing field ") {
        let table = text.get(span.start..).unwrap_or_default().lines().next().unwrap_or_default();
        let hint = if table.starts_with("[[") { "add it below this line" } else { "add it" };
        return Problem::at(span, format!("{key} is missing")).hint(hint);
    }
    let problem = Problem::at(span.clone(), in_plain_words(message));
    let line = Position::of(text, &span).line_text.trim();
    if message.contains("expected a sequence") && line.starts_with("[model.") {
        let hint = format!("`{line}` belongs to the `[[model]]` table above it; write that first");
        return problem.hint(hint);
    }
    if message.contains("expected a sequence")
        && text.get(span).is_some_and(|t| t.starts_with("[m"))
    {
        return problem.hint("write `[[model]]` with double brackets, one for each model");
    }
    problem
}
