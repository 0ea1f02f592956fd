//! Languages as clients write them.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

use plugin_sdk::{Error, Task, Transcription, TranscriptionRequest, testkit};
use serde_json::json;
use whisper::Whisper;

fn plan(size: u32, language: &str) -> Result<plugin_sdk::DecodingPlan, Error> {
    let card = json!({"name": "w", "architecture": "whisper", "vocabulary-size": size});
    let request = TranscriptionRequest {
        task: Task::Transcribe,
        language: Some(language.to_owned()),
        prompt: None,
        temperature: None,
        word_times: false,
        options: Vec::new(),
    };
    Whisper::plan(&testkit::card(&card), &request)
}

#[track_caller]
fn check(size: u32, given: &str, expect: Option<&str>) {
    assert_eq!(plan(size, given).unwrap().language.as_deref(), expect, "{given}");
}

#[track_caller]
fn check_refused(size: u32, given: &str, expect: &str) {
    let (Error::Unsupported(text) | Error::InvalidRequest(text)) = plan(size, given).unwrap_err()
    else {
        unreachable!("the plugin itself did not fail")
    };
    assert!(text.contains(expect), "{text}");
}

#[test]
fn codes_names_aliases_and_tags() {
    for (given, code) in [
        ("en", "en"),
        (" EN ", "en"),
        ("English", "en"),
        ("zh-CN", "zh"),
        ("zh_Hant_TW", "zh"),
        ("Mandarin", "zh"),
        ("pt-BR", "pt"),
        ("Castilian", "es"),
        ("haitian_creole", "ht"),
        ("Haitian Creole", "ht"),
        ("jv", "jw"),
        ("iw", "he"),
        ("deu", "de"),
        ("haw", "haw"),
        ("su", "su"),
    ] {
        check(51_865, given, Some(code));
    }
    for given in ["", "auto", "AUTO", "none", "detect"] {
        check(51_865, given, None);
        check(51_864, given, Some("en"));
    }
    check(51_866, "cantonese", Some("yue"));
    check(51_866, "yue-HK", Some("yue"));
    check(51_864, "en-US", Some("en"));
}

#[test]
fn tokens_follow_the_order_of_the_languages() {
    let languages = plan(51_866, "auto").unwrap().languages;
    assert_eq!(languages.len(), 100);
    for (index, token, code, name) in [
        (0, 50_259, "en", "english"),
        (1, 50_260, "zh", "chinese"),
        (97, 50_356, "jw", "javanese"),
        (98, 50_357, "su", "sundanese"),
        (99, 50_358, "yue", "cantonese"),
    ] {
        let language = languages.get(index).unwrap();
        assert_eq!((language.token, &*language.code, &*language.name), (token, code, name));
    }
    assert_eq!(plan(51_865, "auto").unwrap().languages.len(), 99);
    assert_eq!(plan(51_864, "auto").unwrap().languages.len(), 1);
}

#[test]
fn what_is_refused_and_what_is_near_it() {
    check_refused(51_864, "de", "knows English alone");
    check_refused(51_865, "cantonese", "large-v3");
    check_refused(51_865, "Germn", "near it are `de` (german)");
    check_refused(51_865, "spain", "`es` (spanish)");
    check_refused(51_865, "xx", "a code such as `en`");
    check_refused(51_865, &"x".repeat(10_000), "unknown language");
}
