//! Environment variables, and files that are read from disk.

use config::{ConfigError, Cors, LogFormat, Settings, environment, from_str_with};

fn read(text: &str, variables: &[(&str, &str)]) -> Result<Settings, ConfigError> {
    let lookup = |name: &str| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    from_str_with(text, "models.toml".as_ref(), &lookup)
}

#[track_caller]
fn check_error(text: &str, variables: &[(&str, &str)], expect: &str) {
    let message = read(text, variables).unwrap_err().to_string();
    assert!(message.contains(expect), "`{message}` lacks `{expect}`");
}

#[test]
fn variables_win_over_the_file() {
    let text = "[server]\nlisten = '127.0.0.1:1'\n[log]\nformat = 'text'\nlevel = 'warn'";
    let settings = read(
        text,
        &[
            (environment::LISTEN, "0.0.0.0:8080"),
            (environment::API_KEYS, "sk-first-key, sk-second-key"),
            (environment::LOG, "debug"),
            (environment::LOG_FORMAT, "json"),
            (environment::PLUGINS_DIR, "tests"),
            (environment::CACHE_DIR, "not/there/yet"),
            (environment::ENGINES_DIR, "src"),
        ],
    )
    .unwrap();
    assert_eq!(settings.server.listen.to_string(), "0.0.0.0:8080");
    let keys: Vec<_> = settings.server.api_keys.iter().map(config::ApiKey::secret).collect();
    assert_eq!(keys, ["sk-first-key", "sk-second-key"]);
    assert_eq!(settings.log.format, LogFormat::Json);
    assert_eq!(settings.log.level, "debug");
    assert_eq!(settings.plugins.dir.to_str(), Some("tests"));
    assert_eq!(settings.plugins.cache_dir.unwrap().to_str(), Some("not/there/yet"));
    assert_eq!(settings.engines.dir.unwrap().to_str(), Some("src"));
}

#[test]
fn an_empty_variable_is_not_set() {
    let settings = read("", &[(environment::LISTEN, ""), (environment::LOG, " ")]).unwrap();
    assert_eq!(settings, read("", &[]).unwrap());
}

#[test]
fn keys_never_go_away_by_a_variable() {
    let file = "[server]\napi-keys = ['sk-in-the-file']";
    for (list, expect) in [
        ("", vec!["sk-in-the-file"]),
        ("  ", vec!["sk-in-the-file"]),
        (",sk-another-key,", vec!["sk-another-key"]),
    ] {
        let settings = read(file, &[(environment::API_KEYS, list)]).unwrap();
        let keys: Vec<_> = settings.server.api_keys.iter().map(config::ApiKey::secret).collect();
        assert_eq!(keys, expect, "{list:?}");
    }
    for list in [",", " , ", ",,,"] {
        for text in [file, "", "[server]\nlisten = '0.0.0.0:1'"] {
            let variables = [(environment::API_KEYS, list)];
            check_error(text, &variables, "variable MODELHOST_API_KEYS: it holds no key");
        }
    }
    // What is no text stands for what it cannot be read as.
    check_error(file, &[(environment::API_KEYS, "sk-\u{fffd}-key-key")], "an API key has 8 to 256");
}

#[test]
fn origins_are_those_of_the_machine_unless_they_are_given() {
    let cors = |text: &str| read(text, &[]).unwrap().server.cors;
    assert_eq!(cors(""), Cors::Local);
    assert_eq!(cors("[server]\ncors-origins = ['*']"), Cors::Any);
    assert_eq!(cors("[server]\ncors-origins = []"), Cors::Only(Vec::new()));
}

#[test]
fn bad_variables_are_named() {
    check_error(
        "",
        &[(environment::LISTEN, "localhost")],
        "variable MODELHOST_LISTEN: `localhost`",
    );
    check_error("", &[(environment::LISTEN, "0.0.0.0:1")], "MODELHOST_LISTEN: `0.0.0.0:1` can be");
    check_error(
        "",
        &[(environment::LOG, "loud")],
        "variable MODELHOST_LOG: `loud` is no log level",
    );
    check_error("", &[(environment::LOG_FORMAT, "xml")], "MODELHOST_LOG_FORMAT: `xml` is no log");
    check_error("", &[(environment::PLUGINS_DIR, "nowhere")], "there is no folder `nowhere`");
    check_error("", &[(environment::CACHE_DIR, "Cargo.toml")], "it must be a folder");
}

#[test]
fn secrets_are_never_printed() {
    let key = "sk-5ecret-with-ümlaut";
    for (text, variables) in [
        (format!("[server]\napi-keys = ['{key}']"), vec![]),
        (format!("[server]\napi-keys = ['{key}'] oops"), vec![]),
        (format!("[server]\napi-keys = '{key}'"), vec![]),
        (format!("[server]\napi-keys = [\n  {key}\n]"), vec![]),
        (format!("[server]\napi-keys = [\n  '{key}'\n]"), vec![]),
        (String::new(), vec![(environment::API_KEYS, key)]),
    ] {
        let message = read(&text, &variables).unwrap_err().to_string();
        assert!(!message.contains("5ecret"), "{message}");
    }
    let settings = read("[server]\napi-keys = ['sk-5ecret-123']", &[]).unwrap();
    assert!(!format!("{settings:?}").contains("5ecret"));
}

#[test]
fn a_missing_file_is_named() {
    let error = config::load("not-here/models.toml".as_ref()).unwrap_err().to_string();
    assert!(error.starts_with("cannot read the configuration `not-here/models.toml`"), "{error}");
    assert!(error.contains("\nhint: "), "{error}");
}

#[test]
fn relative_paths_begin_at_the_folder_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.gguf"), "GGUF").unwrap();
    let file = folder.path().join("models.toml");
    std::fs::write(&file, "[[model]]\nname = 'a'\npath = 'a.gguf'").unwrap();
    let settings = config::load_with(&file, &|_| None).unwrap();
    assert_eq!(settings.models[0].path, folder.path().join("a.gguf"));
    assert_eq!(settings.plugins.dir, folder.path().join("plugins"));
    assert_eq!(settings.server.cors, Cors::Local);
}
