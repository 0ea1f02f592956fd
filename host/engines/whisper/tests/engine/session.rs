//! Recordings beside each other, and the ends that they may come to.

use std::time::{Duration, Instant};

use engine_protocol::{
    Audio, DecodingPlan, ErrorCode, Finish, FromEngine, Generate, LoadSettings, Prompt, Sampling,
    ToEngine, Tokenize,
};

use crate::support::{Host, SMALLEST, Size, join, model, plain, settings, silence, smallest, tone};

fn host(settings: LoadSettings) -> Host {
    Host::start(smallest(), settings).unwrap()
}

/// Passages of different lengths and pitches, with pauses that end pieces.
fn passages(count: usize) -> (Vec<i16>, Vec<(f64, f64)>) {
    let mut samples = Vec::new();
    let mut spans = Vec::new();
    for at in 0..count {
        samples.extend(silence(2.5));
        let start = samples.len() as f64 / 16_000.0;
        samples.extend(tone(1.0 + 0.25 * (at % 3) as f64, 250.0 + 60.0 * at as f64));
        spans.push((start, samples.len() as f64 / 16_000.0));
    }
    samples.extend(silence(1.0));
    (samples, spans)
}

#[test]
fn pieces_are_decoded_side_by_side_and_come_in_the_order_of_time() {
    let (samples, spans) = passages(7);
    let mut host = host(LoadSettings { threads: 2, ..settings() });
    let outcome = host.transcribe(plain(), &samples);
    assert_eq!(outcome.finish, Some(Finish::Stop));
    let found = outcome.spans();
    assert_eq!(found.len(), spans.len(), "{found:?}");
    for (found, expect) in found.iter().zip(&spans) {
        let near = (found.0 - expect.0).abs() < 0.1 && (found.1 - expect.1).abs() < 0.1;
        assert!(near, "{found:?} is not {expect:?}");
    }
    // One worker alone gives the same.
    let mut single = Host::start(smallest(), settings()).unwrap();
    assert_eq!(single.transcribe(plain(), &samples).segments, outcome.segments);
    host.shut().unwrap();
    single.shut().unwrap();
}

#[test]
fn many_recordings_at_once_give_what_each_gives_alone() {
    let recordings: Vec<Vec<i16>> = (1..=6).map(|count| passages(count).0).collect();
    let mut host = host(LoadSettings { threads: 2, ..settings() });
    let alone: Vec<_> =
        recordings.iter().map(|samples| host.transcribe(plain(), samples)).collect();
    for request in 0..6 {
        host.open(request, plain());
    }
    for (request, samples) in (0..6).zip(&recordings) {
        host.send(request, samples, true);
    }
    let together = host.ends();
    for (request, outcome) in together {
        assert_eq!(outcome.segments, alone[request as usize].segments, "request {request}");
    }
    host.shut().unwrap();
}

#[test]
fn a_long_recording_does_not_hold_up_a_short_one() {
    let mut host = host(settings());
    host.open(1, plain());
    host.send(1, &passages(30).0, true);
    host.open(2, plain());
    host.send(2, &tone(1.0, 300.0), true);
    let ends = host.ends();
    assert_eq!((ends[0].0, ends[1].0), (2, 1));
    host.shut().unwrap();
}

#[test]
fn work_begins_while_sound_is_still_coming() {
    let mut host = host(settings());
    host.open(1, plain());
    // Half a minute, and no end.
    host.send(1, &passages(9).0, false);
    let until = loop {
        if let FromEngine::Step(events) = host.next() {
            let segments = events.into_iter().find_map(|event| match event.kind {
                engine_protocol::EventKind::Segments { segments, until_ms }
                    if !segments.is_empty() =>
                {
                    Some(until_ms)
                }
                _ => None,
            });
            if let Some(until) = segments {
                break until;
            }
        }
    };
    assert!(until > 3000, "{until}");
    host.send(1, &[], true);
    assert_eq!(host.ends()[0].1.finish, Some(Finish::Stop));
    host.shut().unwrap();
}

#[test]
fn silence_is_not_decoded() {
    let mut host = host(settings());
    let begun = Instant::now();
    for samples in [Vec::new(), silence(0.01), silence(1800.0)] {
        let seconds = samples.len() as u32 / 16_000;
        let outcome = host.transcribe(plain(), &samples);
        assert_eq!((outcome.finish, outcome.segments.len()), (Some(Finish::Stop), 0));
        assert!(seconds == 0 || outcome.until.last() == Some(&(seconds * 1000)));
    }
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    host.shut().unwrap();
}

