//! The executable, over a real socket.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use engine_ipc::{HostSession, Listener};
use engine_protocol::{Audio, EventKind, FromEngine, Hello, Load, ToEngine, Transcribe};

use crate::support::{pcm, plain, settings, smallest, tone};

const LIMIT: Duration = Duration::from_mins(1);

async fn start(folder: &tempfile::TempDir) -> (Child, HostSession) {
    // The listener wants a folder that nobody else may enter.
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let listener = Listener::bind(folder.path().join("engine.sock")).unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_engine-whisper"))
        .arg("--socket")
        .arg(listener.path())
        .env("OMP_WAIT_POLICY", "passive")
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let session = listener.accept(&Hello::new("host", "0"), LIMIT).await.unwrap();
    (child, session)
}

async fn ends(mut child: Child) -> bool {
    let waits = tokio::task::spawn_blocking(move || child.wait().unwrap().success());
    tokio::time::timeout(LIMIT, waits).await.unwrap().unwrap()
}

fn load(path: &std::path::Path) -> ToEngine {
    let path = path.to_str().unwrap().to_owned();
    ToEngine::Load(Box::new(Load { path, settings: settings() }))
}

#[tokio::test]
async fn a_worker_serves_its_host_and_ends_when_told() {
    let folder = tempfile::tempdir().unwrap();
    let (child, mut session) = start(&folder).await;
    assert_eq!(session.peer.name, "whisper");
    session.sender.send(&load(smallest())).await.unwrap();
    let transcribe = Transcribe { request: 1, plan: plain() };
    session.sender.send(&ToEngine::Transcribe(Box::new(transcribe))).await.unwrap();
    let audio = Audio { request: 1, samples: pcm(&tone(1.0, 300.0)), last: true };
    session.sender.send(&ToEngine::Audio(audio)).await.unwrap();
    let mut loaded = false;
    let mut tokens = 0;
    let completion_tokens = 'ends: loop {
        match session.receiver.next().await.unwrap().unwrap() {
            FromEngine::Loaded(_) => loaded = true,
            FromEngine::Step(events) => {
                for event in events {
                    match event.kind {
                        EventKind::Segments { segments, .. } => {
                            tokens += segments.iter().map(|s| s.tokens.len()).sum::<usize>();
                        }
                        EventKind::Finished { completion_tokens, .. } => {
                            break 'ends completion_tokens;
                        }
                        other => panic!("{other:?}"),
                    }
                }
            }
            _ => {}
        }
    };
    assert!(loaded);
    assert_eq!((completion_tokens, tokens), (12, 12));
    session.sender.send(&ToEngine::Shutdown).await.unwrap();
    assert!(ends(child).await);
}

#[tokio::test]
async fn a_worker_ends_with_its_host() {
    let folder = tempfile::tempdir().unwrap();
    let (child, mut session) = start(&folder).await;
    session.sender.send(&load(smallest())).await.unwrap();
    drop(session);
    ends(child).await;
}

#[tokio::test]
async fn a_worker_that_cannot_load_says_why_and_fails() {
    let folder = tempfile::tempdir().unwrap();
    let (child, mut session) = start(&folder).await;
    session.sender.send(&load(&folder.path().join("none.bin"))).await.unwrap();
    let message = session.receiver.next().await.unwrap().unwrap();
    let FromEngine::LoadFailed(error) = message else { panic!("{message:?}") };
    assert!(error.message.contains("none.bin"), "{error}");
    assert!(!ends(child).await);
}
