//! The files themselves, carried in the binary.

/// The path in the new folder, and what the file holds before names are set in.
pub(super) type File = (&'static str, &'static str);

macro_rules! file {
    ($path:literal, $from:literal) => {
        ($path, include_str!(concat!("../../../../../../", $from)))
    };
}

macro_rules! case {
    ($name:literal) => {
        (
            concat!("cases/", $name),
            include_str!(concat!("../../../../../../plugins/template/cases/", $name)),
        )
    };
}

pub(super) const RUST: &[File] = &[
    file!("README.md", "plugins/template/rust/README.md.tmpl"),
    file!("Cargo.toml", "plugins/template/rust/Cargo.toml.tmpl"),
    file!(".gitignore", "plugins/template/rust/gitignore.tmpl"),
    file!(".cargo/config.toml", "plugins/template/rust/cargo-config.toml.tmpl"),
    file!("src/lib.rs", "plugins/template/rust/src/lib.rs.tmpl"),
];

pub(super) const PYTHON: &[File] = &[
    file!("README.md", "plugins/template/python/README.md.tmpl"),
    file!("requirements.txt", "plugins/template/python/requirements.txt.tmpl"),
    file!(".gitignore", "plugins/template/python/gitignore.tmpl"),
    file!("family.py", "plugins/template/python/family.py.tmpl"),
    file!("chat.py", "plugins/template/python/chat.py.tmpl"),
];

pub(super) const JAVASCRIPT: &[File] = &[
    file!("README.md", "plugins/template/javascript/README.md.tmpl"),
    file!("package.json", "plugins/template/javascript/package.json.tmpl"),
    file!(".gitignore", "plugins/template/javascript/gitignore.tmpl"),
    file!("family.js", "plugins/template/javascript/family.js.tmpl"),
];

pub(super) const C: &[File] = &[
    file!("README.md", "plugins/template/c/README.md.tmpl"),
    file!("Makefile", "plugins/template/c/Makefile.tmpl"),
    file!(".gitignore", "plugins/template/c/gitignore.tmpl"),
    file!("family.c", "plugins/template/c/family.c.tmpl"),
];

pub(super) const CASES: &[File] = &[
    case!("continued.events"),
    case!("continued.json"),
    case!("continued.prompt"),
    case!("continued.reply.txt"),
    case!("greeting.events"),
    case!("greeting.json"),
    case!("greeting.prompt"),
    case!("greeting.reply.txt"),
    case!("image.json"),
    case!("image.prompt"),
    case!("no-markers.json"),
    case!("no-markers.prompt"),
    case!("reasoning.cut.events"),
    case!("reasoning.cut.reply.txt"),
    case!("reasoning.empty.events"),
    case!("reasoning.empty.reply.txt"),
    case!("reasoning.events"),
    case!("reasoning.json"),
    case!("reasoning.none.events"),
    case!("reasoning.none.reply.txt"),
    case!("reasoning.prompt"),
    case!("reasoning.reply.txt"),
    case!("turns.events"),
    case!("turns.json"),
    case!("turns.prompt"),
    case!("turns.reply.txt"),
];

/// The interfaces that a chat family meets, and the worlds, which name all of them.
pub(super) const WIT: &[File] = &[
    file!("wit/chat.wit", "wit/family@0.1/chat.wit"),
    file!("wit/completion.wit", "wit/family@0.1/completion.wit"),
    file!("wit/identity.wit", "wit/family@0.1/identity.wit"),
    file!("wit/log.wit", "wit/family@0.1/log.wit"),
    file!("wit/preparation.wit", "wit/family@0.1/preparation.wit"),
    file!("wit/transcription.wit", "wit/family@0.1/transcription.wit"),
    file!("wit/types.wit", "wit/family@0.1/types.wit"),
    file!("wit/world.wit", "wit/family@0.1/world.wit"),
];

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    /// Whether a list has every file of a folder, and nothing else.
    #[track_caller]
    fn check(list: &[File], prefix: &str, folder: &str) {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let there: BTreeSet<String> = fs::read_dir(root.join(folder))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        let listed =
            list.iter().map(|(path, _)| path.strip_prefix(prefix).unwrap().to_owned()).collect();
        assert_eq!(there, listed, "{folder}");
    }

    #[test]
    fn nothing_of_the_folders_is_left_out() {
        check(WIT, "wit/", "wit/family@0.1");
        check(CASES, "cases/", "plugins/template/cases");
    }
}
