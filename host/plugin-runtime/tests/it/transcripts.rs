//! Transcripts: the plan is checked, passages are checked, and what goes wrong ends one recording.

use model::{
    Ability, Cue, DecodedSegment, DecodedToken, ModelCard, Segment, StartToken, Task,
    TranscriptionRequest,
};
use plugin_runtime::{PluginError, TranscriptionTurn};

use crate::support::{Host, card, host, say};

fn request(prompt: &str) -> TranscriptionRequest {
    TranscriptionRequest {
        task: Task::Translate,
        language: Some("en".into()),
        prompt: Some(prompt.into()),
        temperature: Some(0.25),
        word_times: true,
        options: vec![("max-tokens".into(), "7".into()), ("other".into(), "30".into())],
    }
}

#[track_caller]
fn start(host: &Host, prompt: &str) -> TranscriptionTurn {
    host.runtime.transcribe("stenographer", &card(), &request(prompt)).unwrap()
}

/// A segment of one token, a second long.
fn decoded(second: u32, text: &str) -> DecodedSegment {
    let (start_ms, end_ms) = (second * 1000, second * 1000 + 1000);
    let token =
        DecodedToken { id: 9, bytes: text.as_bytes().into(), probability: 0.9, start_ms, end_ms };
    DecodedSegment {
        start_ms,
        end_ms,
        window_ms: 0,
        language: "en".into(),
        tokens: vec![token],
        temperature: 0.5,
        no_speech_probability: 0.125,
    }
}

fn texts(passages: &[Segment]) -> Vec<&str> {
    passages.iter().map(|passage| passage.text.as_str()).collect()
}

#[test]
fn the_ability_is_found_from_the_export() {
    let host = host(&["stenographer"]);
    assert_eq!(host.status("stenographer.wasm").abilities, [Ability::Transcription]);
    let error = host.runtime.chat("stenographer", &card(), &say("hello")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "family `stenographer` has no Chat ability; it has [Transcription]"
    );
}

#[test]
fn a_family_without_the_ability() {
    let host = host(&["echo"]);
    let error = host.runtime.transcribe("echo", &card(), &request("")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "family `echo` has no Transcription ability; it has [Chat, Completion]"
    );
}

#[test]
fn a_plan_arrives_whole() {
    let host = host(&["stenographer"]);
    let turn = start(&host, "names");
    let plan = turn.plan();
    assert_eq!(plan.start, [StartToken::Token(1), StartToken::DetectedLanguage]);
    assert_eq!(plan.language.as_deref(), Some("en"));
    let language = &plan.languages[0];
    assert_eq!((&*language.code, &*language.name, language.token), ("en", "english", 2));
    assert_eq!(plan.task, Task::Translate);
    assert_eq!((plan.previous, plan.prompt.as_deref()), (Some(3), Some("names")));
    let rules = plan.timestamps.unwrap();
    assert_eq!((rules.first, rules.step_ms, rules.latest_start_ms), (900, 20, 1000));
    assert_eq!((&plan.suppress[..], &plan.suppress_first[..]), (&[1, 2, 3][..], &[4][..]));
    assert_eq!(plan.temperatures, [0.25, 0.5]);
    assert_eq!((plan.max_tokens, plan.token_times), (37, true));
}

#[test]
fn a_recording_is_written_down() {
    let host = host(&["stenographer"]);
    let mut turn = start(&host, "");
    assert_eq!(texts(&turn.push(&[decoded(0, "one"), decoded(1, "held")]).unwrap()), ["one"]);
    assert_eq!(texts(&turn.push(&[]).unwrap()), [""; 0]);
    let passages = turn.push(&[decoded(2, "two")]).unwrap();
    assert_eq!(texts(&passages), ["held", "two"]);
    let two = &passages[1];
    assert_eq!((two.start_ms, two.end_ms, &two.tokens[..]), (2000, 3000, &[9][..]));
    assert_eq!((two.average_logprob, two.compression_ratio), (-0.25, 1.5));
    assert_eq!((two.temperature, two.no_speech_probability), (0.5, 0.125));
    assert_eq!((&*two.words[0].text, two.words[0].probability), ("two", 0.5));
    turn.push(&[decoded(3, "held")]).unwrap();
    assert_eq!(texts(&turn.finish().unwrap()), ["held"]);
    let cue = Cue { start_ms: 2000, end_ms: 2001, text: "two".into() };
    assert_eq!(turn.cues(two).unwrap(), [cue]);
    let again = "plugin `stenographer 0.1.0` failed: the recording has already finished";
    assert_eq!(turn.push(&[]).unwrap_err().to_string(), again);
    assert_eq!(turn.finish().unwrap_err().to_string(), again);
}

#[test]
fn a_long_recording_crosses_in_batches() {
    let host = host(&["stenographer"]);
    let mut turn = start(&host, "");
    let words: Vec<_> = (0..5000).map(|n| format!("{n}")).collect();
    let segments: Vec<_> = (0..).zip(&words).map(|(second, word)| decoded(second, word)).collect();
    assert_eq!(texts(&turn.push(&segments).unwrap()), words);
}

/// Has `start` do wrong, and then right.
#[track_caller]
fn check_start(deed: &str, expect: &str) {
    let host = host(&["stenographer"]);
    let error = host.runtime.transcribe("stenographer", &card(), &request(deed)).unwrap_err();
    assert_eq!(error.to_string(), expect);
    start(&host, "all is well");
}

