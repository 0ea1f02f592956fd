//! The executable, over a real socket.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use engine_ipc::{HostSession, Listener};
use engine_protocol::{
    Constraint, ErrorCode, EventKind, FromEngine, Generate, GrammarSyntax, Hello, Load, ToEngine,
};

use crate::support::{constraint, generate, settings, tiny_model};

const LIMIT: Duration = Duration::from_mins(1);

async fn start(folder: &tempfile::TempDir) -> (Child, HostSession) {
    // The listener wants a folder that nobody else may enter.
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let listener = Listener::bind(folder.path().join("engine.sock")).unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_engine-llama"))
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
    let (folder, path) = tiny_model();
    let (child, mut session) = start(&folder).await;
    assert_eq!(session.peer.name, "llama");
    session.sender.send(&load(&path)).await.unwrap();
    session.sender.send(&ToEngine::Generate(Box::new(generate(1, "the", 9)))).await.unwrap();
    let mut loaded = false;
    let completion_tokens = 'ends: loop {
        match session.receiver.next().await.unwrap().unwrap() {
            FromEngine::Loaded(_) => loaded = true,
            FromEngine::Step(events) => {
                for event in events {
                    if let EventKind::Finished { completion_tokens, .. } = event.kind {
                        break 'ends completion_tokens;
                    }
                }
            }
            _ => {}
        }
    };
    assert!(loaded);
    assert_eq!(completion_tokens, 9);
    session.sender.send(&ToEngine::Shutdown).await.unwrap();
    assert!(ends(child).await);
}

#[tokio::test]
async fn a_worker_ends_with_its_host() {
    let (folder, path) = tiny_model();
    let (child, mut session) = start(&folder).await;
    session.sender.send(&load(&path)).await.unwrap();
    drop(session);
    ends(child).await;
}

#[tokio::test]
async fn a_worker_that_cannot_load_says_why_and_fails() {
    let (folder, _) = tiny_model();
    let (child, mut session) = start(&folder).await;
    session.sender.send(&load(&folder.path().join("none.gguf"))).await.unwrap();
    let message = session.receiver.next().await.unwrap().unwrap();
    let FromEngine::LoadFailed(error) = message else { panic!("{message:?}") };
    assert!(error.message.contains("none.gguf"), "{error}");
    assert!(!ends(child).await);
}

/// Expressions that must all hold, which llguidance does not come back from.
fn endless(number: u32) -> Constraint {
    let patterns = (0..30).map(|at| {
        format!(r#"{{"type":"string","pattern":"^(.*[a-z]{{{at},{number}}}.*|x{{{at}}})+$"}}"#)
    });
    let patterns: Vec<_> = patterns.collect();
    constraint(GrammarSyntax::JsonSchema, &format!(r#"{{"allOf":[{}]}}"#, patterns.join(",")))
}

#[tokio::test]
async fn a_constraint_that_does_not_compile_in_time_costs_its_own_request_alone() {
    let (folder, path) = tiny_model();
    let (child, mut session) = start(&folder).await;
    session.sender.send(&load(&path)).await.unwrap();
    let follows = |request, constraint| {
        let generate = Generate { constraint: Some(constraint), ..generate(request, "the", 9) };
        ToEngine::Generate(Box::new(generate))
    };
    for (request, number) in (1..).zip(40..42) {
        session.sender.send(&follows(request, endless(number))).await.unwrap();
    }
    let choice = || constraint(GrammarSyntax::Regex, "yes|no");
    session.sender.send(&follows(10, choice())).await.unwrap();
    session.sender.send(&ToEngine::Generate(Box::new(generate(11, "the", 9)))).await.unwrap();
    session.sender.send(&follows(12, constraint(GrammarSyntax::Regex, "("))).await.unwrap();
    let mut ended = Vec::new();
    while ended.len() < 5 {
        let message = tokio::time::timeout(LIMIT, session.receiver.next()).await.unwrap();
        let FromEngine::Step(events) = message.unwrap().unwrap() else { continue };
        for event in events {
            match event.kind {
                EventKind::Finished { .. } => ended.push((event.request, None)),
                EventKind::Failed(error) => {
                    assert_eq!(error.code, ErrorCode::InvalidConstraint, "{error}");
                    ended.push((event.request, Some(error.message)));
                }
                _ => {}
            }
        }
    }
    // Who has no constraint did not wait for those who have.
    assert_eq!(ended[0], (11, None));
    ended.sort();
    for (request, error) in &ended[..2] {
        assert!(error.as_ref().is_some_and(|e| e.contains("simplify it")), "{request}: {error:?}");
    }
    assert_eq!(ended[2], (10, None));
    assert!(ended[4].1.as_ref().is_some_and(|error| error.contains("refused")), "{ended:?}");
    session.sender.send(&ToEngine::Shutdown).await.unwrap();
    assert!(ends(child).await);
}
