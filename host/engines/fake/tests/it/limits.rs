//! Too much at once.

use engine_protocol::{ErrorCode, EventKind, MAX_FRAME_BYTES};
use supervisor::SupervisorError;

use crate::common::{Host, patiently, read, say, spec};

const ENDLESS: &str = r#"{"fake": {"text": "x ", "tokens": 4000000000, "delay_us": 1000}}"#;

#[tokio::test]
async fn a_full_engine_refuses_at_once() {
    let mut small = spec(&["--parallel", "1"]);
    small.load.settings.queue = 1;
    let (host, uid) = Host::ready(small).await;
    let mut running = host.generate(&uid, ENDLESS).await;
    assert!(matches!(patiently(running.next()).await.unwrap().kind, EventKind::Started { .. }));
    let waiting = host.generate(&uid, "patience").await;
    let reply = host.reply(&uid, "too much").await;
    reply.failed(&["1 requests wait already"]);
    let error = reply.error.unwrap();
    assert_eq!((error.code, error.retry_after), (ErrorCode::Overloaded, Some(1)));
    drop(running);
    assert_eq!(read(waiting).await.text, "patience");
}

#[tokio::test]
async fn a_full_command_queue_refuses_at_once() {
    let host = Host::with(|options| options.command_queue = 2);
    let uid = host.launch(spec(&[])).await;
    // The worker's task cannot run in between on this thread.
    let first = host.generate(&uid, "first").await;
    let second = host.generate(&uid, "second").await;
    let refused = host.supervisor.generate(&uid, say("third")).await.unwrap_err();
    assert!(matches!(refused, SupervisorError::Overloaded { .. }), "{refused}");
    assert_eq!(read(first).await.text, "first");
    assert_eq!(read(second).await.text, "second");
    assert_eq!(host.supervisor.status(&uid).unwrap().in_flight, 0);
}

#[tokio::test]
async fn a_reader_that_does_not_drain_is_cancelled_alone() {
    let host = Host::with(|options| options.event_queue = 8);
    let uid = host.launch(spec(&[])).await;
    let lazy = host.generate(&uid, ENDLESS).await;
    // Its request is closed and its place freed without any reading.
    host.idle(&uid).await;
    assert_eq!(host.reply(&uid, "good").await.text, "good");
    let reply = read(lazy).await;
    assert!(reply.text.len() <= 16, "{}", reply.text);
    reply.failed(&["left 8 events unread"]);
}

#[tokio::test]
async fn a_prompt_longer_than_a_frame_fails_alone() {
    let (host, uid) = Host::ready(spec(&[])).await;
    let reply = host.reply(&uid, &"x".repeat(MAX_FRAME_BYTES)).await;
    assert_eq!(reply.error.unwrap().code, ErrorCode::PromptTooLong);
    assert_eq!(host.reply(&uid, "short").await.text, "short");
    assert_eq!(host.supervisor.status(&uid).unwrap().restarts, 0);
}

#[tokio::test]
async fn a_prompt_longer_than_the_context_is_refused() {
    let (host, uid) = Host::ready(spec(&["--context", "4"])).await;
    let reply = host.reply(&uid, "one two three four").await;
    reply.failed(&["the prompt has 4 tokens", "the context holds 4"]);
    assert_eq!(reply.error.unwrap().code, ErrorCode::PromptTooLong);
}
