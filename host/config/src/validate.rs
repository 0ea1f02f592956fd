//! From the file as written to settings that need no further checks.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use toml::Spanned;

use crate::{
    check::{Checker, Expect, path_problem},
    environment,
    error::Problem,
    models,
    settings::{ApiKey, Cors, Engines, Log, LogFormat, Plugins, Server, Settings},
    values::{ByteSize, Listen, Period},
    wire,
};

/// Looks up an environment variable.
pub(crate) type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Where the address to listen on comes from, for problems that are about it.
enum From {
    File(std::ops::Range<usize>),
    Variable,
    Default,
}

pub(crate) fn settings(
    checker: &mut Checker<'_>,
    file: wire::File,
    variables: Variables<'_>,
) -> Settings {
    let wire::File { server, plugins, engines, log, model } = file;
    Settings {
        server: self::server(checker, server, variables),
        plugins: self::plugins(checker, plugins, variables),
        engines: self::engines(checker, engines, variables),
        log: self::log(checker, log, variables),
        models: models::models(checker, model),
    }
}

/// A variable that is set to something.
fn variable(variables: Variables<'_>, name: &'static str) -> Option<String> {
    variables(name).filter(|value| !value.trim().is_empty())
}

fn server(checker: &mut Checker<'_>, wire: wire::Server, variables: Variables<'_>) -> Server {
    let (listen, from) = listen(checker, wire.listen, variables);
    let reported = checker.problems.len();
    let api_keys = api_keys(checker, &wire.api_keys, wire.api_key_file.as_ref(), variables);
    // Keys that are wrong are not keys that are missing.
    if checker.problems.len() == reported {
        check_exposure(checker, listen, &from, &api_keys);
    }
    let max_body = bytes(checker, "max-body", wire.max_body, 1 << 10, 1 << 30);
    let max_upload = bytes(checker, "max-upload", wire.max_upload, 1 << 10, 16 << 30);
    Server {
        listen,
        api_keys,
        max_body: max_body.unwrap_or(16 << 20),
        max_upload: max_upload.unwrap_or(200 << 20),
        arrival_timeout: time(checker, "arrival-timeout", wire.arrival_timeout, 100, HOUR * 24)
            .unwrap_or(Duration::from_mins(2)),
        drain_timeout: time(checker, "drain-timeout", wire.drain_timeout, 1, HOUR)
            .unwrap_or(Duration::from_secs(30)),
        max_concurrent_requests: checker
            .in_range("max-concurrent-requests", wire.max_concurrent_requests, 1..=65_536)
            .unwrap_or(1024),
        max_connections: checker
            .in_range("max-connections", wire.max_connections, 1..=65_536)
            .unwrap_or(2048),
        allowed_hosts: allowed_hosts(checker, wire.allowed_hosts),
        cors: cors(checker, wire.cors_origins),
    }
}

const HOUR: u64 = 3_600_000;

fn listen(
    checker: &mut Checker<'_>,
    given: Option<Spanned<Listen>>,
    variables: Variables<'_>,
) -> (SocketAddr, From) {
    let default = SocketAddr::from(([127, 0, 0, 1], 9997));
    if let Some(text) = variable(variables, environment::LISTEN) {
        return match Listen::try_from(text) {
            Ok(Listen(address)) => (address, From::Variable),
            Err(message) => {
                checker.report(Problem::in_variable(environment::LISTEN, message));
                (default, From::Default)
            }
        };
    }
    given.map_or((default, From::Default), |given| (given.get_ref().0, From::File(given.span())))
}

/// An address that others reach needs keys: open model hosts are found within hours.
fn check_exposure(checker: &mut Checker<'_>, listen: SocketAddr, from: &From, keys: &[ApiKey]) {
    if listen.ip().is_loopback() || !keys.is_empty() {
        return;
    }
    let message =
        format!("`{listen}` can be reached from other machines, and there are no API keys");
    let problem = match from {
        From::File(span) => Problem::at(span.clone(), message),
        From::Variable => Problem::in_variable(environment::LISTEN, message),
        From::Default => return,
    };
    let hint = format!(
        "set `api-key-file` or `api-keys` in `[server]`, or {}; or listen on 127.0.0.1",
        environment::API_KEYS
    );
    checker.report(problem.hint(hint));
}

