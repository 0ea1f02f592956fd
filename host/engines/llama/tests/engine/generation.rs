//! One request at a time: text, stops, sampling, limits.

use std::collections::BTreeMap;

use engine_protocol::{
    ErrorCode, Finish, Generate, LoadSettings, Mirostat, Prompt, PromptPart, Sampling,
};

use crate::support::{
    CONTEXT, Reply, generate, greedy, guide, load, one, prompt, run, settings, stories, tiny_model,
    wild,
};

/// What the reference implementation writes from nothing, greedily.
pub(crate) const STORY: &str = "Once upon a time, there was a little girl named Lily. She loved to play \
outside in the park. One day, she saw a big, red ball. She wanted to play with it, but it was too \
high.\nLily's mom said, \"Lily, let's go to the park.\" Lily was sad and didn't know what to do. \
She said, \"I want to play with your ball, but I can't find it.\"\nLily was sad and didn't know \
what to do. She said, \"I'm sorry, Lily. I didn't know what to do.\"\nLily didn't want to help her \
mom, so she";

/// Only the beginning-of-sequence token, as the reference begins.
pub(crate) fn story(request: u64) -> Generate {
    let prompt = Prompt { parts: Vec::new(), add_bos: Some(true), space_prefix: None };
    Generate { prompt, ..generate(request, "", 200) }
}

#[test]
fn the_reference_story_comes_out_word_for_word() {
    let Some(path) = stories() else { return };
    let mut engine = load(&path, settings());
    let reply = one(&mut engine, story(1));
    assert_eq!(reply.text.trim_start(), STORY);
    assert_eq!(reply.finish, Some(Finish::Length));
    assert_eq!((reply.prompt_tokens, reply.completion_tokens), (1, 200));
    assert_eq!(reply.reported, 200);
}

#[test]
fn the_demo_model_writes_the_same_twice() {
    let Some(path) = guide() else { return };
    let mut engine = load(&path, settings());
    let prompt = "USER: What is a plugin? ASSISTANT:";
    let first = one(&mut engine, generate(1, prompt, 32));
    let second = one(&mut engine, generate(2, prompt, 32));
    assert!(!first.text.is_empty());
    assert_eq!(first.text, second.text);
}

fn tiny(request: Generate) -> Reply {
    let (_folder, path) = tiny_model();
    one(&mut load(&path, settings()), request)
}

#[test]
fn text_is_whole_characters_and_counts_every_token() {
    for seed in 0..4 {
        let sampling = Sampling { ignore_eos: true, ..wild(seed) };
        let reply = tiny(Generate { sampling, ..generate(1, "the", 60) });
        assert_eq!(reply.finish, Some(Finish::Length));
        assert_eq!(reply.completion_tokens, 60);
        assert!(reply.reported <= 60);
        assert!(!reply.text.is_empty());
    }
}

#[test]
fn no_tokens_means_only_the_prompt_is_read() {
    let reply = tiny(generate(1, "the and", 0));
    assert_eq!(reply.finish, Some(Finish::Length));
    assert_eq!((reply.completion_tokens, reply.text.as_str()), (0, ""));
    assert!(reply.prompt_tokens > 1);
}

#[test]
fn a_reply_ends_with_the_context() {
    let sampling = Sampling { ignore_eos: true, ..greedy() };
    let request = Generate { sampling, max_tokens: None, ..generate(1, "the", 0) };
    let reply = tiny(request);
    assert_eq!(reply.finish, Some(Finish::Length));
    assert_eq!(reply.prompt_tokens + reply.completion_tokens, CONTEXT);
}

#[test]
fn a_stop_string_ends_the_text_and_is_not_part_of_it() {
    let (_folder, path) = tiny_model();
    let mut engine = load(&path, settings());
    let sampling = Sampling { ignore_eos: true, ..greedy() };
    let free = one(&mut engine, Generate { sampling: sampling.clone(), ..generate(1, "the", 80) });
    let characters: Vec<char> = free.text.chars().collect();
    for (from, length) in [(3, 1), (10, 4), (17, 7)] {
        let stop: String = characters[from..from + length].iter().collect();
        let request = Generate {
            sampling: sampling.clone(),
            stop: vec![stop.clone(), "never in the text".to_owned()],
            ..generate(2, "the", 80)
        };
        let reply = one(&mut engine, request);
        assert_eq!(reply.finish, Some(Finish::Stop));
        assert_eq!(reply.text, free.text[..free.text.find(&stop).unwrap()]);
        assert!(reply.completion_tokens <= free.completion_tokens);
    }
}