#[test]
fn a_cancelled_recording_ends_at_once_and_others_go_on() {
    // Slow enough that a decode is surely going on.
    let (_folder, path) = model(Size { width: 256, heads: 4, layers: 4, ..SMALLEST });
    let mut host = Host::start(&path, settings()).unwrap();
    host.open(1, DecodingPlan { max_tokens: 220, ..plain() });
    host.send(1, &passages(20).0, true);
    host.open(2, plain());
    host.send(2, &tone(1.0, 300.0), true);
    let begun = Instant::now();
    host.say(ToEngine::Cancel { request: 1 });
    let ends = host.ends();
    let cancelled = &ends.iter().find(|(request, _)| *request == 1).unwrap().1;
    assert_eq!(cancelled.finish, Some(Finish::Cancelled));
    assert_eq!(ends[0].0, 1);
    assert!(begun.elapsed() < Duration::from_secs(30));
    // To cancel what has ended is no error, and its sound is ignored.
    host.say(ToEngine::Cancel { request: 1 });
    host.send(1, &tone(1.0, 300.0), true);
    assert_eq!(host.transcribe(plain(), &tone(1.0, 300.0)).finish, Some(Finish::Stop));
    host.shut().unwrap();
}

#[test]
fn limits_are_kept_and_named() {
    let mut host = host(LoadSettings { audio_seconds: 3, parallel: 1, queue: 1, ..settings() });
    let error = host.transcribe(plain(), &tone(3.5, 300.0)).error.unwrap();
    assert_eq!(error.code, ErrorCode::Invalid);
    assert!(error.message.contains("3 s is the limit"), "{error}");
    for request in 10..13 {
        host.open(request, plain());
    }
    let [(12, refused)] = &host.ends_of(1)[..] else { panic!("another was refused") };
    let error = refused.error.clone().unwrap();
    assert_eq!(error.code, ErrorCode::Overloaded);
    assert!(error.retry_after.is_some_and(|seconds| seconds >= 1), "{error:?}");
    host.send(10, &tone(0.5, 300.0), true);
    host.send(11, &tone(0.5, 300.0), true);
    assert!(host.ends().iter().all(|(_, outcome)| outcome.finish == Some(Finish::Stop)));
    // Odd bytes, and sound after the end.
    host.open(20, plain());
    host.say(ToEngine::Audio(Audio { request: 20, samples: vec![1], last: false }));
    assert_eq!(host.ends()[0].1.error.clone().unwrap().code, ErrorCode::Invalid);
    host.shut().unwrap();
}

#[test]
fn a_request_number_is_used_once() {
    let mut host = host(settings());
    host.open(1, plain());
    host.say(ToEngine::Transcribe(Box::new(engine_protocol::Transcribe {
        request: 1,
        plan: plain(),
    })));
    let error = host.ends()[0].1.error.clone().unwrap();
    assert!(error.message.contains("request 1 is open"), "{error}");
    host.shut().unwrap();
}

#[test]
fn what_only_a_language_model_can_do_is_refused() {
    let host = host(settings());
    let generate = Generate {
        request: 5,
        prompt: Prompt::default(),
        sampling: Sampling::default(),
        sequences: 1,
        max_tokens: None,
        stop: Vec::new(),
        stop_tokens: Vec::new(),
        constraint: None,
        logprobs: None,
        lora: None,
        cache_salt: String::new(),
    };
    host.say(ToEngine::Generate(Box::new(generate)));
    host.say(ToEngine::Tokenize(Tokenize { request: 6, prompt: Prompt::default() }));
    let mut refused = 0;
    while refused < 2 {
        match host.next() {
            FromEngine::Step(events) => {
                let engine_protocol::EventKind::Failed(error) = &events[0].kind else {
                    panic!("{events:?}")
                };
                assert_eq!(error.code, ErrorCode::Unsupported);
                refused += 1;
            }
            FromEngine::Tokens { request: 6, tokens: Err(error) } => {
                assert_eq!(error.code, ErrorCode::Unsupported);
                refused += 1;
            }
            FromEngine::Heartbeat(_) => {}
            other => panic!("{other:?}"),
        }
    }
    host.shut().unwrap();
}

#[test]
fn an_engine_shows_that_it_is_alive_idle_and_busy() {
    let (_folder, path) = model(Size { width: 256, heads: 4, layers: 4, ..SMALLEST });
    let mut host = Host::start(&path, settings()).unwrap();
    for busy in [false, true] {
        if busy {
            host.open(1, DecodingPlan { max_tokens: 220, ..plain() });
            host.send(1, &join(&[passages(8).0]), true);
        }
        let begun = Instant::now();
        let mut beats = 0;
        while beats < 3 {
            if let FromEngine::Heartbeat(stats) = host.next() {
                assert!(stats.kv_total > 0);
                beats += 1;
            }
        }
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    }
    host.leave().unwrap();
}