fn api_keys(
    checker: &mut Checker<'_>,
    given: &[Spanned<String>],
    file: Option<&Spanned<PathBuf>>,
    variables: Variables<'_>,
) -> Vec<ApiKey> {
    if let Some(list) = variable(variables, environment::API_KEYS) {
        let mut keys = Vec::new();
        for key in list.split(',').map(str::trim).filter(|key| !key.is_empty()) {
            match check_key(key) {
                Ok(()) => keys.push(ApiKey(key.to_owned())),
                Err(message) => {
                    checker.report(Problem::in_variable(environment::API_KEYS, message));
                }
            }
        }
        if list.split(',').all(|key| key.trim().is_empty()) {
            // To ask for no key at all is too easily asked for by mistake.
            let hint = "write keys with commas between them; left empty, the file's keys count";
            let problem = Problem::in_variable(environment::API_KEYS, "it holds no key");
            checker.report(problem.hint(hint));
        }
        return keys;
    }
    let mut keys = Vec::new();
    for key in given {
        match check_key(key.get_ref()) {
            Ok(()) => keys.push(ApiKey(key.get_ref().clone())),
            Err(message) => checker.report(Problem::at_secret(key.span(), message)),
        }
    }
    let Some(file) = file else { return keys };
    let reported = checker.problems.len();
    let path = checker.path(file, Expect::File);
    if checker.problems.len() > reported {
        return keys;
    }
    match read_keys(&path) {
        Ok(read) => keys.extend(read),
        Err(message) => checker.report(Problem::at(file.span(), message)),
    }
    keys
}

fn check_key(key: &str) -> Result<(), String> {
    if (8..=256).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    Err("an API key has 8 to 256 printable ASCII characters without spaces".to_owned())
}

fn read_keys(path: &std::path::Path) -> Result<Vec<ApiKey>, String> {
    /// Far above any list of keys, so that a wrong path does not fill the memory.
    const MOST: u64 = 1 << 20;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let cannot = |error: std::io::Error| format!("cannot read `{name}`: {error}");
    let size = std::fs::metadata(path).map_err(cannot)?.len();
    if size > MOST {
        return Err(format!("`{name}` has {size} bytes, a file of keys has at most {MOST}"));
    }
    let text = std::fs::read_to_string(path).map_err(cannot)?;
    let mut keys = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        check_key(line).map_err(|message| format!("line {number} of `{name}`: {message}"))?;
        keys.push(ApiKey(line.to_owned()));
    }
    if keys.is_empty() {
        return Err(format!("`{name}` holds no key; write one per line"));
    }
    Ok(keys)
}

fn allowed_hosts(checker: &mut Checker<'_>, given: Vec<Spanned<String>>) -> Vec<String> {
    for host in &given {
        if !is_host(host.get_ref()) {
            let message = format!("`{}` is no host name", host.get_ref());
            let hint = "write the whole name alone, such as `models.example.org`, without scheme, port, path or `*`";
            checker.report(Problem::at(host.span(), message).hint(hint));
        }
    }
    given.into_iter().map(Spanned::into_inner).collect()
}

/// A name as DNS has it, whose labels are neither empty nor too long.
fn is_host(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let label = |label: &str| (1..=63).contains(&label.len()) && label.chars().all(plain);
    text.len() <= 253 && text.split('.').all(label)
}

fn cors(checker: &mut Checker<'_>, given: Option<Vec<Spanned<String>>>) -> Cors {
    let Some(origins) = given else { return Cors::Local };
    if origins.iter().any(|origin| origin.get_ref() == "*") {
        if let [_, second, ..] = origins.as_slice() {
            let message = "`*` stands for every origin, so nothing can stand beside it";
            checker.report(Problem::at(second.span(), message));
        }
        return Cors::Any;
    }
    for origin in &origins {
        if !is_origin(origin.get_ref()) {
            let message = format!("`{}` is no origin", origin.get_ref());
            let hint = "write scheme and host, such as `https://chat.example.org`, without a path";
            checker.report(Problem::at(origin.span(), message).hint(hint));
        }
    }
    Cors::Only(origins.into_iter().map(Spanned::into_inner).collect())
}

/// Scheme, host and perhaps a port, as browsers send them.
fn is_origin(text: &str) -> bool {
    let Some((scheme, host)) = text.split_once("://") else { return false };
    let plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']' | '_');
    let scheme = scheme.starts_with(|c: char| c.is_ascii_lowercase())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    scheme && !host.is_empty() && host.chars().all(plain)
}

