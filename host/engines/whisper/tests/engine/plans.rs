//! Decoding plans, honoured or refused.

use engine_protocol::{
    DecodingPlan, ErrorCode, Finish, LoadSettings, StartToken, Task, TimestampRules,
};

use crate::support::{
    Host, Outcome, SMALLEST, Size, english, join, model, multilingual, plain, settings, silence,
    smallest, tone,
};

fn english_host() -> Host {
    Host::start(smallest(), settings()).unwrap()
}

#[track_caller]
fn check_refused(host: &mut Host, plan: DecodingPlan, part: &str) {
    let error = host.transcribe(plan, &tone(0.5, 300.0)).error.unwrap();
    assert_eq!(error.code, ErrorCode::Invalid);
    assert!(error.message.contains(part), "`{error}` lacks `{part}`");
}

fn ids(outcome: &Outcome) -> Vec<u32> {
    outcome.segments.iter().flat_map(|segment| segment.tokens.iter().map(|t| t.id)).collect()
}

#[test]
fn a_plan_that_does_not_fit_the_model_is_refused() {
    let mut host = english_host();
    let token = StartToken::Token;
    check_refused(
        &mut host,
        DecodingPlan { start: vec![token(50_258)], ..english() },
        "tokens 50258, and whisper.cpp would with 50257",
    );
    check_refused(
        &mut host,
        DecodingPlan { start: vec![token(50_257), token(50_259)], ..english() },
        "50257 50259",
    );
    check_refused(&mut host, DecodingPlan { end: 50_257, ..english() }, "end token is 50257");
    check_refused(&mut host, DecodingPlan { no_speech: 3, ..english() }, "no-speech token is 3");
    check_refused(&mut host, DecodingPlan { previous: Some(9), ..english() }, "context token is 9");
    check_refused(&mut host, DecodingPlan { task: Task::Translate, ..english() }, "English only");
    let rules = TimestampRules { first: 50_363, step_ms: 40, latest_start_ms: 1000 };
    check_refused(&mut host, DecodingPlan { timestamps: Some(rules), ..english() }, "40 ms apart");
    check_refused(&mut host, DecodingPlan { language: Some("xx".into()), ..english() }, "`xx`");
    check_refused(&mut host, DecodingPlan { beam_size: 9, ..english() }, "beam size is 9");
    check_refused(&mut host, DecodingPlan { best_of: 0, ..english() }, "candidates is 0");
    check_refused(&mut host, DecodingPlan { max_tokens: 0, ..english() }, "0 tokens");
    check_refused(&mut host, DecodingPlan { suppress: vec![99_999], ..english() }, "99999");
    check_refused(&mut host, DecodingPlan { temperatures: vec![], ..english() }, "temperature");
    check_refused(&mut host, DecodingPlan { entropy_threshold: f32::NAN, ..english() }, "entropy");
    // What was refused costs nothing.
    assert_eq!(host.transcribe(plain(), &tone(0.5, 300.0)).error, None);
    host.shut().unwrap();
}

#[test]
fn a_model_that_whisper_takes_for_distilled_has_no_timestamps() {
    let (_folder, path) = model(Size { layers: 2, ..SMALLEST });
    let mut host = Host::start(&path, settings()).unwrap();
    check_refused(&mut host, english(), "50257, and whisper.cpp would with 50257 50362");
    assert_eq!(host.transcribe(plain(), &tone(0.5, 300.0)).error, None);
    host.shut().unwrap();
}

#[test]
fn without_timestamps_a_piece_is_one_segment_with_its_bounds() {
    let mut host = english_host();
    let samples = join(&[silence(1.5), tone(2.0, 300.0), silence(1.5)]);
    let outcome = host.transcribe(plain(), &samples);
    assert_eq!(outcome.finish, Some(Finish::Stop));
    let [(start, end)] = outcome.spans()[..] else { panic!("{outcome:?}") };
    assert!((start - 1.5).abs() < 0.1 && (end - 3.5).abs() < 0.1, "{start} to {end}");
    let segment = &outcome.segments[0];
    assert_eq!(segment.tokens.len(), 12);
    assert_eq!((segment.language.as_str(), segment.temperature), ("en", 0.0));
    assert!(segment.no_speech_probability > 0.0 && segment.no_speech_probability < 1.0);
    assert_eq!(outcome.tokens, 12);
    assert_eq!(outcome.until.last(), Some(&5000));
    host.shut().unwrap();
}

#[test]
fn suppressed_tokens_are_never_decoded() {
    let mut host = english_host();
    let samples = tone(2.0, 300.0);
    let mut suppress = Vec::new();
    let mut firsts = vec![220, 50_256];
    for _ in 0..3 {
        let plan =
            DecodingPlan { suppress: suppress.clone(), suppress_first: firsts.clone(), ..plain() };
        let found = ids(&host.transcribe(plan, &samples));
        assert!(found.iter().all(|id| !suppress.contains(id)), "{found:?} has {suppress:?}");
        assert!(!firsts.contains(&found[0]));
        suppress.extend(&found[1..]);
        firsts.push(found[0]);
    }
    host.shut().unwrap();
}