#[test]
fn stop_tokens_and_end_tokens_end_a_reply_silently() {
    let (_folder, path) = tiny_model();
    let mut engine = load(&path, settings());
    let logprobs = Some(0);
    let sampling = Sampling { ignore_eos: true, ..greedy() };
    let free = one(
        &mut engine,
        Generate { logprobs, sampling: sampling.clone(), ..generate(1, "the", 30) },
    );
    let stop = free.logprobs[12].chosen.token;
    let first = free.logprobs.iter().position(|token| token.chosen.token == stop).unwrap();
    let request =
        Generate { logprobs, sampling, stop_tokens: vec![stop], ..generate(2, "the", 30) };
    let reply = one(&mut engine, request);
    assert_eq!(reply.finish, Some(Finish::Stop));
    assert_eq!(reply.logprobs[..], free.logprobs[..first]);
    assert_eq!(usize::try_from(reply.completion_tokens).unwrap(), first + 1);
    // The end token, forced by a bias.
    let sampling = Sampling { logit_bias: BTreeMap::from([(2, 1000.0)]), ..greedy() };
    let reply = one(&mut engine, Generate { sampling, ..generate(3, "the", 30) });
    assert_eq!((reply.finish, reply.text.as_str()), (Some(Finish::Stop), ""));
    assert_eq!(reply.completion_tokens, 1);
}

#[test]
fn control_tokens_of_a_reply_are_spelled_out() {
    let (_folder, path) = tiny_model();
    let mut engine = load(&path, settings());
    let parts = vec![PromptPart::Control("<|user|>".to_owned())];
    let id =
        engine.vocabulary().tokenize(&Prompt { parts, add_bos: Some(false), space_prefix: None });
    let logit_bias = BTreeMap::from([(id.unwrap()[0], 1000.0)]);
    let sampling = Sampling { logit_bias, ..greedy() };
    let reply = one(&mut engine, Generate { sampling, ..generate(1, "the", 2) });
    assert_eq!(reply.text, "<|user|><|user|>");
}

#[test]
fn a_seed_fixes_the_text_and_each_sequence_has_its_own() {
    let (_folder, path) = tiny_model();
    let mut engine = load(&path, settings());
    let request = |id, seed, sequences| Generate {
        sampling: wild(seed),
        sequences,
        ..generate(id, "the", 24)
    };
    let many = run(&mut engine, vec![request(1, 5, 4)]);
    assert_eq!(many.len(), 4);
    for index in 0..4 {
        let alone = one(&mut engine, request(10 + u64::from(index), 5 + index, 1));
        assert_eq!(many[&(1, index)].text, alone.text, "sequence {index}");
        assert_eq!(many[&(1, index)].prompt_tokens, alone.prompt_tokens);
    }
    let texts: std::collections::BTreeSet<&str> =
        many.values().map(|reply| reply.text.as_str()).collect();
    assert_eq!(texts.len(), 4);
    // Without a seed every request is different.
    let sampling = Sampling { seed: None, ..wild(0) };
    let unseeded = |id| Generate { sampling: sampling.clone(), ..generate(id, "the", 24) };
    assert_ne!(one(&mut engine, unseeded(20)).text, one(&mut engine, unseeded(21)).text);
}

#[test]
fn every_way_of_sampling_gives_a_text() {
    let (_folder, path) = tiny_model();
    let mut engine = load(&path, settings());
    let base = Sampling { seed: Some(1), ..Sampling::default() };
    let mirostat = |version| Some(Mirostat { version, tau: 5.0, eta: 0.1 });
    let ways = [
        base.clone(),
        Sampling { top_k: Some(3), ..base.clone() },
        Sampling { top_p: Some(0.5), ..base.clone() },
        Sampling { min_p: Some(0.3), ..base.clone() },
        Sampling { typical_p: Some(0.5), ..base.clone() },
        Sampling { mirostat: mirostat(1), ..base.clone() },
        Sampling { mirostat: mirostat(2), ..base.clone() },
        Sampling { repetition_penalty: Some(1.3), penalty_window: Some(8), ..base.clone() },
        Sampling { frequency_penalty: Some(1.0), presence_penalty: Some(0.5), ..greedy() },
        Sampling { seed: Some(u32::MAX), ..base },
    ];
    for (id, sampling) in (1..).zip(ways) {
        let reply =
            one(&mut engine, Generate { sampling: sampling.clone(), ..generate(id, "the", 16) });
        assert!(reply.error.is_none(), "{sampling:?}: {:?}", reply.error);
        assert!(reply.completion_tokens > 0, "{sampling:?}");
        let again = one(
            &mut engine,
            Generate { sampling: sampling.clone(), ..generate(id + 100, "the", 16) },
        );
        assert_eq!(reply.text, again.text, "{sampling:?}");
    }
}

#[test]
fn a_penalty_keeps_tokens_from_coming_again() {
    let penalised = Sampling {
        presence_penalty: Some(100.0),
        penalty_window: Some(4096),
        ignore_eos: true,
        ..greedy()
    };
    let reply = tiny(Generate { sampling: penalised, logprobs: Some(0), ..generate(1, "the", 40) });
    let mut seen: Vec<u32> = reply.logprobs.iter().map(|token| token.chosen.token).collect();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 40);
}

