//! Encodes the worlds of the WIT package, one for each set of abilities.
//!
//! A component says what it is in a custom section.
//! `register!` puts the section of the abilities it was given into the plugin, so that a plugin
//! exports what its family has and nothing else.

use std::error::Error;
use std::path::Path;
use std::{env, fs};

use wit_component::StringEncoding;
use wit_parser::Resolve;

/// The worlds for which `register!` has a form.
const WORLDS: [&str; 5] = [
    "chat-family",
    "prepared-chat-family",
    "completion-family",
    "chat-completion-family",
    "transcription-family",
];

fn main() -> Result<(), Box<dyn Error>> {
    let wit = "../../wit/family@0.1";
    println!("cargo::rerun-if-changed={wit}");
    println!("cargo::rerun-if-changed=build.rs");
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(wit)?;
    let out = env::var("OUT_DIR")?;
    for name in WORLDS {
        let world = resolve.select_world(&[package], Some(name))?;
        let section = wit_component::metadata::encode(&resolve, world, StringEncoding::UTF8, None)?;
        fs::write(Path::new(&out).join(name), section)?;
    }
    Ok(())
}
