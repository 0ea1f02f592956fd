//! Requests that are begun once more, because their worker died before it had said anything of them.

use std::time::Duration;

use engine_protocol::{EventKind, LoadSettings};
use rustix::process::{Pid, Signal, kill_process};

use crate::common::{Host, patiently, read, spec};

fn signal(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(pid.try_into().unwrap()).unwrap(), signal).unwrap();
}

/// A model with one place.
fn single() -> supervisor::WorkerSpec {
    let mut spec = spec(&["--parallel", "1"]);
    spec.load.settings = LoadSettings { queue: 100, ..LoadSettings::default() };
    spec
}

#[tokio::test]
async fn a_crash_costs_the_request_that_ran_and_none_that_waited() {
    let (host, uid) = Host::ready(single()).await;
    let script = r#"{"fake": {"text": "a b c", "crash_after": 2, "delay_us": 100000}}"#;
    let mut guilty = host.generate(&uid, script).await;
    assert!(matches!(patiently(guilty.next()).await.unwrap().kind, EventKind::Started { .. }));
    let mut waiting = Vec::new();
    for number in 0..10 {
        waiting.push(host.generate(&uid, &format!("number {number}")).await);
    }
    read(guilty).await.failed(&["SIGABRT"]);
    let replies = futures::future::join_all(waiting.into_iter().map(read)).await;
    for (number, reply) in replies.iter().enumerate() {
        assert_eq!((reply.text.as_str(), &reply.error), (&*format!("number {number}"), &None));
    }
    host.idle(&uid).await;
    assert_eq!(host.supervisor.status(&uid).unwrap().restarts, 1);
}

#[tokio::test]
async fn a_request_that_crashes_its_worker_before_it_is_answered_is_begun_twice_and_no_more() {
    let (host, uid) = Host::ready(single()).await;
    let guilty = host.generate(&uid, r#"{"fake": {"text": "a", "crash_after": 0}}"#).await;
    let waiting = host.generate(&uid, "patient").await;
    let (guilty, waiting) = tokio::join!(read(guilty), read(waiting));
    guilty.failed(&["SIGABRT"]);
    assert_eq!((waiting.text.as_str(), waiting.error), ("patient", None));
    patiently(host.supervisor.until(&uid, |status| status.restarts == 2)).await.unwrap();
    patiently(host.supervisor.ready(&uid)).await.unwrap();
    assert_eq!(host.supervisor.status(&uid).unwrap().restarts, 2);
}

#[tokio::test]
async fn requests_that_were_sent_while_a_worker_hung_are_not_lost() {
    let mut nervous = spec(&[]);
    nervous.hang_after = Duration::from_secs(4);
    let (host, uid) = Host::ready(nervous).await;
    let mut guilty = host.generate(&uid, r#"{"fake": {"text": "a b c", "hang_after": 1}}"#).await;
    assert!(matches!(patiently(guilty.next()).await.unwrap().kind, EventKind::Started { .. }));
    let later: Vec<_> = futures::future::join_all((0..5).map(|_| host.generate(&uid, "x"))).await;
    let replies = futures::future::join_all(later.into_iter().map(read)).await;
    assert!(replies.iter().all(|reply| reply.text == "x" && reply.error.is_none()), "{replies:?}");
    read(guilty).await.failed(&["it was hung"]);
}

#[tokio::test]
async fn a_request_that_is_given_up_meanwhile_is_not_begun_again() {
    let mut late = single();
    late.restart.first_delay = Duration::from_millis(200);
    let (host, uid) = Host::ready(late).await;
    // It stands still, so that nothing is answered before its end.
    signal(host.pid(&uid), Signal::STOP);
    let mut gone = host.generate(&uid, "gone").await;
    let mut stays = host.generate(&uid, "stays").await;
    let pid = host.pid(&uid);
    signal(pid, Signal::KILL);
    let dead = |status: &supervisor::ModelStatus| status.replicas[0].pid != Some(pid);
    patiently(host.supervisor.until(&uid, dead)).await.unwrap();
    assert!(futures::poll!(std::pin::pin!(gone.next())).is_pending());
    assert!(futures::poll!(std::pin::pin!(stays.next())).is_pending());
    drop(gone);
    assert_eq!(read(stays).await.text, "stays");
    let counted = |status: &supervisor::ModelStatus| status.stats.completion_tokens > 0;
    let status = patiently(host.supervisor.until(&uid, counted)).await.unwrap();
    assert_eq!((status.stats.completion_tokens, status.in_flight), (1, 0));
}

#[tokio::test]
async fn what_was_answered_already_is_not_begun_again() {
    let (host, uid) = Host::ready(spec(&[])).await;
    let endless = r#"{"fake": {"text": "x ", "tokens": 1000000, "delay_us": 1000}}"#;
    let mut generation = host.generate(&uid, endless).await;
    assert!(patiently(generation.next()).await.is_some());
    signal(host.pid(&uid), Signal::KILL);
    read(generation).await.failed(&["SIGKILL"]);
}
