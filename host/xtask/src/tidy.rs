//! The invariants of the map, as checks: arrows, file sizes, words, and who knows what.

mod arrows;
mod families;
mod files;
mod fixtures;
mod source;

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};

use crate::step::say;

/// Something that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    /// From the root of the repository.
    path: String,
    /// 0 where the whole file is meant.
    line: usize,
    message: String,
}

impl Finding {
    fn new(path: impl Into<String>, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.into(), line, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.message),
            line => write!(f, "{}:{line}: {}", self.path, self.message),
        }
    }
}

/// A text file of the repository.
struct TextFile {
    /// From the root of the repository, with `/` between parts.
    path: String,
    text: String,
}

impl TextFile {
    fn is_rust(&self) -> bool {
        Path::new(&self.path).extension().is_some_and(|extension| extension == "rs")
    }
}

/// Runs every check and reports all findings at once.
pub(crate) fn run(root: &Path) -> anyhow::Result<()> {
    let files = read_files(root)?;
    let (mut findings, notes) = files::check(&files);
    findings.extend(families::check(&files));
    findings.extend(arrows::check(root, &files)?);
    findings.extend(fixtures::check(&files));
    findings.sort();
    for note in notes {
        say(&format!("    note: {note}"));
    }
    if findings.is_empty() {
        return Ok(());
    }
    let list: Vec<String> = findings.iter().map(ToString::to_string).collect();
    bail!("{} findings\n{}", list.len(), list.join("\n"))
}

/// Reads every text file that a person writes, in order of its path.
fn read_files(root: &Path) -> anyhow::Result<Vec<TextFile>> {
    const KINDS: [&str; 10] = ["rs", "toml", "md", "wit", "py", "sh", "yml", "yaml", "json", "txt"];
    let mut folders: Vec<PathBuf> = vec![root.to_owned()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
        for entry in entries {
            let entry = entry?;
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            let kind = entry.file_type()?;
            if kind.is_dir() {
                let weights = folder == root && name == "models";
                if !weights && !is_skipped(&name) {
                    folders.push(path);
                }
                continue;
            }
            let wanted = path.extension().is_some_and(|e| KINDS.iter().any(|kind| e == *kind));
            if !kind.is_file() || !wanted {
                continue;
            }
            // A file that is no text is no business of these checks.
            let Ok(text) = fs::read_to_string(&path) else { continue };
            let path =
                path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            files.push(TextFile { path, text });
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// Folders that hold what was built or fetched, and those of tools.
fn is_skipped(name: &str) -> bool {
    let hidden = name.starts_with('.') && !matches!(name, ".cargo" | ".config" | ".ci");
    hidden || matches!(name, "target" | "node_modules" | "__pycache__")
}
