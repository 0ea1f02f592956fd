//! Launching, watching and ending.

use std::time::Duration;

use engine_protocol::EventKind;
use supervisor::{ModelState, SupervisorError};

use crate::common::{Host, is_alive, patiently, read, say, spec};

const ENDLESS: &str = r#"{"fake": {"text": "x ", "tokens": 4000000000, "delay_us": 1000}}"#;

#[tokio::test]
async fn a_loading_model_says_how_far_it_is() {
    let host = Host::new();
    let slow = spec(&["--slow-start", "600000"]);
    let uid = slow.uid.clone();
    host.supervisor.launch(slow).unwrap();
    let begun = |status: &supervisor::ModelStatus| status.progress > 0.0;
    let status = patiently(host.supervisor.until(&uid, begun)).await.unwrap();
    assert_eq!(status.state, ModelState::Loading);
    let refused = host.supervisor.generate(&uid, say("x")).await.unwrap_err();
    assert!(matches!(refused, SupervisorError::Loading { .. }), "{refused}");
    assert!(refused.to_string().contains("is loading (0 %): try again in 30 s"), "{refused}");
    let pid = host.pid(&uid);
    patiently(host.supervisor.terminate(&uid)).await.unwrap();
    assert!(!is_alive(pid));
}

#[tokio::test]
async fn a_slow_start_ends_in_a_ready_model() {
    let (host, uid) = Host::ready(spec(&["--slow-start", "100"])).await;
    let status = host.supervisor.status(&uid).unwrap();
    assert_eq!((status.state, status.progress), (ModelState::Ready, 1.0));
    assert_eq!(status.loaded.unwrap().context_length, 32_768);
    assert_eq!(
        status.replicas[0].engine.as_deref(),
        Some(concat!("fake ", env!("CARGO_PKG_VERSION")))
    );
}

#[tokio::test]
async fn names_are_checked() {
    let (host, uid) = Host::ready(spec(&[])).await;
    assert_eq!(
        host.supervisor.launch(spec(&[])).unwrap_err(),
        SupervisorError::AlreadyLaunched { uid: uid.clone() }
    );
    let refused = host.supervisor.generate(&"other".parse().unwrap(), say("x")).await.unwrap_err();
    assert_eq!(refused.to_string(), "no model `other` is launched; launched are: tiny");
}

#[tokio::test]
async fn terminating_ends_the_process_and_its_requests() {
    let (host, uid) = Host::ready(spec(&[])).await;
    let mut generation = host.generate(&uid, ENDLESS).await;
    assert!(matches!(patiently(generation.next()).await.unwrap().kind, EventKind::Started { .. }));
    let pid = host.pid(&uid);
    patiently(host.supervisor.terminate(&uid)).await.unwrap();
    assert!(!is_alive(pid));
    read(generation).await.failed(&["the model `tiny` was terminated"]);
    assert_eq!(host.supervisor.status(&uid), None);
    assert!(host.supervisor.terminate(&uid).await.is_err());
    let left: Vec<_> = std::fs::read_dir(host.dir.path())
        .unwrap()
        .flat_map(|folder| std::fs::read_dir(folder.unwrap().path()).unwrap())
        // The folder's own lock stays for as long as the supervisor.
        .filter(|entry| entry.as_ref().is_ok_and(|entry| entry.file_name() != "lock"))
        .collect();
    assert!(left.is_empty(), "sockets are left: {left:?}");
    // The name is free again.
    host.launch(spec(&[])).await;
    assert_eq!(host.reply(&uid, "new").await.text, "new");
}

