//! Workers that crash, hang, or say what they should not.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use engine_protocol::{ErrorCode, EventKind};
use supervisor::{
    Cause, Check, ModelState, ModelStatus, RestartPolicy, SupervisorError, WorkerSpec,
};

use crate::common::{Host, is_alive, patiently, read, spec};

/// What a model that cannot run says of itself.
async fn cause(host: &Host, spec: WorkerSpec) -> Cause {
    let uid = spec.uid.clone();
    host.supervisor.launch(spec).unwrap();
    match patiently(host.supervisor.ready(&uid)).await {
        Err(SupervisorError::ModelFailed { cause, .. }) => {
            let status = host.supervisor.status(&uid).unwrap();
            assert_eq!(status.state, ModelState::Error);
            assert_eq!(status.error.as_ref(), Some(&cause));
            cause
        }
        other => panic!("not a failure: {other:?}"),
    }
}

#[track_caller]
fn check(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{text}` lacks `{part}`");
    }
}

#[tokio::test]
async fn a_crash_ends_its_requests_with_the_cause_and_the_worker_comes_back() {
    let (host, uid) = Host::ready(spec(&[])).await;
    let mut bystander = host
        .generate(&uid, r#"{"fake": {"text": "x ", "tokens": 1000000, "delay_us": 1000}}"#)
        .await;
    let begun = patiently(bystander.next()).await.unwrap();
    assert!(matches!(begun.kind, EventKind::Started { .. }));
    let mut generation =
        host.generate(&uid, r#"{"fake": {"text": "a b c d", "crash_after": 2}}"#).await;
    let mut text = String::new();
    let mut error = None;
    while let Some(event) = patiently(generation.next()).await {
        match event.kind {
            EventKind::Text { text: more, .. } => text.push_str(&more),
            EventKind::Failed(failure) => error = Some(failure),
            EventKind::Started { .. } | EventKind::Finished { .. } | EventKind::Segments { .. } => {
            }
        }
    }
    assert_eq!(text, "a b ");
    check(&error.unwrap().message, &["`tiny`", "SIGABRT", "the fake engine crashes, as told"]);
    assert!(matches!(generation.failure(), Some(SupervisorError::WorkerDied { .. })));
    read(bystander).await.failed(&["SIGABRT"]);

    patiently(host.supervisor.ready(&uid)).await.unwrap();
    let status = host.supervisor.status(&uid).unwrap();
    assert_eq!((status.restarts, status.error, status.in_flight), (1, None, 0));
    assert_eq!(host.reply(&uid, "again").await.text, "again");
}

#[tokio::test]
async fn a_crash_while_loading_is_tried_again() {
    let host = Host::new();
    let file = host.dir.path().join("crash");
    std::fs::write(&file, "").unwrap();
    let uid = host.launch(spec(&["--crash-once", file.to_str().unwrap()])).await;
    assert_eq!(host.supervisor.status(&uid).unwrap().restarts, 1);
    assert_eq!(host.reply(&uid, "at last").await.text, "at last");
}

#[tokio::test]
async fn a_crash_loop_is_given_up() {
    let host = Host::new();
    let looping = spec(&["--crash-on-load"]);
    let uid = looping.uid.clone();
    let cause = cause(&host, looping).await;
    check(
        &cause.to_string(),
        &["SIGABRT", "while it loads, as told", "given up after 3 crashes", "tried again"],
    );
    check(cause.brief(), &["SIGABRT", "given up after 3 crashes"]);
    assert!(!cause.brief().contains("as told"), "a line of the log: {}", cause.brief());
    let refused = host.supervisor.generate(&uid, crate::common::say("x")).await.unwrap_err();
    assert_eq!(refused, SupervisorError::ModelFailed { uid: uid.clone(), cause });
    // A model that is given up makes place for one that works.
    host.launch(spec(&[])).await;
    assert_eq!(host.reply(&uid, "fine").await.text, "fine");
}

#[tokio::test]
async fn a_model_that_was_given_up_is_tried_again() {
    let host = Host::new();
    let mut looping = spec(&["--crash-on-load"]);
    looping.restart.window = Duration::from_millis(300);
    looping.restart.first_delay = Duration::from_millis(1);
    let uid = looping.uid.clone();
    host.supervisor.launch(looping).unwrap();
    let failed = |status: &ModelStatus| status.state == ModelState::Error;
    let tries = patiently(host.supervisor.until(&uid, failed)).await.unwrap().restarts;
    patiently(host.supervisor.until(&uid, |status| status.restarts > tries)).await.unwrap();
}

#[tokio::test]
async fn what_keeps_a_model_from_coming_back_may_pass() {
    let blocked = Arc::new(AtomicBool::new(false));
    let check = Check::new({
        let blocked = Arc::clone(&blocked);
        move || {
            let blocked = blocked.load(Ordering::SeqCst);
            if blocked { Err(Cause::new("no memory", "no memory")) } else { Ok(()) }
        }
    });
    let restart = RestartPolicy { max_crashes: 100, ..spec(&[]).restart };
    let (host, uid) = Host::ready(WorkerSpec { check, restart, ..spec(&[]) }).await;

    blocked.store(true, Ordering::SeqCst);
    host.reply(&uid, r#"{"fake": {"text": "a", "crash_after": 1}}"#).await.failed(&["SIGABRT"]);
    let refused = |status: &ModelStatus| {
        status.restarts > 1 && status.error.as_ref().is_some_and(|c| c.brief() == "no memory")
    };
    patiently(host.supervisor.until(&uid, refused)).await.unwrap();

    blocked.store(false, Ordering::SeqCst);
    patiently(host.supervisor.ready(&uid)).await.unwrap();
    assert_eq!(host.reply(&uid, "back").await.text, "back");
}

#[tokio::test]
async fn a_check_that_fails_at_first_is_the_model_s_fault() {
    let check =
        Check::new(|| Err(Cause::new("/folder/a.gguf is cut short", "a.gguf is cut short")));
    let cause = cause(&Host::new(), WorkerSpec { check, ..spec(&[]) }).await;
    assert_eq!(cause.brief(), "a.gguf is cut short");
}

#[tokio::test]
async fn while_a_worker_waits_for_its_restart_the_cause_is_known() {
    let host = Host::new();
    let mut patient = spec(&["--crash-on-load"]);
    patient.restart = RestartPolicy { first_delay: Duration::from_hours(1), ..patient.restart };
    let uid = patient.uid.clone();
    host.supervisor.launch(patient).unwrap();
    let crashed = |status: &supervisor::ModelStatus| status.error.is_some();
    let status = patiently(host.supervisor.until(&uid, crashed)).await.unwrap();
    assert_eq!((status.state, status.replicas[0].pid), (ModelState::Creating, None));
    let refused = host.supervisor.generate(&uid, crate::common::say("x")).await.unwrap_err();
    let SupervisorError::Loading { retry_after, .. } = &refused else { panic!("{refused:?}") };
    assert_eq!(*retry_after, Duration::from_secs(30), "it has never served");
    check(&refused.to_string(), &["loading (0 %) after this failure: it was ended by SIGABRT"]);
    patiently(host.supervisor.terminate(&uid)).await.unwrap();
}

#[tokio::test]
async fn a_killed_worker_comes_back() {
    let (host, uid) = Host::ready(spec(&[])).await;
    let mut generation = host
        .generate(&uid, r#"{"fake": {"text": "x ", "tokens": 1000000, "delay_us": 1000}}"#)
        .await;
    assert!(patiently(generation.next()).await.is_some());
    let pid = host.pid(&uid);
    let number = rustix::process::Pid::from_raw(pid.try_into().unwrap()).unwrap();
    rustix::process::kill_process(number, rustix::process::Signal::KILL).unwrap();
    read(generation).await.failed(&["SIGKILL", "memory"]);
    assert!(!is_alive(pid));
    patiently(host.supervisor.ready(&uid)).await.unwrap();
    assert_ne!(host.pid(&uid), pid);
}

#[tokio::test]
async fn requests_wait_while_a_worker_is_started_again() {
    let host = Host::new();
    let mut slow = spec(&[]);
    slow.restart.first_delay = Duration::from_millis(300);
    let uid = host.launch(slow).await;
    for _ in 0..2 {
        let reply = host.reply(&uid, r#"{"fake": {"text": "a b", "crash_after": 1}}"#).await;
        reply.failed(&["SIGABRT"]);
        let (one, two) = tokio::join!(host.reply(&uid, "one"), host.reply(&uid, "two"));
        assert_eq!((one.text.as_str(), two.text.as_str()), ("one", "two"));
        let tokens = host.supervisor.tokenize(&uid, crate::common::prompt("three")).await;
        assert!(tokens.is_ok(), "{tokens:?}");
    }
}

#[tokio::test]
async fn requests_do_not_wait_for_ever() {
    let host = Host::with(|options| options.restart_wait = Duration::from_millis(20));
    let mut late = spec(&[]);
    late.restart.first_delay = Duration::from_hours(1);
    late.restart.max_delay = Duration::from_hours(1);
    let uid = host.launch(late).await;
    host.reply(&uid, r#"{"fake": {"text": "a b", "crash_after": 1}}"#).await.failed(&["SIGABRT"]);
    let refused = patiently(host.supervisor.generate(&uid, crate::common::say("x"))).await;
    assert!(
        matches!(refused.as_ref().unwrap_err(), SupervisorError::Loading { cause: Some(_), .. }),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_hung_worker_is_killed() {
    let host = Host::new();
    let mut nervous = spec(&[]);
    nervous.hang_after = Duration::from_secs(3);
    let uid = host.launch(nervous).await;
    let pid = host.pid(&uid);
    let reply = host.reply(&uid, r#"{"fake": {"text": "a b c", "hang_after": 1}}"#).await;
    assert_eq!(reply.text, "a ");
    reply.failed(&["it was hung: no sign of life for 3s"]);
    assert!(!is_alive(pid));
    patiently(host.supervisor.ready(&uid)).await.unwrap();
    assert_eq!(host.reply(&uid, "alive").await.text, "alive");
}

#[tokio::test]
async fn a_frame_of_garbage_ends_the_worker_alone() {
    let (host, uid) = Host::ready(spec(&[])).await;
    let reply = host.reply(&uid, r#"{"fake": {"text": "a b c", "garbage_after": 1}}"#).await;
    assert_eq!(reply.text, "a ");
    reply.failed(&["no message of this protocol"]);
    patiently(host.supervisor.ready(&uid)).await.unwrap();
    assert_eq!(host.reply(&uid, "clean").await.text, "clean");
}

#[tokio::test]
async fn a_wrong_version_is_refused_with_both_named() {
    let cause = cause(&Host::new(), spec(&["--wrong-version"])).await;
    check(&cause.to_string(), &["`fake` speaks 2 to 3", "engine protocol 1 to 1", "same release"]);
}

#[tokio::test]
async fn a_load_failure_is_shown_as_the_engine_says_it() {
    let cause = cause(&Host::new(), spec(&["--load-fails", "`block_count` is 0"])).await;
    assert_eq!(cause.to_string(), "`block_count` is 0");
}

#[tokio::test]
async fn a_bad_argument_is_in_the_cause() {
    let cause = cause(&Host::new(), spec(&["--no-such-flag"])).await;
    check(&cause.to_string(), &["exited with code 2", "--no-such-flag"]);
}

#[tokio::test]
async fn a_missing_engine_is_named_with_the_remedy() {
    let missing = WorkerSpec { program: "/no/such/engine-llama".into(), ..spec(&[]) };
    let cause = cause(&Host::new(), missing).await;
    check(&cause.to_string(), &["`/no/such/engine-llama` is not there", "cargo xtask run"]);
    check(cause.brief(), &["`engine-llama` is not there"]);
}

#[tokio::test]
async fn a_program_that_is_no_engine_is_given_up_in_time() {
    let host = Host::with(|options| options.start_limit = Duration::from_millis(50));
    let mut silent = spec(&[]);
    silent.program = "/bin/sh".into();
    silent.args = vec!["-c".into(), "sleep 1000".into()];
    silent.restart.max_crashes = 1;
    check(
        &cause(&host, silent).await.to_string(),
        &["no engine has connected and greeted within 50ms"],
    );
}

#[tokio::test]
async fn what_the_engine_refuses_is_the_only_event() {
    let (host, uid) = Host::ready(spec(&[])).await;
    let fail = r#"{"fake": {"fail": "invalid_constraint", "message": "the schema is cyclic"}}"#;
    let mut generation = host.generate(&uid, fail).await;
    let event = patiently(generation.next()).await.unwrap();
    let EventKind::Failed(error) = event.kind else { panic!("{event:?}") };
    assert_eq!(
        (error.code, error.message.as_str()),
        (ErrorCode::InvalidConstraint, "the schema is cyclic")
    );
    assert_eq!(generation.failure(), None);
    assert!(generation.next().await.is_none());
}
