//! An engine's `main`.

use std::{
    ffi::OsString,
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use engine_protocol::{EngineError, FromEngine, Hello, ToEngine};
use tokio::{net::UnixStream, runtime};
use tracing_subscriber::EnvFilter;

use super::{Session, orphan::Watch};
use crate::{IpcError, greeting::greet};

/// How long the host may take to greet.
const GREETING_LIMIT: Duration = Duration::from_secs(30);

/// Runs an engine: finds `--socket PATH` among the arguments, logs to standard error, connects,
/// greets as `name`, and calls `run` on this thread.
///
/// With `--version` it says its own and the protocol's, for `host doctor`.
/// The process ends with `run`; five seconds after the host has gone it ends in any case.
pub fn serve(name: &str, run: impl FnOnce(Session) -> Result<(), EngineError>) -> ExitCode {
    if std::env::args_os().skip(1).any(|argument| argument == "--version") {
        return say_version(name);
    }
    start_log();
    let Some(socket) = socket_argument(std::env::args_os().skip(1)) else {
        tracing::error!("engine-{name} is started by `host`, and needs its `--socket PATH`");
        return ExitCode::from(2);
    };
    connect_and_run(&Hello::new(name, env!("CARGO_PKG_VERSION")), &socket, run)
}

/// Runs an engine like [`serve`], with a greeting and a socket that the caller has chosen.
pub fn serve_with(
    hello: &Hello,
    socket: &Path,
    run: impl FnOnce(Session) -> Result<(), EngineError>,
) -> ExitCode {
    start_log();
    connect_and_run(hello, socket, run)
}

fn connect_and_run(
    hello: &Hello,
    socket: &Path,
    run: impl FnOnce(Session) -> Result<(), EngineError>,
) -> ExitCode {
    match connect(hello, socket, run) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => {
            tracing::error!("the engine ended: {error}");
            ExitCode::FAILURE
        }
        Err(error) => {
            tracing::error!("no session on `{}`: {error}", socket.display());
            ExitCode::FAILURE
        }
    }
}

fn connect(
    hello: &Hello,
    socket: &Path,
    run: impl FnOnce(Session) -> Result<(), EngineError>,
) -> Result<Result<(), EngineError>, IpcError> {
    // Greeting takes both directions at once; after it no runtime is needed.
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let (socket, read, peer) = runtime.block_on(async {
        let greeted = async {
            greet::<ToEngine, FromEngine>(UnixStream::connect(socket).await?, hello).await
        };
        let greeted = tokio::time::timeout(GREETING_LIMIT, greeted)
            .await
            .unwrap_or(Err(IpcError::TimedOut { limit: GREETING_LIMIT }))?;
        greeted.into_blocking()
    })?;
    drop(runtime);
    let socket = Arc::new(socket);
    let watch = Watch::start(Arc::clone(&socket))?;
    let result = run(Session::new(&socket, read, peer));
    watch.end();
    Ok(result)
}

fn say_version(name: &str) -> ExitCode {
    let version = env!("CARGO_PKG_VERSION");
    let line = format!("engine-{name} {version} (engine protocol {})", engine_protocol::VERSION);
    match writeln!(std::io::stdout(), "{line}") {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Finds `--socket PATH` or `--socket=PATH`.
fn socket_argument(mut arguments: impl Iterator<Item = OsString>) -> Option<PathBuf> {
    while let Some(argument) = arguments.next() {
        if argument == "--socket" {
            return arguments.next().map(PathBuf::from);
        }
        if let Some(path) = argument.to_str().and_then(|text| text.strip_prefix("--socket=")) {
            return Some(path.into());
        }
    }
    None
}

/// Logs to standard error, which the supervisor keeps; it adds the time itself.
fn start_log() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .without_time()
        .with_target(false);
    // A program that has set up its own log keeps it.
    let _ = log.try_init();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(arguments: &[&str], expect: Option<&str>) {
        let found = socket_argument(arguments.iter().map(OsString::from));
        assert_eq!(found.as_deref(), expect.map(Path::new));
    }

    #[test]
    fn the_socket_is_found_among_other_arguments() {
        check(&["--socket", "/run/a"], Some("/run/a"));
        check(&["--threads", "3", "--socket=/run/b"], Some("/run/b"));
        check(&["--socket"], None);
        check(&[], None);
    }
}
