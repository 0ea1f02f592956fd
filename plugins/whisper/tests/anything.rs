//! Whatever an engine decodes, and however it is handed over, the transcript is sound.

use plugin_sdk::testkit::{self, write_down};
use plugin_sdk::{
    DecodedSegment, DecodedToken, ModelCard, Segment, Task, Transcription, TranscriptionRequest,
};
use proptest::prelude::*;
use serde_json::json;
use whisper::Whisper;

fn token() -> impl Strategy<Value = DecodedToken> {
    let bytes = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..5),
        "[ \\-]?[a-z\"'.,!?(]{0,6}".prop_map(String::into_bytes),
        "[你好世界、。「」ーッ]{1,3}".prop_map(String::into_bytes),
        " ?-{2,3}>".prop_map(String::into_bytes),
        "[ไม่ครับ]{1,4}".prop_map(String::into_bytes),
    ];
    let number = prop_oneof![any::<f32>(), 0.0_f32..1.0];
    (any::<u32>(), bytes, number, 0_u32..40_000, 0_u32..40_000).prop_map(
        |(id, bytes, probability, start_ms, end_ms)| DecodedToken {
            id,
            bytes,
            probability,
            start_ms,
            end_ms,
        },
    )
}

fn segment() -> impl Strategy<Value = DecodedSegment> {
    let number = prop_oneof![any::<f32>(), 0.0_f32..1.0];
    let code = prop::sample::select(vec!["en", "zh", "th", "ja", "", "nonsense"]);
    let times = (0_u32..40_000, 0_u32..40_000, 0_u32..40_000);
    (times, code, proptest::collection::vec(token(), 0..12), number.clone(), number).prop_map(
        |((start_ms, end_ms, window_ms), code, tokens, temperature, silence)| DecodedSegment {
            start_ms,
            end_ms,
            window_ms,
            language: code.to_owned(),
            tokens,
            temperature,
            no_speech_probability: silence,
        },
    )
}

fn card() -> ModelCard {
    testkit::card(&json!({"name": "w", "architecture": "whisper", "vocabulary-size": 51_865}))
}

fn request(translates: bool, word_times: bool) -> TranscriptionRequest {
    TranscriptionRequest {
        task: if translates { Task::Translate } else { Task::Transcribe },
        language: None,
        prompt: None,
        temperature: None,
        word_times,
        options: Vec::new(),
    }
}

fn check_passages(passages: &[Segment], request: &TranscriptionRequest) {
    let mut last = 0;
    for passage in passages {
        assert!(passage.start_ms >= last && passage.end_ms >= passage.start_ms, "{passage:?}");
        last = passage.start_ms;
        assert!(!passage.text.trim().is_empty(), "{passage:?}");
        assert!(passage.average_logprob <= 0.0 && passage.average_logprob.is_finite());
        assert!(passage.compression_ratio.is_finite() && passage.temperature.is_finite());
        let mut earliest = passage.start_ms;
        for word in &passage.words {
            assert!(word.start_ms >= earliest && word.end_ms >= word.start_ms, "{passage:?}");
            assert!(word.end_ms <= passage.end_ms, "{passage:?}");
            assert!((0.0..=1.0).contains(&word.probability), "{passage:?}");
            earliest = word.start_ms;
        }
        check_cues(passage, request);
    }
}

fn check_cues(passage: &Segment, request: &TranscriptionRequest) {
    let cues = Whisper::cues(&card(), request, passage);
    let mut last = passage.start_ms;
    for cue in &cues {
        assert!(cue.start_ms >= last && cue.end_ms > cue.start_ms, "{passage:?} {cues:?}");
        last = cue.end_ms;
        assert!(!cue.text.contains("-->") && !cue.text.contains("\n\n"), "{cues:?}");
        let lines: Vec<_> = cue.text.split('\n').collect();
        assert!(lines.len() <= 2, "{cues:?}");
        for line in lines {
            assert!(!line.is_empty() && line.trim() == line, "{cues:?}");
            let wide = line.chars().filter(|c| !c.is_ascii()).count();
            // A piece that is longer than a line stands alone on one.
            assert!(line.chars().count() + wide <= 42 + wide || !line.contains(' '), "{line}");
        }
    }
    // Nothing is lost but the arrow and spaces.
    let joined: String = cues.iter().map(|cue| cue.text.as_str()).collect();
    let bare = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
    assert_eq!(bare(&joined), bare(&passage.text));
}

proptest! {
    #[test]
    fn any_segments(
        segments in proptest::collection::vec(segment(), 0..12),
        translates: bool,
        word_times: bool,
    ) {
        let (card, request) = (card(), request(translates, word_times));
        let Ok(plan) = Whisper::plan(&card, &request) else { unreachable!("a plain request") };
        let passages = write_down(|| Whisper::transcript(&card, &request, &plan), &segments);
        check_passages(&passages, &request);
    }

    #[test]
    fn any_text(text: String, start in 0_u32..1000, length in 0_u32..40_000) {
        let passage = Segment {
            start_ms: start,
            end_ms: start + length,
            window_ms: 0,
            text,
            tokens: Vec::new(),
            temperature: 0.0,
            average_logprob: 0.0,
            compression_ratio: 1.0,
            no_speech_probability: 0.0,
            words: Vec::new(),
        };
        check_cues(&passage, &request(false, false));
    }

    #[test]
    fn any_settings(
        size in prop_oneof![51_860_u32..51_870, any::<u32>()],
        context in prop_oneof![0_u32..600, any::<u32>()],
        language in proptest::option::of("[a-zA-Z_ -]{0,12}"),
        temperature in proptest::option::of(any::<f32>()),
        key in prop::sample::select(vec![
            "beam_size", "best-of", "temperature_inc", "suppress_tokens", "max_tokens",
            "max_context", "max_initial_timestamp", "language", "line_width",
        ]),
        value in "(-?[0-9]{1,12}(\\.[0-9]{1,3})?|[a-z,0-9-]{0,8})",
    ) {
        let mut card = card();
        card.vocabulary_size = size;
        card.context_length = context;
        let mut request = request(false, false);
        request.language = language;
        request.temperature = temperature;
        request.options = vec![(key.to_owned(), value)];
        if let Ok(plan) = Whisper::plan(&card, &request) {
            prop_assert!((1..=16).contains(&plan.temperatures.len()));
            prop_assert!(plan.temperatures.iter().all(|t| (0.0..=2.0).contains(t)));
            prop_assert!(plan.suppress.iter().all(|id| *id < size));
            prop_assert!(plan.max_tokens > 0);
            prop_assert!((1..=16).contains(&plan.beam_size) && (1..=16).contains(&plan.best_of));
        }
    }
}
