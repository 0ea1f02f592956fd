//! What the tests share.

use std::time::Duration;

use engine_protocol::{
    EngineError, Event, EventKind, Finish, Generate, Load, LoadSettings, Prompt, PromptPart,
    Sampling,
};
use model::ModelUid;
use supervisor::{Generation, Options, RestartPolicy, Supervisor, WorkerSpec};
use tempfile::TempDir;

/// Long enough for a busy machine; no test waits for it unless it fails.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A supervisor in a folder of its own.
pub(crate) struct Host {
    pub(crate) supervisor: Supervisor,
    pub(crate) dir: TempDir,
}

impl Host {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut Options)) -> Self {
        let dir = TempDir::new().unwrap();
        let mut options = Options { runtime_dir: dir.path().into(), ..Options::default() };
        change(&mut options);
        Self { supervisor: Supervisor::new(options).unwrap(), dir }
    }

    /// Launches a model and waits until it is ready.
    pub(crate) async fn ready(spec: WorkerSpec) -> (Self, ModelUid) {
        let host = Self::new();
        let uid = host.launch(spec).await;
        (host, uid)
    }

    pub(crate) async fn launch(&self, spec: WorkerSpec) -> ModelUid {
        let uid = spec.uid.clone();
        self.supervisor.launch(spec).unwrap();
        self.supervisor.ready(&uid).await.unwrap();
        uid
    }

    pub(crate) async fn generate(&self, uid: &ModelUid, text: &str) -> Generation {
        self.supervisor.generate(uid, say(text)).await.unwrap()
    }

    /// The whole reply to a prompt.
    pub(crate) async fn reply(&self, uid: &ModelUid, text: &str) -> Reply {
        read(self.generate(uid, text).await).await
    }

    pub(crate) fn pid(&self, uid: &ModelUid) -> u32 {
        self.supervisor.status(uid).unwrap().replicas[0].pid.unwrap()
    }

    /// Waits until nothing runs, on neither side.
    pub(crate) async fn idle(&self, uid: &ModelUid) {
        let idle = |status: &supervisor::ModelStatus| {
            status.in_flight == 0 && status.stats.running == 0 && status.stats.waiting == 0
        };
        patiently(self.supervisor.until(uid, idle)).await.unwrap();
    }
}

/// A model on the fake engine that restarts without much ado.
pub(crate) fn spec(args: &[&str]) -> WorkerSpec {
    let load = Load { path: "/nowhere/tiny.gguf".into(), settings: LoadSettings::default() };
    WorkerSpec {
        args: args.iter().map(ToString::to_string).collect(),
        restart: RestartPolicy {
            first_delay: Duration::from_millis(1),
            max_crashes: 3,
            ..RestartPolicy::default()
        },
        ..WorkerSpec::new("tiny".parse().unwrap(), env!("CARGO_BIN_EXE_engine-fake"), load)
    }
}

pub(crate) fn prompt(text: &str) -> Prompt {
    Prompt { parts: vec![PromptPart::Text(text.into())], ..Prompt::default() }
}

pub(crate) fn say(text: &str) -> Generate {
    Generate {
        request: 0,
        prompt: prompt(text),
        sampling: Sampling::default(),
        sequences: 1,
        max_tokens: None,
        stop: vec![],
        stop_tokens: vec![],
        constraint: None,
        logprobs: None,
        lora: None,
        cache_salt: String::new(),
    }
}

/// What came of a request.
#[derive(Debug, Default)]
pub(crate) struct Reply {
    pub(crate) text: String,
    pub(crate) finishes: Vec<Finish>,
    pub(crate) completion_tokens: u32,
    pub(crate) prompt_tokens: u32,
    pub(crate) error: Option<EngineError>,
}

impl Reply {
    #[track_caller]
    pub(crate) fn failed(&self, parts: &[&str]) {
        let message = &self.error.as_ref().expect("a failure").message;
        for part in parts {
            assert!(message.contains(part), "`{message}` lacks `{part}`");
        }
    }

    fn add(&mut self, event: Event) {
        match event.kind {
            EventKind::Started { prompt_tokens, .. } => self.prompt_tokens = prompt_tokens,
            EventKind::Text { text, .. } => self.text.push_str(&text),
            EventKind::Finished { reason, completion_tokens } => {
                self.finishes.push(reason);
                self.completion_tokens += completion_tokens;
            }
            EventKind::Failed(error) => self.error = Some(error),
            EventKind::Segments { .. } => panic!("a transcript comes for a prompt"),
        }
    }
}

/// Reads a generation to its end.
pub(crate) async fn read(mut generation: Generation) -> Reply {
    let mut reply = Reply::default();
    while let Some(event) = patiently(generation.next()).await {
        reply.add(event);
    }
    reply
}

/// Fails rather than waits for ever.
pub(crate) async fn patiently<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.expect("this took too long")
}

/// Whether a process is there; one that has ended and was waited for is not.
pub(crate) fn is_alive(pid: u32) -> bool {
    let pid = rustix::process::Pid::from_raw(pid.try_into().unwrap()).unwrap();
    rustix::process::test_kill_process(pid).is_ok()
}

/// Waits until a process is gone.
pub(crate) async fn gone(pid: u32) {
    let waiting = async {
        while is_alive(pid) {
            tokio::task::yield_now().await;
        }
    };
    patiently(waiting).await;
}
