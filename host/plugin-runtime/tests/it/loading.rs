//! Which files are plugins, and what is said of those that are not.

use std::fs;
use std::os::unix::fs::symlink;

use model::{Ability, Fit};
use plugin_runtime::{Compiler, Limits, Options, PluginError, PluginRuntime, REFUSED};

use crate::support::{bytes, card, fixture, host, host_with, open, say};

/// A file that cannot be loaded is listed with its error, and another one serves.
#[track_caller]
fn check(name: &str, expect: &str) {
    let host = host(&["echo", name]);
    let status = host.status(&format!("{name}.wasm"));
    assert_eq!(status.error.as_deref(), Some(expect));
    assert_eq!((status.name.as_str(), status.version.as_str()), (name, ""));
    assert!(!status.serving && !status.still_serving);
    assert!(host.status("echo.wasm").serving);
}

#[test]
fn foreign_imports_are_refused_by_name() {
    check(
        "foreign",
        "it imports `fixtures:foreign/oracle@0.1.0`, which no plugin is given: a plugin has the \
         host's `log` and an empty WASI without a network",
    );
}

#[test]
fn the_network_is_refused_by_name() {
    // The patch version is that of the linker's WASI.
    let error = host(&["networked"]).status("networked.wasm").error.unwrap();
    assert!(error.starts_with("it imports `wasi:sockets/network@0.2."), "{error}");
}

#[test]
fn a_plugin_must_say_what_it_is() {
    check(
        "mute",
        "it does not export `modelhost:family/identity`, which every plugin must; it exports \
         [\"fixtures:mute/greeting@0.1.0\"]",
    );
}

#[test]
fn a_plugin_must_describe_itself_well() {
    check(
        "misdescribed",
        "its description is not valid: name `Not A Name` must be kebab-case, such as `my-family`, \
         with at most 64 characters",
    );
}

#[test]
fn what_a_good_plugin_says() {
    let status = host(&["misbehave"]).status("misbehave.wasm");
    assert_eq!(status.name, "misbehave");
    assert_eq!(status.version, "0.1.0");
    assert_eq!(status.summary, "Does wrong on demand.", "it is one line");
    assert_eq!(status.abilities, [Ability::Chat]);
    assert_eq!(status.hash, blake3::hash(&bytes("misbehave")).to_hex().as_str());
    assert!(status.loaded.is_some() && status.serving && status.error.is_none());
}

#[test]
fn files_that_are_no_components() {
    let host = host(&[]);
    host.install("empty.wasm", b"");
    host.install("core.wasm", b"\0asm\x01\0\0\0");
    host.install("text.wasm", b"(component)");
    host.install("half.wasm", &bytes("echo")[..20_000]);
    host.install("notes.txt", b"not a plugin at all");
    let runtime = open(host.dir.path(), None, Limits::default());
    let statuses = runtime.plugins();
    assert_eq!(statuses.len(), 4);
    for status in statuses {
        let error = status.error.unwrap();
        assert!(error.starts_with("it is not a usable component: "), "{error}");
    }
}

#[test]
fn files_that_are_too_large() {
    let host = host_with(&["echo"], Limits { file_bytes: 1000, ..Limits::default() });
    let error = host.status("echo.wasm").error.unwrap();
    assert!(error.ends_with("more than the 1000 that a plugin may have"), "{error}");
}

#[test]
fn links_and_folders_are_not_followed() {
    let host = host(&[]);
    symlink(fixture("echo"), host.dir.path().join("link.wasm")).unwrap();
    fs::create_dir(host.dir.path().join("folder.wasm")).unwrap();
    let runtime = open(host.dir.path(), None, Limits::default());
    let statuses = runtime.plugins();
    assert_eq!(statuses.len(), 2);
    for status in statuses {
        let error = status.error.unwrap();
        assert!(error.ends_with("copy the plugin itself to this place"), "{error}");
    }
}

#[test]
fn a_folder_that_is_not_there() {
    let host = host(&[]);
    let options = plugin_runtime::Options {
        dir: host.dir.path().join("nowhere"),
        cache_dir: None,
        compiler: None,
        limits: Limits::default(),
    };
    let error = plugin_runtime::PluginRuntime::open(options).map(|_| ()).unwrap_err();
    assert!(matches!(error, PluginError::Io { .. }), "{error}");
}

#[test]
fn of_two_files_with_one_family_the_first_serves() {
    let host = host(&["echo", "echo_next"]);
    assert!(host.status("echo.wasm").serving);
    let second = host.status("echo_next.wasm");
    assert_eq!((second.name.as_str(), second.version.as_str()), ("echo", "2.0.0"));
    assert!(!second.serving);
    assert_eq!(
        second.error.as_deref(),
        Some("family `echo` is already served by `echo.wasm`; remove one of the two files")
    );
}

#[test]
fn a_file_can_be_checked_without_installing_it() {
    let host = host(&[]);
    let report = host.runtime.check(&fixture("echo"));
    assert!(report.error.is_none(), "{report:?}");
    assert_eq!((report.name.as_str(), report.version.as_str()), ("echo", "1.0.0"));
    assert_eq!(report.abilities, [Ability::Chat, Ability::Completion]);
    assert_eq!(report.bytes, bytes("echo").len() as u64);
    assert!(report.exports.contains(&"modelhost:family/chat@0.1.0".to_owned()));
    assert!(report.imports.iter().all(|name| name.starts_with("modelhost:family/")));
    assert!(host.runtime.plugins().is_empty());

    let report = host.runtime.check(&fixture("networked"));
    assert!(matches!(report.error, Some(PluginError::ForeignImport { .. })), "{report:?}");
    assert!(report.imports.iter().any(|name| name.starts_with("wasi:sockets/")));
    let report = host.runtime.check(&host.dir.path().join("nowhere.wasm"));
    assert!(matches!(report.error, Some(PluginError::Io { .. })), "{report:?}");
}

