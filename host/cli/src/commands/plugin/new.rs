//! `host plugin new`: a crate for a new family.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, anyhow};

use super::template;
use crate::{output, problem::Hint};

/// Makes a crate for a new family, which builds and passes its tests.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The crate holds a family that works, golden cases that its tests run natively, and the steps to
build and install it.

Examples:
  host plugin new my-family
  host plugin new my-family --path plugins/my-family
  host plugin new my-family --sdk ~/modelhost/plugins/sdk")]
pub(crate) struct Arguments {
    /// The family's name: lower-case letters, digits and `-`.
    name: String,
    /// The folder to make; otherwise one of the family's name, here.
    #[arg(long, value_name = "DIR")]
    path: Option<PathBuf>,
    /// The folder of the plugin SDK; otherwise that of the checkout around the new folder.
    #[arg(long, value_name = "DIR")]
    sdk: Option<PathBuf>,
}

/// Writes the crate and says how to go on.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    check_name(&arguments.name)?;
    let folder = arguments.path.clone().unwrap_or_else(|| PathBuf::from(&arguments.name));
    let shown = folder.display().to_string();
    if folder.read_dir().is_ok_and(|mut entries| entries.next().is_some()) || folder.is_file() {
        return Err(anyhow!("`{shown}` is there already"))
            .hint("name another folder with `--path DIR`");
    }
    fs::create_dir_all(&folder).with_context(|| format!("cannot make `{shown}`"))?;
    let sdk = match &arguments.sdk {
        Some(sdk) => Some(checked_sdk(sdk)?),
        None => find_sdk(&folder)?,
    };
    let dependency = match &sdk {
        Some(sdk) => format!("path = {}", toml_string(&relative(sdk, &folder)?)),
        None => format!("version = \"{}\"", env!("CARGO_PKG_VERSION")),
    };
    for (path, text) in template::files(&arguments.name, &dependency) {
        let file = folder.join(path);
        if let Some(parent) = file.parent() {
            fs::create_dir_all(parent)
                .with_context(|| format!("cannot make `{}`", parent.display()))?;
        }
        fs::write(&file, text).with_context(|| format!("cannot write `{}`", file.display()))?;
    }
    output::line(format!("made `{shown}`; next:"))?;
    output::text(template::next_steps(&arguments.name, &shown))?;
    if sdk.is_none() {
        output::line("the SDK is taken from the registry; `--sdk DIR` takes that of a checkout")?;
    }
    Ok(())
}

fn check_name(name: &str) -> anyhow::Result<()> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let good = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.len() <= 64
        && name.chars().all(allowed)
        && !name.ends_with('-')
        && !name.contains("--");
    if good {
        return Ok(());
    }
    Err(anyhow!("`{name}` is no family's name")).hint(
        "a name has 1 to 64 lower-case letters, digits and single hyphens, and begins with a letter, like `my-family`",
    )
}

/// The SDK of the checkout that `folder` lies in.
fn find_sdk(folder: &Path) -> anyhow::Result<Option<PathBuf>> {
    let folder = folder.canonicalize().with_context(|| folder.display().to_string())?;
    let found = folder.ancestors().map(|above| above.join("plugins/sdk")).find(|sdk| is_sdk(sdk));
    Ok(found)
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
    }

    #[test]
    fn the_way_to_the_sdk_is_relative() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        let (sdk, new) = (root.join("plugins/sdk"), root.join("elsewhere/new"));
        fs::create_dir_all(&sdk).unwrap();
        fs::create_dir_all(&new).unwrap();
        assert_eq!(relative(&sdk, &new).unwrap(), Path::new("../../plugins/sdk"));
        assert_eq!(find_sdk(&new).unwrap(), None);
        fs::write(sdk.join("Cargo.toml"), "[package]\nname = \"plugin-sdk\"\n").unwrap();
        assert_eq!(find_sdk(&new).unwrap(), Some(sdk));
    }
}