fn plugins(checker: &mut Checker<'_>, wire: wire::Plugins, variables: Variables<'_>) -> Plugins {
    let wire::PluginLimits { memory, render_time, parse_time } = wire.limits;
    let dir =
        folder(checker, wire.dir.as_ref(), Expect::Folder, environment::PLUGINS_DIR, variables);
    let cache = wire.cache_dir.as_ref();
    let name = environment::CACHE_DIR;
    Plugins {
        dir: dir.unwrap_or_else(|| checker.base.join("plugins")),
        cache_dir: folder(checker, cache, Expect::FolderOrNothing, name, variables),
        memory: bytes(checker, "memory", memory, 1 << 20, 4 << 30).unwrap_or(64 << 20),
        render_time: time(checker, "render-time", render_time, 1, 60_000)
            .unwrap_or(Duration::from_millis(200)),
        parse_time: time(checker, "parse-time", parse_time, 1, 60_000)
            .unwrap_or(Duration::from_millis(50)),
    }
}

fn engines(checker: &mut Checker<'_>, wire: wire::Engines, variables: Variables<'_>) -> Engines {
    let dir = wire.dir.as_ref();
    Engines {
        dir: folder(checker, dir, Expect::Folder, environment::ENGINES_DIR, variables),
        threads: checker.in_range("threads", wire.threads, 1..=512),
    }
}

/// A folder from the environment, which counts from the working directory, or from the file.
fn folder(
    checker: &mut Checker<'_>,
    given: Option<&Spanned<PathBuf>>,
    expect: Expect,
    name: &'static str,
    variables: Variables<'_>,
) -> Option<PathBuf> {
    let Some(text) = variable(variables, name) else {
        return given.map(|given| checker.path(given, expect));
    };
    let path = PathBuf::from(text);
    if let Some((message, _)) = path_problem(&path, &path, expect) {
        checker.report(Problem::in_variable(name, message));
    }
    Some(path)
}

fn log(checker: &mut Checker<'_>, wire: wire::Log, variables: Variables<'_>) -> Log {
    let from_file = wire.format.map_or(LogFormat::Text, |format| match format {
        wire::LogFormat::Text => LogFormat::Text,
        wire::LogFormat::Json => LogFormat::Json,
    });
    let format = match variable(variables, environment::LOG_FORMAT).as_deref() {
        None => from_file,
        Some("text") => LogFormat::Text,
        Some("json") => LogFormat::Json,
        Some(other) => {
            let message = format!("`{other}` is no log format; allowed are `text` and `json`");
            checker.report(Problem::in_variable(environment::LOG_FORMAT, message));
            from_file
        }
    };
    let level = if let Some(level) = variable(variables, environment::LOG) {
        if let Err(message) = check_level(&level) {
            checker.report(Problem::in_variable(environment::LOG, message));
        }
        level
    } else if let Some(level) = wire.level {
        if let Err(message) = check_level(level.get_ref()) {
            checker.report(Problem::at(level.span(), message));
        }
        level.into_inner()
    } else {
        "info".to_owned()
    };
    Log { format, level }
}

/// Checks `info,gateway=debug` and its like.
fn check_level(text: &str) -> Result<(), String> {
    const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ':');
    for part in text.split(',') {
        let (target, level) = part.trim().split_once('=').unwrap_or(("", part.trim()));
        if !LEVELS.contains(&level) || !target.chars().all(plain) {
            return Err(format!(
                "`{}` is no log level; write one of {}, or a part of the host and a level, such as `gateway=debug`",
                part.trim(),
                LEVELS.join(", ")
            ));
        }
    }
    Ok(())
}

/// A size in a range, both ends in bytes.
fn bytes(
    checker: &mut Checker<'_>,
    key: &str,
    given: Option<Spanned<ByteSize>>,
    least: u64,
    most: u64,
) -> Option<u64> {
    let given = given?;
    let size = given.get_ref().0;
    if (least..=most).contains(&size) {
        return Some(size);
    }
    let [least, most, given_size] = [least, most, size].map(in_units);
    let message = format!("`{key}` must be from {least} to {most}, it is {given_size}");
    checker.report(Problem::at(given.span(), message));
    None
}

fn in_units(bytes: u64) -> String {
    let units = [(1_u64 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "KB"), (1, "B")];
    let unit = units.into_iter().find(|(scale, _)| bytes.is_multiple_of(*scale));
    unit.map_or_else(String::new, |(scale, name)| format!("{}{name}", bytes / scale))
}

/// A time in a range, both ends in milliseconds.
pub(crate) fn time(
    checker: &mut Checker<'_>,
    key: &str,
    given: Option<Spanned<Period>>,
    least: u64,
    most: u64,
) -> Option<Duration> {
    let given = given?;
    let period = given.get_ref().0;
    if (Duration::from_millis(least)..=Duration::from_millis(most)).contains(&period) {
        return Some(period);
    }
    let [least, most] = [least, most].map(Duration::from_millis);
    let message = format!("`{key}` must be from {least:?} to {most:?}, it is {period:?}");
    checker.report(Problem::at(given.span(), message));
    None
}
