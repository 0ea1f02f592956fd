//! `host plugin new`: a folder with a new family.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, anyhow};

use super::template::{self, Language};
use crate::{output, problem::Hint};

/// Makes a folder with a new family, which builds and passes its tests.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The folder holds a family that works, golden cases that any language must pass, and the three
commands that build and test it.

Examples:
  host plugin new my-family
  host plugin new my-family --language python
  host plugin new my-family --path plugins/my-family
  host plugin new my-family --sdk ~/modelhost/plugins/sdk")]
pub(crate) struct Arguments {
    /// The family's name: lower-case letters, digits and `-`.
    name: String,
    /// What to write it in.
    #[arg(long, value_enum, value_name = "LANGUAGE", default_value = "rust")]
    language: Language,
    /// The folder to make; otherwise one of the family's name, here.
    #[arg(long, value_name = "DIR")]
    path: Option<PathBuf>,
    /// For Rust, the folder of the plugin SDK; otherwise that of the checkout around the new folder.
    #[arg(long, value_name = "DIR")]
    sdk: Option<PathBuf>,
}

/// Writes the files and says how to go on.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    check_name(&arguments.name)?;
    let folder = arguments.path.clone().unwrap_or_else(|| PathBuf::from(&arguments.name));
    let shown = folder.display().to_string();
    if folder.read_dir().is_ok_and(|mut entries| entries.next().is_some()) || folder.is_file() {
        return Err(anyhow!("`{shown}` is there already"))
            .hint("name another folder with `--path DIR`");
    }
    let language = arguments.language;
    let sdk = match &arguments.sdk {
        _ if !language.needs_sdk() => None,
        Some(sdk) => Some(checked_sdk(sdk)?),
        None => Some(find_sdk(&folder)?),
    };
    fs::create_dir_all(&folder).with_context(|| format!("cannot make `{shown}`"))?;
    let dependency = match sdk {
        Some(sdk) => format!("path = {}", toml_string(&relative(&sdk, &folder)?)),
        None => String::new(),
    };
    for (path, text) in template::files(language, &arguments.name, &dependency) {
        let file = folder.join(path);
        if let Some(parent) = file.parent() {
            fs::create_dir_all(parent)
                .with_context(|| format!("cannot make `{}`", parent.display()))?;
        }
        fs::write(&file, text).with_context(|| format!("cannot write `{}`", file.display()))?;
    }
    output::line(format!("made `{shown}`; next:"))?;
    Ok(output::text(template::next_steps(language, &arguments.name, &shown))?)
}

/// Names that Cargo refuses for a crate, or that would hide one which the new crate needs.
const RESERVED: [&str; 61] = [
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "build",
    "const",
    "continue",
    "core",
    "crate",
    "deps",
    "do",
    "dyn",
    "else",
    "enum",
    "examples",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "incremental",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "plugin-sdk",
    "priv",
    "proc-macro",
    "pub",
    "ref",
    "return",
    "self",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
];

fn check_name(name: &str) -> anyhow::Result<()> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let good = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.len() <= 64
        && name.chars().all(allowed)
        && !name.ends_with('-')
        && !name.contains("--");
    if RESERVED.contains(&name) {
        return Err(anyhow!("`{name}` is a word of Rust or Cargo, and cannot name a crate"))
            .hint(format!("choose a name such as `{name}-family`"));
    }
    if good {
        return Ok(());
    }
    Err(anyhow!("`{name}` is no family's name")).hint(
        "a name has 1 to 64 lower-case letters, digits and single hyphens, and begins with a letter, like `my-family`",
    )
}

/// The SDK of the checkout that `folder` lies in, or would.
fn find_sdk(folder: &Path) -> anyhow::Result<PathBuf> {
    let shown = folder.display();
    let full = std::path::absolute(folder).with_context(|| format!("cannot find `{shown}`"))?;
    let there = full.ancestors().find_map(|above| above.canonicalize().ok()).unwrap_or(full);
    let found = there.ancestors().map(|above| above.join("plugins/sdk")).find(|sdk| is_sdk(sdk));
    found
        .ok_or_else(|| {
            anyhow!("`{shown}` is in no checkout of modelhost, which has the plugin SDK")
        })
        .hint(
            "name the folder `plugins/sdk` of a checkout with `--sdk DIR`, or choose a language that needs none with `--language`",
        )
}

fn checked_sdk(sdk: &Path) -> anyhow::Result<PathBuf> {
    let shown = sdk.display();
    if !is_sdk(sdk) {
        return Err(anyhow!("`{shown}` is not the plugin SDK"))
            .hint("it is the folder `plugins/sdk` of a checkout of modelhost");
    }
    sdk.canonicalize().with_context(|| format!("cannot find `{shown}`"))
}

fn is_sdk(folder: &Path) -> bool {
    fs::read_to_string(folder.join("Cargo.toml"))
        .is_ok_and(|manifest| manifest.contains("name = \"plugin-sdk\""))
}

/// The way from one folder to another, so that a checkout can be moved.
fn relative(to: &Path, from: &Path) -> anyhow::Result<PathBuf> {
    let from = from.canonicalize().with_context(|| from.display().to_string())?;
    let mut to = to.components().peekable();
    let mut from = from.components().peekable();
    while to.peek().is_some() && to.peek() == from.peek() {
        to.next();
        from.next();
    }
    Ok(from.map(|_| std::path::Component::ParentDir).chain(to).collect())
}

fn toml_string(path: &Path) -> String {
    serde_json::Value::from(path.to_string_lossy()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        #[track_caller]
        fn check(name: &str, expect: bool) {
            assert_eq!(check_name(name).is_ok(), expect, "{name}");
        }
        check("my-family", true);
        check("glm4", true);
        check("", false);
        check("4glm", false);
        check("My", false);
        check("a_b", false);
        check("a--b", false);
        check("a-", false);
        check("../a", false);
        for reserved in ["fn", "test", "core", "std", "self", "yield", "proc-macro", "plugin-sdk"] {
            check(reserved, false);
        }
        check("test-family", true);
    }

    #[test]
    fn the_way_to_the_sdk_is_relative() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        let (sdk, new) = (root.join("plugins/sdk"), root.join("elsewhere/new"));
        fs::create_dir_all(&sdk).unwrap();
        fs::create_dir_all(&new).unwrap();
        assert_eq!(relative(&sdk, &new).unwrap(), Path::new("../../plugins/sdk"));
        find_sdk(&new).unwrap_err();
        fs::write(sdk.join("Cargo.toml"), "[package]\nname = \"plugin-sdk\"\n").unwrap();
        assert_eq!(find_sdk(&new).unwrap(), sdk);
        assert_eq!(find_sdk(&new.join("not/yet")).unwrap(), sdk);
    }
}