#[tokio::test]
async fn requests_go_to_the_idlest_replica_and_survive_the_loss_of_one() {
    let mut twins = spec(&[]);
    twins.replicas = 2;
    let (host, uid) = Host::ready(twins).await;
    let both = |status: &supervisor::ModelStatus| {
        status.replicas.iter().all(|replica| replica.state == ModelState::Ready)
    };
    patiently(host.supervisor.until(&uid, both)).await.unwrap();
    let first = host.generate(&uid, ENDLESS).await;
    let second = host.generate(&uid, ENDLESS).await;
    let status = host.supervisor.status(&uid).unwrap();
    let loads: Vec<_> = status.replicas.iter().map(|replica| replica.in_flight).collect();
    assert_eq!((loads, status.in_flight), (vec![1, 1], 2));
    drop(second);
    host.reply(&uid, r#"{"fake": {"text": "x", "crash_after": 0}}"#).await.failed(&["SIGABRT"]);
    assert_eq!(host.supervisor.status(&uid).unwrap().state, ModelState::Ready);
    assert_eq!(host.reply(&uid, "still here").await.text, "still here");
    drop(first);
    host.idle(&uid).await;
    patiently(host.supervisor.until(&uid, both)).await.unwrap();
}

#[tokio::test]
async fn a_shutdown_lets_running_requests_finish_and_admits_no_more() {
    let (host, uid) = Host::ready(spec(&[])).await;
    let text = r#"{"fake": {"text": "x ", "tokens": 100, "delay_us": 2000}}"#;
    let mut generation = host.generate(&uid, text).await;
    assert!(matches!(patiently(generation.next()).await.unwrap().kind, EventKind::Started { .. }));
    let pid = host.pid(&uid);
    let supervisor = host.supervisor.clone();
    let mut shutdown = Box::pin(supervisor.shutdown(Duration::from_mins(1)));
    // The first poll closes the door.
    assert!(futures::poll!(&mut shutdown).is_pending());
    assert_eq!(
        host.supervisor.generate(&uid, say("late")).await.unwrap_err(),
        SupervisorError::ShuttingDown
    );
    assert_eq!(host.supervisor.launch(spec(&[])).unwrap_err(), SupervisorError::ShuttingDown);
    let (reply, ()) = tokio::join!(read(generation), patiently(shutdown));
    assert_eq!((reply.completion_tokens, reply.error), (100, None));
    assert!(!is_alive(pid));
}

#[tokio::test]
async fn a_shutdown_cuts_off_at_its_deadline() {
    let (host, uid) = Host::ready(spec(&[])).await;
    let generation = host.generate(&uid, ENDLESS).await;
    patiently(host.supervisor.shutdown(Duration::from_millis(10))).await;
    read(generation).await.failed(&["terminated"]);
    assert!(host.supervisor.statuses().is_empty());
}

/// What a worker may have of the host's environment, as far as this test's own has it.
const INHERITED: &[&str] =
    &["PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "RUST_LOG", "RUST_BACKTRACE"];

#[tokio::test]
async fn workers_get_no_more_environment_than_they_need() {
    let mut curious = spec(&["--show-environment"]);
    curious.env = vec![("TINY_SETTING".into(), "1".into())];
    let (host, uid) = Host::ready(curious).await;
    let shown = |log: &[String], name: &str| log.contains(&format!("environment: {name}"));
    // What is logged before the model is ready may arrive after the news that it is.
    host.reply(&uid, "x").await;
    let mut log = host.supervisor.log(&uid).unwrap();
    while !shown(&log, "TINY_SETTING") {
        tokio::task::yield_now().await;
        log = host.supervisor.log(&uid).unwrap();
    }
    let pid = host.pid(&uid);
    let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap();
    let environment = String::from_utf8(environment).unwrap();
    for expected in
        ["OMP_WAIT_POLICY=passive", "GOMP_SPINCOUNT=0", "GGML_NO_BACKTRACE=1", "TINY_SETTING=1"]
    {
        assert!(environment.split('\0').any(|pair| pair == expected), "{expected} is not set");
    }
    // Whatever runs the tests has set a name that the worker is not to see.
    let inherited = environment.split('\0').filter_map(|pair| pair.split('=').next());
    let foreign: Vec<_> = inherited
        .filter(|name| std::env::var_os(name).is_some() && !INHERITED.contains(name))
        .collect();
    assert!(foreign.is_empty(), "{foreign:?}");
}
