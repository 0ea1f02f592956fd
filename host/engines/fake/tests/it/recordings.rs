//! Recordings on their way to an engine, and what comes back.

use std::time::Duration;

use engine_protocol::{
    DecodingPlan, ErrorCode, EventKind, Finish, LoadSettings, SAMPLE_RATE, Task, Transcribe,
};
use supervisor::{AudioSender, NoListener, SupervisorError, Transcription, WorkerSpec};

use crate::common::{Host, patiently, spec};

/// Bytes of a second of audio.
const SECOND: usize = SAMPLE_RATE as usize * 2;

fn transcribe(script: &str) -> Transcribe {
    let plan = DecodingPlan {
        start: Vec::new(),
        language: None,
        languages: Vec::new(),
        task: Task::Transcribe,
        previous: None,
        prompt: Some(script.to_owned()),
        prompt_tokens: 0,
        carry_prompt: false,
        context_tokens: 0,
        timestamps: None,
        suppress: Vec::new(),
        suppress_first: Vec::new(),
        end: 0,
        no_speech: 0,
        temperatures: vec![0.0],
        entropy_threshold: 2.4,
        logprob_threshold: -1.0,
        no_speech_threshold: 0.6,
        beam_size: 1,
        best_of: 1,
        max_tokens: 224,
        token_times: false,
    };
    Transcribe { request: 0, plan }
}

/// A recording that goes on and on.
async fn endless(sender: AudioSender) {
    while sender.send(vec![1; 1 << 20], false).await.is_ok() {}
}

async fn begin(host: &Host, uid: &model::ModelUid, script: &str) -> (AudioSender, Transcription) {
    host.supervisor.transcribe(uid, transcribe(script)).await.unwrap()
}

/// What was written down, and how it ended.
async fn read(mut transcription: Transcription) -> (Vec<String>, EventKind) {
    let mut said = Vec::new();
    while let Some(event) = patiently(transcription.next()).await {
        match event.kind {
            EventKind::Segments { segments, .. } => {
                said.extend(segments.into_iter().map(|segment| {
                    let bytes = segment.tokens.into_iter().flat_map(|token| token.bytes);
                    String::from_utf8(bytes.collect()).unwrap()
                }));
            }
            ended => return (said, ended),
        }
    }
    panic!("the transcript has no end");
}

#[tokio::test]
async fn a_recording_arrives_in_pieces_of_any_size_and_is_written_down() {
    let (host, uid) = Host::ready(spec(&[])).await;
    let (sender, transcription) = begin(&host, &uid, "").await;
    // More than one message may hold, and less than a sample's worth of seconds.
    patiently(sender.send(vec![1; 100 * SECOND], false)).await.unwrap();
    patiently(sender.send(vec![1; SECOND / 2], false)).await.unwrap();
    patiently(sender.send(vec![1; SECOND / 2], true)).await.unwrap();
    let (said, ended) = read(transcription).await;
    assert_eq!(said.len(), 101);
    assert_eq!(said.last().map(String::as_str), Some(" second 101"));
    assert!(matches!(ended, EventKind::Finished { reason: Finish::Stop, completion_tokens: 202 }));
    host.idle(&uid).await;
    // What comes too late goes nowhere, and nothing waits for it.
    patiently(sender.send(vec![1; SECOND], true)).await.unwrap();
}

#[tokio::test]
async fn a_dead_engine_ends_its_recordings_with_a_cause() {
    let (host, uid) = Host::ready(spec(&[])).await;
    let (sender, transcription) = begin(&host, &uid, r#"{"fake":{"crash_after":1}}"#).await;
    let (other, bystander) = begin(&host, &uid, "").await;
    let (_silent, mut unheard) = begin(&host, &uid, "").await;
    other.send(vec![1; SECOND], false).await.unwrap();
    sender.send(vec![1; 2 * SECOND], false).await.unwrap();
    let (said, ended) = read(transcription).await;
    assert_eq!(said, [" second 1"]);
    let EventKind::Failed(error) = ended else { panic!("{ended:?}") };
    assert!(error.message.contains("SIGABRT"), "{}", error.message);
    assert!(matches!(read(bystander).await.1, EventKind::Failed(_)));
    // Of this one nothing was written down.
    let event = patiently(unheard.next()).await.unwrap();
    assert!(matches!(event.kind, EventKind::Failed(_)), "{event:?}");
    let retry = unheard.retry().unwrap();
    let again = host.supervisor.transcribe_again(&uid, transcribe(""), retry, 0);
    let (sender_again, transcription) = patiently(again).await.unwrap();
    patiently(sender_again.send(vec![1; SECOND], true)).await.unwrap();
    assert_eq!(read(transcription).await.0, [" second 1"]);
    // A sender that waits for a place is told as well.
    patiently(endless(sender)).await;
    assert_eq!(patiently(other.send(Vec::new(), true)).await, Err(NoListener));
    patiently(host.supervisor.ready(&uid)).await.unwrap();
}

#[tokio::test]
async fn audio_waits_where_it_comes_from_while_the_engine_does_not_read() {
    let hung = WorkerSpec { hang_after: Duration::from_secs(2), ..spec(&[]) };
    let (host, uid) = Host::ready(hung).await;
    let (sender, mut transcription) = begin(&host, &uid, r#"{"fake":{"hang_after":0}}"#).await;
    // It never gets rid of all of this, and is told so when the engine is given up.
    patiently(endless(sender)).await;
    let event = patiently(transcription.next()).await.unwrap();
    let EventKind::Failed(error) = event.kind else { panic!("{event:?}") };
    assert!(error.message.contains("hung"), "{}", error.message);
    assert!(matches!(transcription.failure(), Some(SupervisorError::WorkerDied { .. })));
}

#[tokio::test]
async fn a_transcription_that_is_dropped_is_cancelled() {
    let (host, uid) = Host::ready(spec(&[])).await;
    let (sender, mut transcription) = begin(&host, &uid, r#"{"fake":{"delay_us":1000}}"#).await;
    sender.send(vec![1; 10_000 * SECOND / 100], false).await.unwrap();
    assert!(patiently(transcription.next()).await.is_some());
    drop(transcription);
    host.idle(&uid).await;
    patiently(sender.send(vec![1; SECOND], false)).await.unwrap();
}

#[tokio::test]
async fn recordings_wait_for_a_place_and_too_many_are_refused() {
    let settings = LoadSettings { parallel: 1, queue: 1, ..LoadSettings::default() };
    let few = spec(&[]);
    let load = engine_protocol::Load { settings, ..few.load.clone() };
    let (host, uid) = Host::ready(WorkerSpec { load, ..few }).await;
    let (first, one) = begin(&host, &uid, "").await;
    let (second, two) = begin(&host, &uid, "").await;
    let (_, three) = begin(&host, &uid, "").await;
    let EventKind::Failed(error) = read(three).await.1 else { panic!("a third one had a place") };
    assert_eq!((error.code, error.retry_after), (ErrorCode::Overloaded, Some(1)));
    second.send(vec![1; SECOND], true).await.unwrap();
    first.send(vec![1; SECOND], true).await.unwrap();
    assert_eq!(read(one).await.0, [" second 1"]);
    assert_eq!(read(two).await.0, [" second 1"]);
}
