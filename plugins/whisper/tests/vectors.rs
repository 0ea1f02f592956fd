//! The ids that OpenAI's own tokenizer gives.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

use plugin_sdk::{
    Family, ModelCard, StartToken, Task, Transcription, TranscriptionRequest, testkit,
};
use serde_json::{Value, json};
use whisper::{Vocabulary, Whisper};

fn card(size: &Value) -> ModelCard {
    testkit::card(&json!({
        "name": "w", "architecture": "whisper", "vocabulary-size": size, "context-length": 448,
    }))
}

fn request(options: &[(&str, &str)]) -> TranscriptionRequest {
    TranscriptionRequest {
        task: Task::Transcribe,
        language: Some("en".to_owned()),
        prompt: None,
        temperature: None,
        word_times: false,
        options: options.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
    }
}

#[track_caller]
fn check(vector: &Value) {
    let card = card(&vector["n_vocab"]);
    let vocabulary = Vocabulary::of(&card).unwrap();
    let ids = json!({
        "eot": vocabulary.end,
        "sot": vocabulary.start,
        "first_lang": vocabulary.start + 1,
        "last_lang": vocabulary.start + vocabulary.languages,
        "translate": vocabulary.translate,
        "transcribe": vocabulary.transcribe,
        "sot_lm": vocabulary.start_of_lm,
        "sot_prev": vocabulary.previous,
        "no_speech": vocabulary.no_speech,
        "no_timestamps": vocabulary.no_timestamps,
        "timestamp_begin": vocabulary.first_timestamp,
        "n_vocab": vocabulary.size,
    });
    for (name, id) in ids.as_object().unwrap() {
        assert_eq!(*id, vector[name], "{name} of {}", vocabulary.size);
    }

    let plan = Whisper::plan(&card, &request(&[])).unwrap();
    let start: Vec<_> = plan
        .start
        .iter()
        .map(|token| match token {
            StartToken::Token(id) => json!(id),
            StartToken::DetectedLanguage => Value::Null,
        })
        .collect();
    assert_eq!(Value::from(start), vector["sot_sequence"]);
    assert_eq!(json!(plan.suppress_first), json!([220, vector["eot"]]));
    assert_eq!(vector["blank"], json!([220]));
    assert_eq!(json!(plan.end), vector["eot"]);
    assert_eq!(json!(plan.previous), vector["sot_prev"]);
    assert_eq!(json!(plan.no_speech), vector["no_speech"]);
    assert_eq!(json!(plan.timestamps.unwrap().first), vector["timestamp_begin"]);
    assert_eq!((plan.prompt_tokens, plan.max_tokens), (223, 220));

    // Special tokens come after the text, so the first ids are the ones that were asked for.
    let asked = Whisper::plan(&card, &request(&[("suppress_tokens", "-1")])).unwrap();
    let text: Vec<_> = asked.suppress.iter().filter(|id| **id < vocabulary.end).collect();
    assert_eq!(json!(text), vector["non_speech_tokens"]);
    assert_eq!(json!(text.len()), vector["n_nst"]);
    let special = [50_256, 50_257, 50_363, 50_364].map(|id| asked.suppress.contains(&id));
    let expect = [50_256, 50_257, 50_363, 50_364]
        .map(|id| (vocabulary.start..=vocabulary.no_timestamps).contains(&id));
    assert_eq!(special, expect);
}

#[test]
fn ids() {
    let Some(vectors) = testkit::shared("vectors/whisper_token_vectors.json") else { return };
    let vectors = vectors.as_object().unwrap();
    assert_eq!(vectors.len(), 3);
    vectors.values().for_each(check);
}

#[test]
fn styles() {
    for (size, layers, style, features) in [
        (51_864, "4", "english-only", vec![]),
        (51_865, "6", "multilingual", vec!["multilingual", "translation"]),
        (51_866, "32", "v3", vec!["multilingual", "translation"]),
        (51_866, "4", "v3", vec!["multilingual"]),
        (51_867, "32", "v3", vec!["multilingual", "translation"]),
    ] {
        let metadata = json!({"whisper.n_text_layer": layers, "whisper.n_audio_layer": "32"});
        let card = testkit::card(&json!({
            "name": "w", "architecture": "whisper", "vocabulary-size": size, "metadata": metadata,
        }));
        let profile = Whisper::profile(&card).unwrap();
        assert_eq!((profile.style.as_str(), profile.features), (style, owned(&features)));
    }
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}
