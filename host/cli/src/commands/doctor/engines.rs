//! The engines: are they there, and does this machine run them?

use std::{
    io::Read,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use config::Settings;

use super::finding::Finding;
use crate::commands::serve::engine_programs;

const TOPIC: &str = "engines";
/// How long an engine may take to say its version.
const LIMIT: Duration = Duration::from_secs(10);

/// Checks the engines that the models need; `llama` where there are none yet.
pub(crate) fn check(settings: Option<&Settings>) -> Vec<Finding> {
    engine_programs(settings).iter().map(|program| probe(program)).collect()
}

fn probe(program: &Path) -> Finding {
    let shown = program.display();
    if !program.exists() {
        return Finding::fail(
            TOPIC,
            format!("`{shown}` is not there"),
            "build it with `cargo xtask engines`, or name its folder with `dir` under [engines]",
        );
    }
    let spawned = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => {
            let remedy = "build it on this machine with `cargo xtask engines`";
            return Finding::fail(TOPIC, format!("`{shown}` does not start: {error}"), remedy);
        }
    };
    let status = match wait(&mut child) {
        Ok(Some(status)) => status,
        Ok(None) => {
            let what = format!("`{shown}` does not answer within {LIMIT:?}");
            return Finding::fail(TOPIC, what, "build it again with `cargo xtask engines`");
        }
        Err(error) => {
            let remedy = "build it on this machine with `cargo xtask engines`";
            return Finding::fail(TOPIC, format!("`{shown}` cannot be watched: {error}"), remedy);
        }
    };
    if status.success() {
        let version = first_line(child.stdout.take());
        return Finding::ok(TOPIC, format!("{version} (`{shown}`)"));
    }
    if status.code() == Some(2) {
        // It began to work and missed its socket: nothing stands in its way on this machine.
        return Finding::ok(TOPIC, format!("`{shown}` starts"));
    }
    let said = first_line(child.stderr.take());
    let (what, remedy) = match signal(status) {
        // SIGILL: an instruction that this processor does not have.
        Some(4) => (
            format!("`{shown}` was built for another processor"),
            "build it on this machine with `cargo xtask engines`, or with `--portable`",
        ),
        _ => (
            format!("`{shown}` ends with {status}: {said}"),
            "build it again with `cargo xtask engines`; a missing library is named above",
        ),
    };
    Finding::fail(TOPIC, what, remedy)
}

/// Waits for the child to end, and ends it when the time is up.
fn wait(child: &mut Child) -> std::io::Result<Option<std::process::ExitStatus>> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if start.elapsed() > LIMIT {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(5));
    }
}

fn first_line(stream: Option<impl Read>) -> String {
    let mut text = String::new();
    if let Some(stream) = stream {
        // What cannot be read is left out; the exit status says enough.
        let _ = stream.take(4096).read_to_string(&mut text);
    }
    text.lines().next().unwrap_or_default().trim().to_owned()
}

#[cfg(unix)]
fn signal(status: std::process::ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal(_status: std::process::ExitStatus) -> Option<i32> {
    None
}