/// Whatever a file holds, it is loaded or refused, and the host goes on.
#[test]
fn damaged_files() {
    let host = host(&["echo"]);
    let good = bytes("echo");
    let file = host.dir.path().join("damaged.bin");
    let mut refused = 0;
    for round in 0..64 {
        let mut bytes = good.clone();
        // A few bytes at places spread over the file, the same at each run.
        for n in 0..=round % 4 {
            let place = (round * 40_503 + n * 7919) % bytes.len();
            bytes[place] ^= 1 << (round % 8);
        }
        fs::write(&file, bytes).unwrap();
        refused += usize::from(host.runtime.check(&file).error.is_some());
    }
    assert!(refused > 0, "no damage was noticed");
    host.runtime.chat("echo", &card(), &say("hello")).unwrap();
}

#[test]
fn what_is_not_compiled_is_listed_until_it_is() {
    let root = tempfile::tempdir().unwrap();
    let (dir, cache) = (root.path().join("plugins"), root.path().join("cache"));
    fs::create_dir(&dir).unwrap();
    fs::copy(fixture("echo"), dir.join("echo.wasm")).unwrap();
    let options =
        Options { dir, cache_dir: Some(cache), compiler: None, limits: Limits::default() };
    let states = |runtime: &PluginRuntime| {
        let states = runtime.plugins().into_iter().map(|status| (status.compiling, status.serving));
        states.collect::<Vec<_>>()
    };

    let runtime = PluginRuntime::open_compiled(options.clone()).unwrap();
    assert_eq!(states(&runtime), [(true, false)]);
    for wanted in [Some("echo"), None] {
        let error = runtime.choose(&card(), wanted).unwrap_err();
        assert!(matches!(&error, PluginError::Compiling { files } if files == &["echo.wasm"]));
        assert_eq!(
            error.to_string(),
            "the families are not all there yet: echo.wasm is being compiled, which is done once; \
             ask again in a moment"
        );
    }
    let error = runtime.chat("echo", &card(), &say("hello")).map(drop).unwrap_err();
    assert!(matches!(error, PluginError::Compiling { .. }), "{error}");

    runtime.compile().unwrap();
    assert_eq!(states(&runtime), [(false, true)]);
    runtime.choose(&card(), None).unwrap();

    let again = PluginRuntime::open_compiled(options).unwrap();
    assert_eq!(states(&again), [(false, true)], "the cache has it");
}

#[test]
fn an_exact_fit_does_not_wait_for_what_is_being_compiled() {
    let root = tempfile::tempdir().unwrap();
    let (dir, cache) = (root.path().join("plugins"), root.path().join("cache"));
    fs::create_dir(&dir).unwrap();
    fs::copy(fixture("echo"), dir.join("echo.wasm")).unwrap();
    let options = Options {
        dir: dir.clone(),
        cache_dir: Some(cache),
        compiler: None,
        limits: Limits::default(),
    };
    PluginRuntime::open(options.clone()).unwrap();
    fs::copy(fixture("misbehave"), dir.join("misbehave.wasm")).unwrap();

    let runtime = PluginRuntime::open_compiled(options).unwrap();
    let choice = runtime.choose(&card(), None).unwrap();
    assert_eq!((choice.family.as_str(), choice.fit), ("echo", Fit::Exact));
}

/// A file that is compiled by `sh -c SCRIPT` is listed with this error, or serves.
#[track_caller]
fn check_compiler(script: &str, expect: Option<&str>) {
    let root = tempfile::tempdir().unwrap();
    let (dir, cache) = (root.path().join("plugins"), root.path().join("cache"));
    fs::create_dir(&dir).unwrap();
    fs::copy(fixture("echo"), dir.join("echo.wasm")).unwrap();
    let compiler =
        Compiler { program: "/bin/sh".into(), arguments: vec!["-c".into(), script.into()] };
    let options = Options {
        dir,
        cache_dir: Some(cache),
        compiler: Some(compiler),
        limits: Limits::default(),
    };
    let [status] = &PluginRuntime::open(options).unwrap().plugins()[..] else { panic!("one file") };
    let error = status.error.as_deref();
    match expect {
        Some(part) => assert!(error.is_some_and(|e| e.contains(part)), "{part}: {error:?}"),
        None => assert_eq!(error, None),
    }
    assert_eq!(status.serving, expect.is_none());
}

#[test]
fn a_compiler_s_verdict_counts_and_its_failures_do_not() {
    // The one thing that it may say of a component.
    let refused = format!("cat > /dev/null; echo 'not mine'; exit {REFUSED}");
    check_compiler(&refused, Some("it is not a usable component: not mine"));
    // What breaks it, or takes more than it may, is refused as well.
    check_compiler("kill -9 $$", Some("signal: 9"));
    // Where it does not do its work the host does.
    check_compiler("exit 1", None);
    check_compiler("cat > /dev/null; exit 0", None);
}
