//! What `host plugin new` writes, out of `plugins/template`: a family that works, in a language of
//! the author's choice, and the same golden cases in each.

mod files;

use clap::ValueEnum;

/// A language to write a family in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    /// With the SDK of this repository: quick, small, and with the most help
    Rust,
    /// With componentize-py
    Python,
    /// With componentize-js
    #[value(alias = "js")]
    Javascript,
    /// With clang and wit-bindgen
    C,
}

impl Language {
    /// Whether the new folder needs the SDK; the others carry the interface itself.
    pub(crate) fn needs_sdk(self) -> bool {
        self == Self::Rust
    }

    fn files(self) -> Vec<files::File> {
        let (own, interface) = match self {
            Self::Rust => (files::RUST, false),
            Self::Python => (files::PYTHON, true),
            Self::Javascript => (files::JAVASCRIPT, true),
            Self::C => (files::C, true),
        };
        let wit = if interface { files::WIT } else { &[] };
        [own, files::CASES, wit].concat()
    }
}

/// The files of a family of that name; `sdk` is where its `Cargo.toml` finds the SDK.
pub(super) fn files(
    language: Language,
    name: &str,
    sdk: &str,
) -> impl Iterator<Item = (&'static str, String)> {
    language
        .files()
        .into_iter()
        .map(move |(path, text)| (path, text.replace("{{name}}", name).replace("{{sdk}}", sdk)))
}

/// What to do with the new folder.
pub(super) fn next_steps(language: Language, name: &str, folder: &str) -> String {
    let rust = format!(
        "target/wasm32-unknown-unknown/release/{component}.wasm",
        component = name.replace('-', "_")
    );
    let other = format!("{name}.wasm");
    let componentize = format!(
        ".venv/bin/componentize-py -d wit -w chat-family componentize --stub-wasi family -o {name}.wasm"
    );
    let (steps, component): (&[&str], &str) = match language {
        Language::Rust => {
            (&["cargo test", "cargo build --release --target wasm32-unknown-unknown"], &rust)
        }
        Language::Python => (
            &[
                "python3 -m venv .venv && .venv/bin/pip install -r requirements.txt",
                componentize.as_str(),
            ],
            &other,
        ),
        Language::Javascript => (&["npm install", "npm run build"], &other),
        Language::C => (
            &[
                "cargo install --locked wit-bindgen-cli@0.61.1 wasm-component-ld@0.5.31",
                "make    # with clang, lld and wasi-libc: see README.md",
            ],
            &other,
        ),
    };
    let mut text = format!("  cd {folder}\n");
    for step in steps.iter().chain(&["host plugin test ."]) {
        text.push_str("  ");
        text.push_str(step);
        text.push('\n');
    }
    text + "then copy "
        + component
        + " into the host's plugin folder; it serves without a restart\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file<'a>(files: &'a [(&str, String)], path: &str) -> &'a str {
        &files.iter().find(|(name, _)| *name == path).unwrap().1
    }

    #[test]
    fn every_name_is_set_in() {
        for &language in Language::value_variants() {
            for (path, text) in files(language, "my-family", "path = \"../sdk\"") {
                assert!(!text.contains("{{"), "{path}: {text}");
            }
        }
        let made: Vec<_> = files(Language::Rust, "my-family", "path = \"../sdk\"").collect();
        let manifest = file(&made, "Cargo.toml");
        assert!(manifest.contains("name = \"my-family\""), "{manifest}");
        assert!(manifest.contains("plugin-sdk = { path = \"../sdk\" }"), "{manifest}");
    }

    #[test]
    fn the_steps_are_those_of_the_readme() {
        for &language in Language::value_variants() {
            let made: Vec<_> = files(language, "my-family", "").collect();
            let readme = file(&made, "README.md");
            let steps = next_steps(language, "my-family", "here");
            for step in steps.lines().filter_map(|line| line.strip_prefix("  ")).skip(1) {
                let step = step.split("    #").next().unwrap_or_default();
                assert!(readme.contains(step), "{language:?}: {step}");
            }
        }
    }
}
