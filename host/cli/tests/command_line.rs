//! The binary itself: what it prints, where, and how it ends.
//!
//! Each case is a golden file under `tests/golden`; `BLESS=1` writes them anew.

#![expect(clippy::unwrap_used, reason = "a test may stop where production code may not")]

use std::{
    env,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

const HOST: &str = env!("CARGO_BIN_EXE_host");

/// Runs `host` in a folder of its own and compares with the golden file of that name.
#[track_caller]
fn check(name: &str, arguments: &[&str]) {
    check_in(&tempfile::tempdir().unwrap(), name, arguments);
}

#[track_caller]
fn check_in(folder: &tempfile::TempDir, name: &str, arguments: &[&str]) {
    let text = transcript(folder.path(), arguments);
    let file = golden().join(format!("{name}.txt"));
    if env::var_os("BLESS").is_some() {
        fs::write(&file, &text).unwrap();
    }
    let expect = fs::read_to_string(&file).unwrap_or_default();
    assert!(text == expect, "{}:\n{expect}\n--- is now:\n{text}", file.display());
}

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// What a person would see, with the folder's name taken out.
fn transcript(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new(HOST)
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("HOME", folder)
        .env("COLUMNS", "100")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes: &[u8]| {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let real = folder.canonicalize().unwrap();
        text.replace(real.to_str().unwrap(), "[DIR]").replace(folder.to_str().unwrap(), "[DIR]")
    };
    let mut transcript = format!("$ host {}\n", arguments.join(" "));
    for (name, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
        if !bytes.is_empty() {
            write!(transcript, "--- {name}\n{}", text(bytes)).unwrap();
        }
    }
    writeln!(transcript, "--- exit {}", output.status.code().unwrap()).unwrap();
    transcript
}

#[test]
fn help() {
    for command in [
        "",
        "serve",
        "list",
        "chat",
        "generate",
        "plugin",
        "plugin list",
        "plugin inspect",
        "plugin check",
        "plugin new",
        "plugin test",
        "plugin render",
        "doctor",
        "config",
    ] {
        let mut words: Vec<&str> = command.split_whitespace().collect();
        words.push("--help");
        let name = format!("help {command}").trim_end().replace(' ', "-");
        check(&name, &words);
    }
}

#[test]
fn a_missing_configuration_says_how_to_make_one() {
    check("no-configuration", &[]);
}

#[test]
fn a_mistake_in_the_configuration_is_shown_where_it_is() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("models.toml"), "[server]\nlissten = \"127.0.0.1:0\"\n").unwrap();
    check_in(&folder, "bad-configuration", &["--config", "models.toml"]);
}

#[test]
fn an_address_for_everyone_needs_keys() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("models.toml"), "").unwrap();
    check_in(&folder, "open-door", &["--listen", "0.0.0.0:0"]);
}

#[test]
fn the_example_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("plugins")).unwrap();
    let output = Command::new(HOST).args(["config", "example"]).output().unwrap();
    let file = folder.path().join("models.toml");
    fs::write(&file, output.stdout).unwrap();
    assert!(config::load_with(&file, &|_| None).unwrap().models.is_empty());
}

#[test]
fn commands_without_a_host_say_how_to_start_one() {
    check("list-without-host", &["list", "-e", "http://127.0.0.1:1"]);
    check("chat-without-host", &["chat", "--model-uid", "x", "-e", "http://127.0.0.1:1", "hi"]);
    check("list-over-https", &["list", "-e", "https://models.lan"]);
}

#[test]
fn mistakes_in_arguments_are_shown_with_the_usage() {
    check("unknown-option", &["list", "--endpont", "x"]);
    check("chat-without-model", &["chat"]);
    check("render-without-subject", &["plugin", "render", "--model-uid", "x"]);
}

#[test]
fn plugin_commands_explain_what_they_miss() {
    check("inspect-nothing", &["plugin", "inspect", "nobody", "--plugins", "."]);
    check("inspect-missing-file", &["plugin", "inspect", "missing.gguf", "--plugins", "."]);
    check("list-empty-folder", &["plugin", "list", "--plugins", "."]);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("text.wasm"), "this is no component").unwrap();
    let text = transcript(folder.path(), &["plugin", "check", "text.wasm"]);
    assert!(text.contains("refused") && text.ends_with("--- exit 1\n"), "{text}");
    let text = transcript(folder.path(), &["plugin", "inspect", "text.wasm"]);
    assert!(text.contains("refused") && text.ends_with("--- exit 1\n"), "{text}");
    check("inspect-without-plugins", &["plugin", "inspect", "nobody"]);
}

#[test]
fn a_model_file_is_looked_at_before_the_plugins() {
    let folder = tempfile::tempdir().unwrap();
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../demo/guide.gguf");
    if !model.exists() {
        eprintln!("skipped: there is no `{}`", model.display());
        return;
    }
    fs::copy(model, folder.path().join("guide.gguf")).unwrap();
    let text = transcript(folder.path(), &["plugin", "inspect", "guide.gguf"]);
    let told = text.find("architecture    llama").unwrap();
    let failed = text.find("error: cannot open the plugin folder `plugins`").unwrap();
    let hint = text.find("`--plugins DIR`").unwrap();
    assert!(told < failed && failed < hint && text.ends_with("--- exit 1\n"), "{text}");
}