#[test]
fn a_prompt_changes_what_is_decoded_and_its_end_is_what_counts() {
    let mut host = english_host();
    let samples = tone(2.0, 300.0);
    let with = |prompt: Option<&str>, prompt_tokens| DecodingPlan {
        prompt: prompt.map(str::to_owned),
        prompt_tokens,
        ..plain()
    };
    let bare = host.transcribe(with(None, 223), &samples);
    let prompted = host.transcribe(with(Some(" w9999 w8888"), 223), &samples);
    assert_ne!(ids(&bare), ids(&prompted));
    assert_eq!(ids(&host.transcribe(with(Some(" w9999 w8888"), 0), &samples)), ids(&bare));
    let long = "w7777".repeat(100_000) + " w9999 w8888";
    let cut = host.transcribe(with(Some(&long), 2), &samples);
    assert_eq!(ids(&cut), ids(&host.transcribe(with(Some(" w9999 w8888"), 2), &samples)));
    let outcome = host
        .transcribe(DecodingPlan { previous: None, ..with(Some(" w9999 w8888"), 223) }, &samples);
    assert_eq!(ids(&outcome), ids(&bare));
    host.shut().unwrap();
}

#[test]
fn a_language_is_detected_among_those_of_the_plan() {
    let (_folder, path) = model(Size { vocabulary: 51_865, ..SMALLEST });
    let mut host = Host::start(&path, settings()).unwrap();
    let samples = join(&[tone(2.0, 300.0), silence(3.0), tone(2.0, 500.0)]);
    let outcome = host.transcribe(multilingual(), &samples);
    assert_eq!(outcome.error, None);
    let language = outcome.segments[0].language.clone();
    assert!(["de", "fr", "ja"].contains(&language.as_str()), "{language}");
    assert!(outcome.segments.iter().all(|segment| segment.language == language));
    // The others are chosen where it is not among them.
    let mut plan = multilingual();
    plan.languages.retain(|known| known.code != language);
    let other = host.transcribe(plan, &samples).segments[0].language.clone();
    assert!(other != language && ["de", "fr", "ja"].contains(&other.as_str()));
    // What is known is not detected, and translation starts otherwise.
    let start = [50_258, 50_265, 50_358].map(StartToken::Token).to_vec();
    let plan = DecodingPlan {
        language: Some("fr".into()),
        task: Task::Translate,
        start: start.clone(),
        ..multilingual()
    };
    assert_eq!(host.transcribe(plan, &samples).segments[0].language, "fr");
    check_refused(
        &mut host,
        DecodingPlan {
            language: Some("de".into()),
            task: Task::Translate,
            start,
            ..multilingual()
        },
        "50258 50265 50358, and whisper.cpp would with 50258 50261 50358",
    );
    host.shut().unwrap();
}

#[test]
fn doubtful_results_climb_the_temperatures_and_silence_does_not() {
    let mut host = english_host();
    let samples = tone(2.0, 300.0);
    // Nothing is good enough: what the last temperature gives is the result.
    for temperatures in [vec![0.0, 0.5, 1.0], vec![0.0, 0.7, 1.3], vec![0.4]] {
        let last = *temperatures.last().unwrap();
        let plan = DecodingPlan {
            temperatures,
            logprob_threshold: 0.0,
            no_speech_threshold: 2.0,
            best_of: 3,
            ..plain()
        };
        let outcome = host.transcribe(plan, &samples);
        assert!((outcome.segments[0].temperature - last).abs() < 1e-3, "{outcome:?}");
    }
    // Doubtful and no speech: nothing is the result.
    for temperatures in [vec![0.0], vec![0.0, 0.5, 1.0]] {
        let plan = DecodingPlan {
            temperatures,
            logprob_threshold: 0.0,
            no_speech_threshold: 0.0,
            ..plain()
        };
        let outcome = host.transcribe(plan, &samples);
        assert_eq!((outcome.error, outcome.segments), (None, vec![]));
    }
    host.shut().unwrap();
}

#[test]
fn beams_are_decoded() {
    let mut host = english_host();
    let samples = tone(2.0, 300.0);
    let beams = host.transcribe(DecodingPlan { beam_size: 4, best_of: 2, ..plain() }, &samples);
    assert_eq!(beams.error, None);
    assert!(beams.tokens > 0);
    host.shut().unwrap();
}

#[test]
fn tokens_have_times_in_their_order() {
    let mut host = english_host();
    let samples = join(&[silence(1.0), tone(3.0, 300.0), silence(1.0)]);
    for plan in [english(), plain()] {
        let outcome = host.transcribe(DecodingPlan { token_times: true, ..plan }, &samples);
        assert_eq!(outcome.error, None);
        for segment in &outcome.segments {
            assert!(segment.tokens.windows(2).all(|pair| pair[0].start_ms <= pair[1].start_ms));
            assert!(segment.tokens.iter().all(|token| token.start_ms <= token.end_ms));
        }
    }
    host.shut().unwrap();
}

#[test]
fn context_comes_from_the_piece_before() {
    let two = LoadSettings { threads: 2, ..settings() };
    let mut host = Host::start(smallest(), two).unwrap();
    let samples = join(&[tone(2.0, 300.0), silence(3.0), tone(2.0, 500.0)]);
    let with = |context_tokens| DecodingPlan { context_tokens, ..plain() };
    let alone = host.transcribe(with(0), &samples);
    let linked = host.transcribe(with(100), &samples);
    assert_eq!(alone.segments.len(), 2);
    assert_eq!(linked.segments.len(), 2);
    let second = |outcome: &Outcome| -> Vec<u32> {
        outcome.segments[1].tokens.iter().map(|token| token.id).collect()
    };
    assert_eq!(alone.segments[0], linked.segments[0]);
    assert_ne!(second(&alone), second(&linked));
    host.shut().unwrap();
}
