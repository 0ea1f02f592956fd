//! Trying constraints out in a process that can be killed.
//!
//! Some constraints take any amount of time and memory to compile, and neither can be taken back
//! from a thread. So one that is not known is compiled in a process of its own first, which reads
//! the same vocabulary; if that takes too much, nothing ends but that process. What it has compiled
//! cannot be handed over, but compiling it again here is known to come to an end.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use engine_protocol::{Constraint, EngineError, ErrorCode};

use super::Compiler;
use super::workshop::{STACK, too_slow};
use crate::load::vocabulary;
use crate::pool::guarded;
use crate::threads::{is_over, used_by_process};

/// What makes the engine's program such a process.
const FLAG: &str = "--try-constraints";
/// What the process says once it has read the vocabulary.
const READY: &str = "ready";
/// How long that may take.
pub(crate) const START: Duration = Duration::from_mins(1);
/// How often it is looked at while it compiles.
const LOOK: Duration = Duration::from_millis(200);
/// Bytes that the process may take, what is reserved for its stack among them.
const MEMORY: u64 = 1 << 30;

/// Tries constraints out for one model.
pub(crate) struct Trials {
    program: PathBuf,
    model: PathBuf,
    limit: Duration,
    idle: Mutex<Vec<Process>>,
}

/// A process that waits for constraints; it ends when this is dropped.
struct Process {
    child: Child,
    to: ChildStdin,
    from: Receiver<String>,
}

impl Trials {
    /// Trials by an engine's program, each of which may take as long as `limit`.
    pub(crate) fn new(program: PathBuf, model: PathBuf, limit: Duration) -> Self {
        Self { program, model, limit, idle: Mutex::default() }
    }

    /// Compiles a constraint elsewhere.
    ///
    /// # Errors
    /// Says what is wrong with the source, or that it takes too much.
    pub(crate) fn attempt(&self, constraint: &Constraint) -> Result<(), EngineError> {
        let mut process = match self.process() {
            Ok(process) => process,
            Err(error) => {
                tracing::error!(%error, "constraints cannot be tried out; they are compiled as they are");
                return Ok(());
            }
        };
        let failed = |error: &dyn std::fmt::Display| {
            let message = format!("the constraint cannot be tried out: {error}");
            EngineError::new(ErrorCode::Internal, message)
        };
        let line = serde_json::to_string(constraint).map_err(|error| failed(&error))?;
        writeln!(process.to, "{line}").map_err(|error| failed(&error))?;
        match process.answer(self.limit) {
            Ok(line) => {
                let outcome = serde_json::from_str(&line).map_err(|error| failed(&error))?;
                self.idle().push(process);
                outcome
            }
            Err(RecvTimeoutError::Timeout) => Err(too_slow(self.limit)),
            Err(RecvTimeoutError::Disconnected) => {
                let message = format!(
                    "the constraint takes more than {} GB of memory to compile; simplify it",
                    MEMORY >> 30
                );
                Err(EngineError::new(ErrorCode::InvalidConstraint, message))
            }
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Process>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn process(&self) -> std::io::Result<Process> {
        while let Some(mut process) = { self.idle().pop() } {
            if matches!(process.child.try_wait(), Ok(None)) {
                return Ok(process);
            }
        }
        Process::start(&self.program, &self.model)
    }
}

impl Process {
    fn start(program: &Path, model: &Path) -> std::io::Result<Self> {
        let mut child = Command::new(program)
            .arg(FLAG)
            .arg(model)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // It computes nothing that a device could help with.
            .env("CUDA_VISIBLE_DEVICES", "")
            .env("GGML_VK_VISIBLE_DEVICES", "")
            .spawn()?;
        let (Some(to), Some(from)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(std::io::Error::other("it has no pipes"));
        };
        let (tell, lines) = sync_channel(1);
        let process = Self { child, to, from: lines };
        std::thread::Builder::new().name("trial".into()).spawn(move || {
            let lines = BufReader::new(from).lines().map_while(Result::ok);
            // Whoever listened may be gone.
            lines.take_while(|line| tell.send(line.clone()).is_ok()).for_each(drop);
        })?;
        match process.from.recv_timeout(START) {
            Ok(line) if line == READY => Ok(process),
            other => Err(std::io::Error::other(format!("it does not start: {other:?}"))),
        }
    }
}

impl Process {
    /// What it says within a limit.
    fn answer(&self, limit: Duration) -> Result<String, RecvTimeoutError> {
        let used = || used_by_process(self.child.id());
        let (begun, before) = (Instant::now(), used());
        loop {
            let answer = self.from.recv_timeout(LOOK.min(limit));
            let spent = used().zip(before).map(|(used, before)| used.saturating_sub(before));
            if answer != Err(RecvTimeoutError::Timeout) || is_over(limit, begun.elapsed(), spent) {
                return answer;
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The model for which a program is to try constraints out, by the program's arguments.
pub fn trials_of(mut arguments: impl Iterator<Item = OsString>) -> Option<PathBuf> {
    arguments.find(|argument| argument == FLAG)?;
    arguments.next().map(PathBuf::from)
}

/// Tries out every constraint that comes by standard input, until that ends.
///
/// # Errors
/// The vocabulary cannot be read, or grammars do not work with it.
pub fn try_constraints(model: &Path) -> Result<(), EngineError> {
    let failed = |error: std::io::Error| {
        EngineError::new(ErrorCode::Internal, format!("constraints cannot be tried out: {error}"))
    };
    limit_memory().map_err(failed)?;
    let compiler = Compiler::new(&vocabulary(model)?)?;
    let (tell, lines) = sync_channel::<String>(1);
    let compile = move || {
        for line in lines {
            let outcome = serde_json::from_str::<Constraint>(&line)
                .map_err(|error| EngineError::new(ErrorCode::Internal, error.to_string()))
                .and_then(|constraint| guarded(|| compiler.compile(&constraint)).map(drop));
            let said = serde_json::to_string(&outcome).map_err(std::io::Error::other);
            if said.and_then(|line| say(&line)).is_err() {
                return;
            }
        }
    };
    let builder = std::thread::Builder::new().name("compile".into()).stack_size(STACK);
    builder.spawn(compile).map_err(failed)?;
    say(READY).map_err(failed)?;
    // Without the engine nobody waits for what is being compiled, and the process ends with it.
    let lines = std::io::stdin().lines().map_while(Result::ok);
    lines.take_while(|line| tell.send(line.clone()).is_ok()).for_each(drop);
    Ok(())
}

fn say(line: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

#[cfg(target_os = "linux")]
fn limit_memory() -> std::io::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let limit = Rlimit { current: Some(MEMORY), maximum: Some(MEMORY) };
    Ok(setrlimit(Resource::Data, limit)?)
}

#[cfg(not(target_os = "linux"))]
fn limit_memory() -> std::io::Result<()> {
    Ok(())
}
