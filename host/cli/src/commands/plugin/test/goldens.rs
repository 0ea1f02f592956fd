//! What must come of the cases, in files.

use std::{fs, path::Path};

use anyhow::Context as _;

/// Compares with files, or writes them, and collects what differs.
pub(super) struct Goldens {
    bless: bool,
    compared: usize,
    differing: Vec<String>,
}

impl Goldens {
    pub(super) fn new(bless: bool) -> Self {
        Self { bless, compared: 0, differing: Vec::new() }
    }

    /// Compares with a file; one that is not there differs, too.
    pub(super) fn compare(&mut self, path: &Path, actual: &str) -> anyhow::Result<()> {
        let shown = path.display();
        self.compared += 1;
        if self.bless {
            return fs::write(path, actual).with_context(|| format!("cannot write `{shown}`"));
        }
        match fs::read_to_string(path) {
            Ok(expected) if expected == actual => {}
            Ok(expected) => self
                .differing
                .push(format!("{shown}\n--- expected ---\n{expected}--- actual ---\n{actual}")),
            Err(error) => {
                self.differing.push(format!("{shown} ({error})\n--- actual ---\n{actual}"));
            }
        }
        Ok(())
    }

    /// Notes a failure that no file could have expected.
    pub(super) fn differs(&mut self, path: &Path, why: &str) {
        self.compared += 1;
        self.differing.push(format!("{}\n{why}", path.display()));
    }

    pub(super) fn passed(&self) -> bool {
        self.differing.is_empty()
    }

    /// What differs, one below the other.
    pub(super) fn differences(&self) -> String {
        self.differing.iter().flat_map(|one| [one.as_str(), "\n"]).collect()
    }

    /// The last line of the report.
    pub(super) fn verdict(&self) -> String {
        let Self { bless, compared, differing } = self;
        match (differing.len(), bless) {
            (0, false) => "passed".to_owned(),
            (0, true) => format!("wrote {compared} files; read the difference before you keep it"),
            (count, _) => {
                format!("{count} of {compared} differ; `--bless` writes what comes of them now")
            }
        }
    }
}
