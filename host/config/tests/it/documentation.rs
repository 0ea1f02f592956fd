//! The schema, the reference and the example agree with what is read.

use std::fmt::Write;

use serde_json::Value;

/// Every key of the schema: the table that it stands in, its name and what is said of it.
fn keys(schema: &Value) -> Vec<(String, String, Value)> {
    let mut keys = Vec::new();
    let definitions = schema["$defs"].as_object().unwrap();
    for (table, definition) in definitions.iter().map(|(name, table)| (name.as_str(), table)) {
        for (key, property) in definition["properties"].as_object().unwrap() {
            keys.push((table.to_owned(), key.clone(), property.clone()));
        }
    }
    keys
}

#[test]
fn every_key_is_documented_with_a_default_and_an_example() {
    for (table, key, property) in keys(&config::schema()) {
        let place = format!("`{key}` of {table}");
        let description = property["description"].as_str().unwrap_or_default();
        assert!(!description.is_empty(), "{place} is not documented");
        let is_table = property.get("$ref").is_some() || property["items"].get("$ref").is_some();
        if is_table {
            continue;
        }
        assert!(property.get("examples").is_some(), "{place} has no example");
        let optional = property.get("default").is_some()
            || description.contains("Unset: ")
            || description.contains("Required")
            || matches!(property["type"].as_str(), Some("array" | "object"))
            || table == "Sampling"
            || key == "api-key-file";
        assert!(optional, "{place} does not say what holds where it is left out");
    }
}

/// What the schema calls the default is what the reader does.
#[test]
fn documented_defaults_are_the_real_ones() {
    let schema = config::schema();
    let mut text = String::new();
    let sections = [
        ("Server", "server"),
        ("PluginLimits", "plugins.limits"),
        ("Log", "log"),
        ("Model", "model"),
    ];
    for (table, section) in sections {
        if table == "Model" {
            text.push_str("[[model]]\nname = 'a'\npath = 'tests/files/weights.gguf'\n");
        } else {
            writeln!(text, "[{section}]").unwrap();
        }
        for (key, property) in schema["$defs"][table]["properties"].as_object().unwrap() {
            if let Some(default) = property.get("default") {
                writeln!(text, "{key} = {default}").unwrap();
            }
        }
    }
    let read = |text: &str| {
        config::from_str(text, "models.toml".as_ref()).unwrap_or_else(|error| panic!("{error}"))
    };
    let short = "[[model]]\nname = 'a'\npath = 'tests/files/weights.gguf'";
    assert_eq!(read(&text), read(short), "{text}");
}

#[test]
fn generated_files_are_up_to_date() {
    for (path, content) in config::generated() {
        let path = std::path::Path::new("../..").join(path);
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&path, &content).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == content, "{} is out of date: BLESS=1 writes it", path.display());
    }
}

#[test]
fn the_reference_names_every_key() {
    let reference = config::reference();
    for (table, key, property) in keys(&config::schema()) {
        let heading = if property.get("$ref").is_some() { format!(".{key}]") } else { key.clone() };
        assert!(reference.contains(&heading), "`{key}` of {table} is missing");
    }
    for (name, _) in config::environment::ALL {
        assert!(reference.contains(name), "{name} is missing");
    }
}

#[test]
fn the_example_is_valid_where_its_folder_is() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("plugins")).unwrap();
    let read = |text: &str| config::from_str(text, &folder.path().join("models.toml"));
    let settings = read(config::example()).unwrap();
    assert!(settings.models.is_empty());
    // What it shows as comments is valid as well.
    std::fs::create_dir(folder.path().join("models")).unwrap();
    std::fs::write(folder.path().join("models/assistant-7b.Q4_K_M.gguf"), "GGUF").unwrap();
    let shown =
        |line: &str| line.strip_prefix("# ").filter(|l| l.contains(" = ")).map(str::to_owned);
    let lines: Vec<String> = config::example()
        .lines()
        .map(|line| {
            if line == "# [[model]]" {
                "[[model]]".into()
            } else {
                shown(line).unwrap_or_else(|| line.into())
            }
        })
        .collect();
    let settings = read(&lines.join("\n")).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(settings.models[0].family.as_deref(), Some("my-family"));
}
