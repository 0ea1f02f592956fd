//! What a healthy worker answers.

use engine_protocol::{EventKind, Finish};
use futures::{StreamExt, stream};

use crate::common::{Host, patiently, prompt, read, say, spec};

#[tokio::test]
async fn a_reply_is_streamed() {
    let (host, uid) = Host::ready(spec(&[])).await;
    let mut generation = host.generate(&uid, "once upon a time").await;
    let mut kinds = Vec::new();
    while let Some(event) = patiently(generation.next()).await {
        assert_eq!(event.request, generation.request());
        kinds.push(event.kind);
    }
    assert_eq!(kinds[0], EventKind::Started { prompt_tokens: 4, cached_tokens: 0 });
    let finished = EventKind::Finished { reason: Finish::Stop, completion_tokens: 4 };
    assert_eq!(kinds[5], finished);
    assert_eq!(kinds.len(), 6);
    assert_eq!(generation.failure(), None);
    assert!(generation.next().await.is_none());
}

#[tokio::test]
async fn limits_stops_sequences_and_probabilities() {
    let (host, uid) = Host::ready(spec(&[])).await;
    let mut generate = say("one two three four");
    generate.max_tokens = Some(3);
    generate.sequences = 2;
    generate.logprobs = Some(4);
    let mut generation = host.supervisor.generate(&uid, generate).await.unwrap();
    let mut texts = [String::new(), String::new()];
    while let Some(event) = patiently(generation.next()).await {
        if let EventKind::Text { text, logprobs, .. } = event.kind {
            assert_eq!(logprobs[0].chosen.bytes, text.as_bytes());
            assert_eq!(logprobs[0].top.len(), 4);
            texts[event.sequence as usize].push_str(&text);
        }
    }
    assert_eq!(texts, ["one two three ", "one two three "]);

    let mut generate = say("one two three four");
    generate.stop = vec!["o thr".into()];
    let reply = read(host.supervisor.generate(&uid, generate).await.unwrap()).await;
    assert_eq!((reply.text.as_str(), &reply.finishes[..]), ("one tw", &[Finish::Stop][..]));

    let shown = host.reply(&uid, r#"{"fake": {"show_prompt": true}}"#).await.text;
    assert!(shown.contains("show_prompt"), "{shown}");
    let reply = host.reply(&uid, r#"{"fake": {"text": "4.", "tokens": 3}}"#).await;
    assert_eq!(reply.text, "4.4.4.");
}

#[tokio::test]
async fn a_prompt_is_tokenized() {
    let (host, uid) = Host::ready(spec(&[])).await;
    let tokens = host.supervisor.tokenize(&uid, prompt("to be or to be")).await.unwrap();
    assert_eq!(tokens.len(), 5);
    assert_eq!(tokens[0], tokens[3]);
}

#[tokio::test]
async fn dropping_a_generation_frees_its_place() {
    let (host, uid) = Host::ready(spec(&["--parallel", "1"])).await;
    let endless = r#"{"fake": {"text": "on and on ", "tokens": 4000000000, "delay_us": 1000}}"#;
    let mut first = host.generate(&uid, endless).await;
    let second = host.generate(&uid, "next").await;
    // The first one runs, the second one waits for its place.
    let started = patiently(first.next()).await.unwrap();
    assert!(matches!(started.kind, EventKind::Started { .. }));
    assert_eq!(host.supervisor.status(&uid).unwrap().in_flight, 2);
    drop(first);
    assert_eq!(read(second).await.text, "next");
    host.idle(&uid).await;
}

#[tokio::test]
async fn a_request_dropped_before_it_was_sent_never_reaches_the_engine() {
    let (host, uid) = Host::ready(spec(&[])).await;
    // Nothing else runs on this thread between the two lines.
    drop(host.generate(&uid, "never heard of").await);
    assert_eq!(host.reply(&uid, "heard").await.text, "heard");
    let read = |status: &supervisor::ModelStatus| status.stats.prompt_tokens > 0;
    let status = patiently(host.supervisor.until(&uid, read)).await.unwrap();
    assert_eq!(status.stats.prompt_tokens, 1);
    assert_eq!(status.in_flight, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_requests_leave_nothing_behind() {
    const REQUESTS: u64 = 5000;
    let (host, uid) = Host::ready(spec(&[])).await;
    let replies = stream::iter(0..REQUESTS).map(|number| {
        let (host, uid) = (&host, &uid);
        async move {
            let generation = host.generate(uid, &format!("request number {number}")).await;
            // Each tenth client goes away at once.
            (number % 10 != 0).then_some(())?;
            Some(read(generation).await.text == format!("request number {number}"))
        }
    });
    let right = replies.buffer_unordered(48).filter(|right| {
        let right = right.unwrap_or(true);
        async move { right }
    });
    assert_eq!(right.count().await as u64, REQUESTS);
    host.idle(&uid).await;
    let said = |status: &supervisor::ModelStatus| {
        status.stats.completion_tokens >= 3 * (REQUESTS - REQUESTS / 10)
    };
    patiently(host.supervisor.until(&uid, said)).await.unwrap();
}
