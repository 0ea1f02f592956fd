//! No engine outlives its host.

use std::{
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use engine_ipc::{HostSession, Listener};
use engine_protocol::{FromEngine, Generate, Hello, Load, LoadSettings, ToEngine};

use crate::common::{Host, gone, patiently, say, spec};

async fn engine() -> (Child, HostSession) {
    let dir = tempfile::TempDir::new().unwrap();
    let listener = Listener::bind(dir.path().join("run/socket")).unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_engine-fake"))
        .arg("--socket")
        .arg(listener.path())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let hello = Hello::new("host", "1");
    let mut session = listener.accept(&hello, Duration::from_secs(30)).await.unwrap();
    assert_eq!(session.peer.name, "fake");
    let load = Load { path: "x".into(), settings: LoadSettings::default() };
    session.sender.send(&ToEngine::Load(Box::new(load))).await.unwrap();
    let loaded = session.receiver.next().await.unwrap().unwrap();
    assert!(matches!(loaded, FromEngine::Loaded(_)), "{loaded:?}");
    (child, session)
}

async fn end(mut child: Child) -> ExitStatus {
    patiently(tokio::task::spawn_blocking(move || child.wait())).await.unwrap().unwrap()
}

#[tokio::test]
async fn an_engine_ends_with_its_session() {
    let (child, session) = engine().await;
    drop(session);
    assert!(end(child).await.success());
}

#[tokio::test]
async fn even_a_hung_engine_ends_some_time_after_its_session() {
    let (child, mut session) = engine().await;
    let generate = Generate { request: 1, ..say(r#"{"fake": {"text": "a", "hang_after": 0}}"#) };
    session.sender.send(&ToEngine::Generate(Box::new(generate))).await.unwrap();
    // The engine says no more than this once it hangs.
    while !matches!(session.receiver.next().await, Some(Ok(FromEngine::Step(_)))) {}
    drop(session);
    assert!(!end(child).await.success());
}

#[tokio::test]
async fn workers_end_with_the_last_handle_of_their_supervisor() {
    let (host, uid) = Host::ready(spec(&[])).await;
    let pid = host.pid(&uid);
    drop(host);
    gone(pid).await;
}
