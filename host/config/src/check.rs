//! The tools of validation: problems are collected, so that all of them are shown at once.

use std::{
    fmt::Display,
    io,
    ops::{Range, RangeInclusive},
    path::{Path, PathBuf},
};

use toml::Spanned;

use crate::error::{Problem, nearest};

/// What is expected at a path.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expect {
    File,
    Folder,
    /// It is made where it is missing.
    FolderOrNothing,
}

/// Collects problems and resolves paths.
pub(crate) struct Checker<'a> {
    /// The folder at which relative paths begin.
    pub(crate) base: &'a Path,
    /// The text of the file.
    pub(crate) text: &'a str,
    pub(crate) problems: Vec<Problem>,
}

impl Checker<'_> {
    pub(crate) fn report(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// A value in a range, or else its default.
    pub(crate) fn in_range<T>(
        &mut self,
        key: &str,
        given: Option<Spanned<T>>,
        range: RangeInclusive<T>,
    ) -> Option<T>
    where
        T: PartialOrd + Display + Copy,
    {
        let given = given?;
        let value = *given.get_ref();
        if range.contains(&value) {
            return Some(value);
        }
        let (least, most) = range.into_inner();
        let message = format!("`{key}` must be from {least} to {most}, it is {value}");
        self.report(Problem::at(given.span(), message));
        None
    }

    /// A path, begun at the folder of the file, and what is there.
    pub(crate) fn path(&mut self, given: &Spanned<PathBuf>, expect: Expect) -> PathBuf {
        let path = self.base.join(given.get_ref());
        if let Some((message, hint)) = path_problem(given.get_ref(), &path, expect) {
            let problem = Problem::at(given.span(), message);
            self.report(match hint {
                Some(hint) => problem.hint(hint),
                None => problem,
            });
        }
        path
    }

    /// Remembers a name, and reports it where it was taken before.
    pub(crate) fn unique(
        &mut self,
        taken: &mut Vec<(String, Range<usize>)>,
        what: &str,
        name: &str,
        span: Range<usize>,
    ) {
        if let Some((_, first)) = taken.iter().find(|(other, _)| other == name) {
            let line = crate::error::line_of(self.text, first.start);
            let message = format!("the {what} name `{name}` is taken by the one on line {line}");
            self.report(Problem::at(span, message).hint(format!("give each {what} its own name")));
        } else {
            taken.push((name.to_owned(), span));
        }
    }
}

/// Says what is wrong with a path; `path` is `given` in full.
pub(crate) fn path_problem(
    given: &Path,
    path: &Path,
    expect: Expect,
) -> Option<(String, Option<String>)> {
    let shown = given.display();
    if given.as_os_str().is_empty() {
        return Some(("the path is empty".to_owned(), None));
    }
    if given.starts_with("~") {
        let hint = "write the path in full: `~` means something to shells only".to_owned();
        return Some((format!("`{shown}` begins with `~`, which is not expanded"), Some(hint)));
    }
    let kind = match std::fs::metadata(path) {
        Ok(metadata) => metadata.file_type(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let what = match expect {
                Expect::FolderOrNothing => return None,
                Expect::File => "file",
                Expect::Folder => "folder",
            };
            let hint = match near_file(path) {
                Some(near) => format!("did you mean `{near}`, which is in the same folder?"),
                None if given.is_relative() => {
                    "a relative path begins at the folder of the configuration file".to_owned()
                }
                None => "check the path".to_owned(),
            };
            return Some((format!("there is no {what} `{shown}`"), Some(hint)));
        }
        Err(error) => return Some((format!("cannot look at `{shown}`: {error}"), None)),
    };
    match expect {
        Expect::File if kind.is_dir() => {
            Some((format!("`{shown}` is a folder, it must be a file"), None))
        }
        Expect::File if !kind.is_file() => Some((format!("`{shown}` is no regular file"), None)),
        Expect::Folder | Expect::FolderOrNothing if !kind.is_dir() => {
            Some((format!("`{shown}` is a file, it must be a folder"), None))
        }
        _ => None,
    }
}

/// A file beside a missing one whose name is near.
fn near_file(missing: &Path) -> Option<String> {
    /// Enough for a folder of models; a larger one is not searched to its end.
    const LOOKED_AT: usize = 1000;
    let wanted = missing.file_name()?.to_str()?;
    let parent = missing.parent().filter(|parent| !parent.as_os_str().is_empty());
    let entries = std::fs::read_dir(parent.unwrap_or(Path::new("."))).ok()?;
    let names =
        entries.take(LOOKED_AT).filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let names: Vec<String> = names.collect();
    nearest(wanted, names.iter().map(String::as_str)).map(str::to_owned)
}
