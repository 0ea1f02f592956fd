//! Trained weights, where they are there.

use engine_protocol::{DecodingPlan, LoadSettings};
use serde_json::Value;

use crate::support::{
    Host, Outcome, data, digits, english, join, plain, read_wav, settings, silence, smallest,
    spoken,
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
    for settings in contexts() {
        let mut host = Host::start(&path, settings).unwrap();
        for plan in [english(), plain()] {
            let outcome = host.transcribe(plan, &silence(5.0));
            assert_eq!((outcome.error, outcome.segments.len()), (None, 0));
        }
        host.shut().unwrap();
    }
}

/// The windows that the demo model is trained for: thirty seconds, and as long as the sound.
fn contexts() -> [LoadSettings; 2] {
    [false, true].map(|fit_audio_context| LoadSettings { fit_audio_context, ..settings() })
}

/// When words begin and end, which is plain beside a pause, and to be guessed within a run of speech.
#[track_caller]
fn check_words(outcome: &Outcome, words: &[Value]) {
    let heard: Vec<(f64, f64)> = outcome
        .segments
        .iter()
        .flat_map(|segment| &segment.tokens)
        .map(|token| (f64::from(token.start_ms) / 1000.0, f64::from(token.end_ms) / 1000.0))
        .collect();
    let said: Vec<(f64, f64)> = words
        .iter()
        .map(|word| (word["begin"].as_f64().unwrap(), word["end"].as_f64().unwrap()))
        .collect();
    assert_eq!(heard.len(), said.len(), "each word of this vocabulary is a token");
    let pause = |at: usize| at == 0 || at == said.len() || said[at].0 - said[at - 1].1 >= 0.2;
    let mut sum = 0.0;
    for (at, (heard, said)) in heard.iter().zip(&said).enumerate() {
        let off = ((heard.0 - said.0).abs(), (heard.1 - said.1).abs());
        let limit = |pause| if pause { 0.1 } else { 0.2 };
        let near = off.0 < limit(pause(at)) && off.1 < limit(pause(at + 1));
        assert!(near, "{} is at {heard:?} and not at {said:?}", words[at]["word"]);
        sum += off.0 + off.1;
    }
    let mean = sum / (2 * said.len()) as f64;
    assert!(mean < 0.06, "words are {mean} s off: {heard:?} are at {said:?}");
}

#[test]
fn the_demo_model_hears_the_words_and_when_they_are_said() {
    let Some(path) = digits() else { return };
    let list = path.with_file_name("digits/samples/samples.json");
    let list: Value = serde_json::from_slice(&std::fs::read(list).unwrap()).unwrap();
    for settings in contexts() {
        let mut host = Host::start(&path, settings).unwrap();
        check_recordings(&mut host, list.as_array().unwrap());
        host.shut().unwrap();
    }
}

#[track_caller]
fn check_recordings(host: &mut Host, recordings: &[Value]) {
    for recording in recordings {
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
            assert!((spans[0].0 - begin).abs() < 0.1, "{spans:?} do not begin at {begin}");
            let latest = spans[spans.len() - 1].1;
            assert!((latest - end).abs() < 0.1, "{spans:?} do not end at {end}");
            check_words(&outcome, words);
        }
    }
}
