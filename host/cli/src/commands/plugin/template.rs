//! The crate that `host plugin new` writes, out of `plugins/template`.

/// A file of the new crate, and what it holds before names are set in.
macro_rules! file {
    ($path:literal, $template:literal) => {
        ($path, include_str!(concat!("../../../../../plugins/template/", $template)))
    };
}

const FILES: [(&str, &str); 9] = [
    file!("Cargo.toml", "Cargo.toml.tmpl"),
    file!("README.md", "README.md.tmpl"),
    file!(".gitignore", "gitignore.tmpl"),
    file!(".cargo/config.toml", "cargo-config.toml.tmpl"),
    file!("src/lib.rs", "src/lib.rs.tmpl"),
    file!("cases/greeting.json", "cases/greeting.json"),
    file!("cases/greeting.prompt", "cases/greeting.prompt"),
    file!("cases/greeting.reply.txt", "cases/greeting.reply.txt"),
    file!("cases/greeting.events", "cases/greeting.events"),
];

/// The files of a family of that name; `sdk` is where its `Cargo.toml` finds the SDK.
pub(super) fn files(name: &str, sdk: &str) -> impl Iterator<Item = (&'static str, String)> {
    FILES
        .iter()
        .map(move |(path, text)| (*path, text.replace("{{name}}", name).replace("{{sdk}}", sdk)))
}

/// What to do with the new crate.
pub(super) fn next_steps(name: &str, folder: &str) -> String {
    let component = name.replace('-', "_");
    format!(
        "  cd {folder}\n  \
         cargo test\n  \
         cargo build --release --target wasm32-unknown-unknown\n  \
         host plugin check target/wasm32-unknown-unknown/release/{component}.wasm\n\
         then copy the component into the host's plugin folder; it serves without a restart\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_set_in() {
        for (path, text) in files("my-family", "path = \"../sdk\"") {
            assert!(!text.contains("{{"), "{path}: {text}");
        }
        let manifest = files("my-family", "path = \"../sdk\"").next().unwrap().1;
        assert!(manifest.contains("name = \"my-family\""), "{manifest}");
        assert!(manifest.contains("plugin-sdk = { path = \"../sdk\" }"), "{manifest}");
    }
}
