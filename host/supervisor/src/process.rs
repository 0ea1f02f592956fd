//! A worker's process.

use std::{io, path::Path, process::ExitStatus, process::Stdio, time::Duration};

use rustix::process::{Pid, Signal};
use tokio::{
    process::{Child, Command},
    task::JoinHandle,
    time::timeout,
};

use crate::{
    Cause, WorkerSpec,
    log::{LogTail, follow},
};

/// Variables that a worker inherits; nothing else of the host's environment reaches it, so that no
/// key or token does.
const INHERITED: &[&str] = &[
    "PATH",
    "HOME",
    "TMPDIR",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "RUST_LOG",
    "RUST_BACKTRACE",
    "CUDA_VISIBLE_DEVICES",
    "CUDA_DEVICE_ORDER",
    "CUDA_CACHE_PATH",
    "NVIDIA_VISIBLE_DEVICES",
    "HIP_VISIBLE_DEVICES",
    "ROCR_VISIBLE_DEVICES",
    "GGML_VK_VISIBLE_DEVICES",
    "VK_ICD_FILENAMES",
];

/// What every worker is told: threads that wait do so without spinning, since workers share the
/// cores, and ggml does not start a debugger to print a backtrace.
const SET: &[(&str, &str)] =
    &[("OMP_WAIT_POLICY", "passive"), ("GOMP_SPINCOUNT", "0"), ("GGML_NO_BACKTRACE", "1")];

/// How long the output of a process that has ended may take to arrive.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// How long a process that was killed may take to be gone: one that hangs in a driver may never be,
/// and neither its clients nor the host's end wait for it.
const REAPED: Duration = Duration::from_secs(2);

/// A running worker; dropping it kills it and what it has started.
///
/// An engine also ends by itself when its session closes, so none outlives a host that was killed.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    pid: u32,
    output: Vec<JoinHandle<()>>,
}

impl Process {
    /// Starts a worker in a process group of its own, which keeps a terminal's Ctrl-C from it: the
    /// host decides when it ends.
    pub(crate) fn spawn(spec: &WorkerSpec, socket: &Path, tail: &LogTail) -> Result<Self, Cause> {
        let mut command = Command::new(&spec.program);
        command.args(&spec.args).arg("--socket").arg(socket);
        command.env_clear();
        for name in INHERITED {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.envs(SET.iter().copied()).envs(spec.env.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.process_group(0).kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| refused(&spec.program, &error))?;
        // A child that has not been waited for has its number.
        let pid = child.id().unwrap_or_default();
        let mut output = Vec::new();
        if let Some(stderr) = child.stderr.take() {
            output.push(tokio::spawn(follow(stderr, tail.clone(), spec.uid.clone(), pid)));
        }
        if let Some(stdout) = child.stdout.take() {
            output.push(tokio::spawn(follow(stdout, tail.clone(), spec.uid.clone(), pid)));
        }
        Ok(Self { child, pid, output })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Waits for its end; dropping the future loses nothing.
    pub(crate) async fn wait(&mut self) -> Option<ExitStatus> {
        self.child.wait().await.ok()
    }

    /// Gives it some time to exit, kills it otherwise, and reads its output to the end.
    pub(crate) async fn end(mut self, grace: Duration) -> Option<ExitStatus> {
        let status = if let Ok(status) = timeout(grace, self.child.wait()).await {
            status.ok()
        } else {
            self.kill();
            let reaped = timeout(REAPED, self.child.wait()).await;
            if reaped.is_err() {
                tracing::error!(
                    pid = self.pid,
                    "a worker was killed and is not gone; it is left behind"
                );
            }
            reaped.ok().and_then(Result::ok)
        };
        let deadline = tokio::time::Instant::now() + LAST_WORDS;
        for reader in &mut self.output {
            // A process that the worker has left behind may keep its output open.
            let _ = tokio::time::timeout_at(deadline, reader).await;
        }
        status
    }

    /// Kills the whole group, unless the worker is gone already and its number someone else's.
    fn kill(&mut self) {
        let Some(pid) = self.child.id() else { return };
        if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
            // It may end in this very moment.
            let _ = rustix::process::kill_process_group(pid, Signal::KILL);
        }
        let _ = self.child.start_kill();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        self.output.iter().for_each(JoinHandle::abort);
    }
}

fn refused(program: &Path, error: &io::Error) -> Cause {
    let program = program.display();
    Cause::told(match error.kind() {
        io::ErrorKind::NotFound => format!(
            "the engine `{program}` is not there: `cargo xtask run` builds the engines beside `host`"
        ),
        io::ErrorKind::PermissionDenied => {
            format!("the engine `{program}` may not be executed: check its permissions")
        }
        _ => format!("the engine `{program}` cannot be started: {error}"),
    })
}
