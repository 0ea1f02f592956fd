//! Golden cases: a family's own tests, run natively.
//!
//! A case is a file `NAME.json` in a folder, with a card and a request; see [`Case`].
//! Beside it stand:
//!
//! - `NAME.prompt`: what the family renders, in a readable form; see [`show_prompt`].
//! - `NAME.reply.txt` and any `NAME.WORD.reply.txt`: raw output of the model. A case's `"finish"`
//!   may give the reason by word: `{"finish": {"cut": "length"}}`.
//! - `NAME.events` and `NAME.WORD.events`: the events of that reply, one JSON value a line.
//!
//! With the environment variable `BLESS=1` the prompts and events are written instead of compared.
//! A reply must give the same events whole, in single characters, cut in two at any place, and cut
//! at random.
//!
//! Cases of speech lie in a folder of their own:
//!
//! - `NAME.json`: a card and a request for a transcript; see [`speech`].
//! - `NAME.plan`: the plan that the family makes, one field a line.
//! - `NAME.decoded` and any `NAME.WORD.decoded`: what an engine decoded, one segment a line; see
//!   [`decoded`].
//! - `NAME.segments` and `NAME.WORD.segments`: the passages and their subtitles.
//!
//! [`check_plan`] and [`check_segments`] compare them. A recording must give the same passages
//! however its segments are handed over.
//!
//! ```no_run
//! # use plugin_sdk::*;
//! # struct Parrot;
//! # impl Family for Parrot {
//! #     fn describe() -> FamilyInfo { family_info!() }
//! #     fn recognize(_: &ModelCard) -> Recognition { Recognition::none("") }
//! # }
//! # impl Chat for Parrot {
//! #     fn render(card: &ModelCard, _: &ChatRequest) -> Result<Prompt, Error> {
//! #         Ok(PromptBuilder::new(card).build())
//! #     }
//! # }
//! #[test]
//! fn cases() {
//!     testkit::check_render::<Parrot>("cases");
//!     testkit::check_parse::<Parrot>("cases");
//! }
//! ```
#![allow(
    clippy::panic,
    clippy::print_stderr,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "the kit runs in tests, where stopping with a message is the point"
)]

mod case;
mod chunks;
mod data;
mod show;
mod speech;
mod transcripts;

use std::path::{Path, PathBuf};
use std::{env, fs};

pub use case::{Case, card, request};
pub use chunks::{check_chunks, parse_whole};
pub use data::shared;
pub use show::{flatten, show_events, show_prompt};
pub use speech::{decoded, show_plan, show_segments, speech};
pub use transcripts::{check_plan, check_segments, write_down};

use crate::{Chat, FinishReason};

/// Checks what the family renders for every case in `folder`, relative to the crate.
#[track_caller]
pub fn check_render<F: Chat>(folder: &str) {
    let mut goldens = Goldens::default();
    for (path, case) in cases(folder) {
        let shown = match F::render(&case.card, &case.request) {
            Ok(prompt) => show_prompt(&prompt),
            Err(error) => format!("error {error:?}\n"),
        };
        goldens.compare(&path.with_extension("prompt"), &shown);
    }
    goldens.end();
}

/// Checks what the family makes of every reply in `folder`, whole and in pieces.
#[track_caller]
pub fn check_parse<F: Chat>(folder: &str) {
    let mut goldens = Goldens::default();
    for (path, case) in cases(folder) {
        let name = path.file_stem().map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        for reply in replies(&path, &name) {
            let file = reply.file_name().map(|file| file.to_string_lossy().into_owned());
            let stem = file.unwrap_or_default().replace(".reply.txt", "");
            let word = stem.strip_prefix(&name).unwrap_or_default().trim_start_matches('.');
            let reason = case.finish(word);
            let text = read(&reply);
            let prompt = F::render(&case.card, &case.request)
                .unwrap_or_else(|error| panic!("{}: {error:?}", path.display()));
            let make = || F::parser(&case.card, &case.request, &prompt);
            check_chunks(make, &text, reason);
            let events = show_events(&parse_whole(make(), &text, reason));
            goldens.compare(&reply.with_file_name(format!("{stem}.events")), &events);
        }
    }
    goldens.end();
}

/// The cases of a folder, in the order of their names.
#[track_caller]
fn cases(folder: &str) -> Vec<(PathBuf, Case)> {
    let root = env::var("CARGO_MANIFEST_DIR").expect("cargo sets it in tests");
    let folder = Path::new(&root).join(folder);
    let mut paths: Vec<_> = list(&folder)
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "no cases in {}", folder.display());
    let load = |path: PathBuf| {
        let case = Case::parse(&read(&path));
        let case = case.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (path, case)
    };
    paths.into_iter().map(load).collect()
}

/// The recorded replies of a case.
fn replies(case: &Path, name: &str) -> Vec<PathBuf> {
    let folder = case.parent().map(Path::to_path_buf).unwrap_or_default();
    let mut paths: Vec<_> = list(&folder)
        .into_iter()
        .filter(|path| {
            let file = path.file_name().map(|file| file.to_string_lossy().into_owned());
            let file = file.unwrap_or_default();
            file.strip_prefix(name)
                .is_some_and(|rest| rest.starts_with('.') && rest.ends_with(".reply.txt"))
        })
        .collect();
    paths.sort();
    paths
}

fn list(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder);
    let entries = entries.unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries.filter_map(Result::ok).map(|entry| entry.path()).collect()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Compares with files, or writes them, and collects what differs.
#[derive(Default)]
struct Goldens {
    differing: Vec<String>,
}

impl Goldens {
    fn compare(&mut self, path: &Path, actual: &str) {
        if env::var_os("BLESS").is_some_and(|value| value == "1") {
            fs::write(path, actual).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            return;
        }
        let expected = fs::read_to_string(path).unwrap_or_default();
        if expected != actual {
            self.differing.push(format!(
                "{}\n--- expected ---\n{expected}--- actual ---\n{actual}",
                path.display()
            ));
        }
    }

    #[track_caller]
    fn end(self) {
        assert!(
            self.differing.is_empty(),
            "{} golden files differ (BLESS=1 writes them):\n\n{}",
            self.differing.len(),
            self.differing.join("\n")
        );
    }
}

/// The finish reason of a word.
fn finish_reason(word: &str) -> FinishReason {
    match word {
        "length" => FinishReason::Length,
        "cancelled" => FinishReason::Cancelled,
        _ => FinishReason::Stop,
    }
}
