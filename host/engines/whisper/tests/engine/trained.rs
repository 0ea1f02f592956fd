//! Trained weights, where they are there.

use engine_protocol::{DecodingPlan, LoadSettings};
use serde_json::Value;

use crate::support::{
    Host, data, digits, english, join, plain, read_wav, settings, silence, smallest, spoken,
};

#[test]
fn silero_finds_the_speech_in_a_recording() {
    let (Some(vad), Some(wav)) =
        (data("whisper/for-tests-silero-v6.2.0-ggml.bin"), data("audio/jfk.wav"))
    else {
        return;
    };
    let vad = Some(vad.to_str().unwrap().to_owned());
    let mut host = Host::start(smallest(), LoadSettings { vad, ..settings() }).unwrap();
    let jfk = read_wav(&wav);
    let samples = join(&[jfk.clone(), silence(4.0), jfk]);
    let spans = host.transcribe(plain(), &samples).spans();
    // Four passages in each; the encoder is light, so each is a piece of its own.
    assert_eq!(spans.len(), 8, "{spans:?}");
    for (passages, offset) in spans.chunks(4).zip([0.0, 15.0]) {
        let (start, end) = (passages[0].0 - offset, passages[3].1 - offset);
        assert!((start - 0.3).abs() < 0.2, "{start}");
        assert!((end - 10.5).abs() < 0.3, "{end}");
    }
    host.shut().unwrap();
}

#[test]
fn the_demo_model_hears_nothing_where_nothing_is_said() {
    let Some(path) = digits() else { return };
    let mut host = Host::start(&path, settings()).unwrap();
    for plan in [english(), plain()] {
        let outcome = host.transcribe(plan, &silence(5.0));
        assert_eq!((outcome.error, outcome.segments.len()), (None, 0));
    }
    host.shut().unwrap();
}

#[test]
fn the_demo_model_hears_the_words_and_when_they_are_said() {
    let Some(path) = digits() else { return };
    let list = path.with_file_name("digits/samples/samples.json");
    let list: Value = serde_json::from_slice(&std::fs::read(list).unwrap()).unwrap();
    let mut host = Host::start(&path, settings()).unwrap();
    for recording in list.as_array().unwrap() {
        let samples = spoken(recording["file"].as_str().unwrap());
        let expect = recording["text"].as_str().unwrap();
        for plan in [english(), plain()] {
            let plan = DecodingPlan { max_tokens: 220, token_times: true, ..plan };
            let outcome = host.transcribe(plan, &samples);
            assert_eq!(outcome.text().trim(), expect, "{outcome:?}");
            let spans = outcome.spans();
            let words = recording["words"].as_array().unwrap();
            let (Some(opening), Some(closing)) = (words.first(), words.last()) else { continue };
            let (begin, end) =
                (opening["begin"].as_f64().unwrap(), closing["end"].as_f64().unwrap());
            assert!((spans[0].0 - begin).abs() < 0.15, "{spans:?} do not begin at {begin}");
            let latest = spans[spans.len() - 1].1;
            assert!((latest - end).abs() < 0.15, "{spans:?} do not end at {end}");
        }
    }
    host.shut().unwrap();
}