#[test]
fn a_failure_stands_alone() {
    let words = ["generate", "-u", "x", "-e", "http://127.0.0.1:1", "Once upon a time"];
    let text = transcript(tempfile::tempdir().unwrap().path(), &words);
    assert!(!text.contains("--- stdout"), "{text}");
    check("generate-without-host", &words);
}

#[test]
fn a_new_family_is_refused_without_the_sdk() {
    let folder = tempfile::tempdir().unwrap();
    check_in(&folder, "new-family-without-sdk", &["plugin", "new", "my-family"]);
    assert!(!folder.path().join("my-family").exists());
    check_in(&folder, "new-family-reserved-name", &["plugin", "new", "core"]);
}

#[test]
fn a_new_family_finds_the_sdk_of_the_checkout_around_it() {
    let folder = tempfile::tempdir().unwrap();
    let sdk = folder.path().join("plugins/sdk");
    fs::create_dir_all(&sdk).unwrap();
    fs::write(sdk.join("Cargo.toml"), "[package]\nname = \"plugin-sdk\"\n").unwrap();
    check_in(&folder, "new-family", &["plugin", "new", "my-family", "--path", "plugins/mine"]);
    let made =
        |path: &str| fs::read_to_string(folder.path().join("plugins/mine").join(path)).unwrap();
    let manifest = made("Cargo.toml");
    assert!(manifest.contains("plugin-sdk = { path = \"../sdk\""), "{manifest}");
    assert!(made("src/lib.rs").contains("The model family `my-family`."));
    assert!(made(".cargo/config.toml").contains("wasm-component-ld"));
    check_in(
        &folder,
        "new-family-again",
        &["plugin", "new", "my-family", "--path", "plugins/mine"],
    );
    check_in(&folder, "new-family-bad-name", &["plugin", "new", "My_Family"]);
}

#[test]
fn a_new_family_in_another_language_carries_all_that_it_needs() {
    for language in ["python", "javascript", "c"] {
        let folder = tempfile::tempdir().unwrap();
        let name = format!("new-{language}-family");
        let words = ["plugin", "new", "my-family", "--language", language];
        check_in(&folder, &name, &words);
        for file in ["README.md", "wit/world.wit", "wit/chat.wit", "cases/reasoning.events"] {
            assert!(folder.path().join("my-family").join(file).is_file(), "{language}: {file}");
        }
    }
    check("new-family-odd-language", &["plugin", "new", "my-family", "--language", "cobol"]);
}

#[test]
fn testing_a_plugin_explains_what_it_misses() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("empty")).unwrap();
    check_in(&folder, "test-nothing-built", &["plugin", "test", "empty"]);
    fs::write(folder.path().join("text.wasm"), "this is no component").unwrap();
    check_in(&folder, "test-without-cases", &["plugin", "test", "text.wasm"]);
    let case = r#"{"card": {}, "request": {"messages": [{"role": "user", "content": "Hi"}]}}"#;
    fs::create_dir(folder.path().join("cases")).unwrap();
    fs::write(folder.path().join("cases/hi.json"), case).unwrap();
    let text = transcript(folder.path(), &["plugin", "test", "text.wasm"]);
    assert!(text.contains("the host refuses `text.wasm`"), "{text}");
    assert!(text.contains("hint: `host plugin check text.wasm`"), "{text}");
}

/// A family of this repository and its own cases, where `cargo xtask plugins` has built it.
#[test]
fn the_built_families_pass_their_cases_as_components() {
    let plugins = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins");
    let folder = tempfile::tempdir().unwrap();
    for name in ["vicuna", "chatglm", "baichuan", "orca", "jinja"] {
        let component = plugins.join(format!("{name}.wasm"));
        if !component.exists() {
            eprintln!("skipped: `cargo xtask plugins` builds `{}`", component.display());
            continue;
        }
        let cases = plugins.join(name).join("cases");
        let words = ["plugin", "test", component.to_str().unwrap(), cases.to_str().unwrap()];
        let text = transcript(folder.path(), &words);
        assert!(text.ends_with("--- exit 0\n"), "{text}");
    }
}

/// The family in C, built as its README says, where the tools are there.
#[test]
fn the_family_in_c_builds_and_passes_its_cases() {
    let tools = ["make", "clang", "wasm-ld", "wit-bindgen", "wasm-component-ld"];
    let path = env::var_os("PATH").unwrap_or_default();
    let has = |tool: &&str| env::split_paths(&path).any(|folder| folder.join(tool).is_file());
    if let Some(missing) = tools.iter().find(|tool| !has(tool)) {
        eprintln!("skipped: there is no {missing}; `cargo xtask languages c` installs all of them");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    transcript(folder.path(), &["plugin", "new", "my-family", "--language", "c"]);
    let made = folder.path().join("my-family");
    let output = Command::new("make").current_dir(&made).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = transcript(&made, &["plugin", "test", "."]);
    assert!(text.contains("6 prompts, 7 replies") && text.contains("passed"), "{text}");
    assert!(text.ends_with("--- exit 0\n"), "{text}");
}