#[test]
fn what_the_plugin_refuses() {
    check_start("unsupported", "no such thing");
    check_start("invalid", "bad thing");
    check_start("internal", "plugin `stenographer 0.1.0` failed: broken thing");
    check_start(
        "trap",
        "plugin `stenographer 0.1.0` trapped in `transcriber.start`: wasm trap: wasm \
         `unreachable` instruction executed",
    );
}

#[test]
fn invalid_plans() {
    for (deed, fault) in [
        ("no start", "start tokens: 0 is not from 1 to 16"),
        ("long start", "start tokens: 17 is not from 1 to 16"),
        ("foreign start", "start token 1000 in a vocabulary of 1000"),
        ("nothing to detect", "a detected language, and none to choose from"),
        ("foreign language", "language token 1000 in a vocabulary of 1000"),
        ("long name", "65 bytes of a language's name, 64 are allowed"),
        ("foreign suppressed", "suppressed token 1000 in a vocabulary of 1000"),
        ("many suppressed", "1001 tokens suppressed first, 1000 are allowed"),
        ("foreign end", "end token 1000 in a vocabulary of 1000"),
        ("no step", "timestamps with a step of 0 ms"),
        ("no temperatures", "temperatures: 0 is not from 1 to 16"),
        ("hot", "temperature: 2.5 is not from 0 to 2"),
        ("no number", "temperature: NaN is not from 0 to 2"),
        ("no beams", "beams: 0 is not from 1 to 16"),
        ("many candidates", "candidates: 17 is not from 1 to 16"),
        ("no threshold", "entropy threshold: inf is not a number"),
        ("no tokens", "windows of 0 tokens"),
        ("long prompt", "1048576 bytes of prompt, 65536 are allowed"),
    ] {
        let expect = format!("plugin `stenographer 0.1.0` failed: its plan is not valid: {fault}");
        check_start(deed, &expect);
    }
}

#[test]
fn a_vocabulary_of_unknown_size_bounds_no_token() {
    let host = host(&["stenographer"]);
    let card = ModelCard { vocabulary_size: 0, ..card() };
    let request = request("foreign start");
    let turn = host.runtime.transcribe("stenographer", &card, &request).unwrap();
    assert_eq!(turn.plan().start, [StartToken::Token(1000)]);
}

/// Has `push` do wrong; its recording is dead, another one is not.
#[track_caller]
fn check_push(deed: &str, expect: &str) {
    let host = host(&["stenographer"]);
    let (mut turn, mut other) = (start(&host, ""), start(&host, ""));
    assert_eq!(texts(&turn.push(&[decoded(1, "fine")]).unwrap()), ["fine"]);
    let error = turn.push(&[decoded(2, deed)]).unwrap_err().to_string();
    assert_eq!(error, expect);
    for later in [turn.push(&[decoded(3, "fine")]), turn.finish()] {
        let later = later.unwrap_err();
        assert!(matches!(&later, PluginError::Dead { cause, .. } if *cause == error), "{later}");
    }
    assert_eq!(texts(&other.push(&[decoded(2, "fine")]).unwrap()), ["fine"]);
}

#[test]
fn a_push_that_goes_wrong() {
    check_push(
        "trap",
        "plugin `stenographer 0.1.0` trapped in `transcriber.push`: wasm trap: wasm `unreachable` \
         instruction executed",
    );
    check_push(
        "loop",
        "plugin `stenographer 0.1.0` took longer than 50ms in `transcriber.push`; raise the \
         plugins' time limit if it needs more",
    );
    check_push(
        "allocate",
        "plugin `stenographer 0.1.0` needs more than 67108864 bytes of memory in \
         `transcriber.push`; raise the plugins' memory limit if it needs more",
    );
    check_push(
        "2 MB",
        "plugin `stenographer 0.1.0` returned more than 1048576 bytes from `transcriber.push`; \
         raise the plugins' output limit if it must",
    );
}

#[test]
fn invalid_passages() {
    for (deed, fault) in [
        ("long text", "524288 bytes of text, 262144 are allowed"),
        ("backwards", "a passage from 2000 to 1999 ms, between 0 and 3000 ms"),
        ("never", "a passage from 2000 to 3001 ms, between 0 and 3000 ms"),
        ("foreign token", "token 1000 in a vocabulary of 1000"),
        ("no number", "log probability: -inf is not a number"),
        ("word astray", "a word from 2000 to 3001 ms, between 0 and 3000 ms"),
        ("many", "1026 passages at once, 1024 are allowed"),
    ] {
        let expect =
            format!("plugin `stenographer 0.1.0` failed: its transcript is not valid: {fault}");
        check_push(deed, &expect);
    }
}

#[test]
fn passages_that_go_back_in_time() {
    let host = host(&["stenographer"]);
    let mut turn = start(&host, "");
    turn.push(&[decoded(5, "late")]).unwrap();
    let error = turn.push(&[decoded(2, "early")]).unwrap_err().to_string();
    assert!(error.ends_with("2000 ms comes after 5000 ms"), "{error}");
}

#[test]
fn subtitles_that_go_wrong() {
    let host = host(&["stenographer"]);
    for (deed, expect) in [
        ("late cue", "a subtitle from 13000 to 13001 ms, between 0 and 13000 ms"),
        ("crossed cues", "a subtitle from 2000 to 2001 ms, between 2001 and 13000 ms"),
    ] {
        let mut turn = start(&host, "");
        let passages = turn.push(&[decoded(2, deed)]).unwrap();
        let error = turn.cues(&passages[0]).unwrap_err().to_string();
        assert!(error.ends_with(expect), "{error}");
    }
}