#[test]
fn logprobs_are_the_networks_own() {
    let request = |sampling| Generate { sampling, logprobs: Some(5), ..generate(1, "the", 12) };
    let sampling = Sampling { ignore_eos: true, ..greedy() };
    let reply = tiny(request(sampling));
    assert_eq!(reply.logprobs.len(), 12);
    for token in &reply.logprobs {
        assert_eq!(token.top.len(), 5);
        assert!(token.top.windows(2).all(|pair| pair[0].logprob >= pair[1].logprob));
        assert!(token.chosen.logprob <= 0.0);
        if token.top[0].token > 2 {
            assert_eq!(token.top[0], token.chosen);
        }
    }
    // The unknown token has a spelling but is no text.
    let text = reply.logprobs.iter().filter(|token| token.chosen.token > 0);
    let bytes: Vec<u8> = text.flat_map(|token| token.chosen.bytes.clone()).collect();
    assert_eq!(String::from_utf8_lossy(&bytes), reply.text);
    // A bias changes the choice, not the probability.
    let logit_bias = BTreeMap::from([(300, 1000.0)]);
    let biased = tiny(request(Sampling { logit_bias, ..greedy() }));
    assert_eq!(biased.logprobs[0].chosen.token, 300);
    assert_eq!(biased.logprobs[0].top, reply.logprobs[0].top);
}

#[test]
fn requests_that_cannot_be_are_refused_by_name() {
    let (_folder, path) = tiny_model();
    let mut engine = load(&path, settings());
    let mut refused = |request: Generate, code: ErrorCode, expect: &str| {
        let error = one(&mut engine, request).error.unwrap();
        assert_eq!(error.code, code, "{error}");
        assert!(error.message.contains(expect), "{error}");
    };
    let base = || generate(1, "the", 4);
    let sampling = |sampling| Generate { sampling, ..base() };
    refused(Generate { sequences: 0, ..base() }, ErrorCode::Invalid, "0 sequences");
    refused(Generate { sequences: u32::MAX, ..base() }, ErrorCode::Invalid, "4294967295");
    refused(Generate { stop_tokens: vec![u32::MAX], ..base() }, ErrorCode::Invalid, "stop token");
    refused(Generate { stop: vec!["x".repeat(5000)], ..base() }, ErrorCode::Invalid, "5000 bytes");
    refused(Generate { logprobs: Some(u32::MAX), ..base() }, ErrorCode::Invalid, "logprobs");
    refused(Generate { lora: Some("pirate".into()), ..base() }, ErrorCode::Invalid, "`pirate`");
    let nan = Sampling { temperature: Some(f32::NAN), ..greedy() };
    refused(sampling(nan), ErrorCode::Invalid, "temperature is NaN");
    let bias = Sampling { logit_bias: BTreeMap::from([(u32::MAX, 1.0)]), ..greedy() };
    refused(sampling(bias), ErrorCode::Invalid, "logit_bias");
    let window = Sampling { penalty_window: Some(u32::MAX), ..greedy() };
    refused(sampling(window), ErrorCode::Invalid, "penalty_window");
    let nothing = Prompt { add_bos: Some(false), ..Prompt::default() };
    refused(Generate { prompt: nothing, ..base() }, ErrorCode::Invalid, "no tokens");
    let long = "the ".repeat(400);
    refused(Generate { prompt: prompt(&long), ..base() }, ErrorCode::PromptTooLong, "256");
    let endless = "x".repeat(3 << 20);
    refused(Generate { prompt: prompt(&endless), ..base() }, ErrorCode::PromptTooLong, "at least");
    // And the engine still works.
    assert!(one(&mut engine, base()).error.is_none());
}

#[test]
fn a_file_that_is_no_model_is_refused_with_llama_cpps_reason() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("broken.gguf");
    std::fs::write(&path, b"GGUF and then nothing of use").unwrap();
    let check = |path: &std::path::Path, settings: LoadSettings, expect: &str| {
        let request = engine_protocol::Load { path: path.to_str().unwrap().to_owned(), settings };
        let error = engine_llama::Engine::load(&request, &mut |_| true, None).err().unwrap();
        assert_eq!(error.code, ErrorCode::LoadFailed);
        assert!(error.message.contains(expect), "{error}");
    };
    check(&path, settings(), "llama.cpp says");
    check(&folder.path().join("missing.gguf"), settings(), "is not a file");
    let (folder, tiny) = tiny_model();
    let lora = |path: &std::path::Path| engine_protocol::LoraAdapter {
        name: "odd".to_owned(),
        path: path.to_str().unwrap().to_owned(),
        scale: 1.0,
    };
    let with = |path: &std::path::Path| LoadSettings { lora: vec![lora(path)], ..settings() };
    check(&tiny, with(&folder.path().join("missing.gguf")), "adapter `odd`");
    check(&tiny, with(&tiny), "does not fit");
}
