//! Many requests at once: the same words as alone, shared prefixes, full caches, cancelling.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use engine_llama::Engine;
use engine_protocol::{
    ErrorCode, Finish, Generate, KvType, Load, LoadSettings, LoraAdapter, Sampling,
};

use crate::generation::{STORY, story};
use crate::support::{
    Replies, adapter, drive, enter, generate, greedy, load, one, run, settings, stories,
    tiny_model, wild,
};

const OPENINGS: [&str; 15] = [
    "Once upon a time",
    "The cat",
    "Tom and Sam went to the park",
    "She",
    "One day a big dog",
    "Lily",
    "It was a sunny day and",
    "Mom said",
    "A bird",
    "The boy had a red ball",
    "In the",
    "Ben",
    "There was a little frog who",
    "They saw",
    "At night",
];

/// Neighbours of all kinds, of different lengths, half of them sampled.
fn neighbours() -> Vec<Generate> {
    (2..)
        .zip(OPENINGS)
        .map(|(id, opening)| {
            let sampling = if id % 2 == 0 { greedy() } else { wild(u32::try_from(id).unwrap()) };
            let tokens = 20 + 13 * u32::try_from(id).unwrap();
            Generate { sampling, ..generate(id, opening, tokens) }
        })
        .collect()
}

#[test]
fn the_reference_story_is_the_same_beside_fifteen_others() {
    let Some(path) = stories() else { return };
    let mut engine = load(&path, settings());
    for round in 0..3 {
        let mut requests = neighbours();
        // Before, between and after the others.
        requests.insert([0, 7, 15][round], story(1));
        let replies = run(&mut engine, requests);
        assert_eq!(replies[&(1, 0)].text.trim_start(), STORY, "round {round}");
    }
}

#[test]
fn greedy_and_seeded_text_is_the_same_alone_and_beside_others() {
    let Some(path) = stories() else { return };
    let mut engine = load(&path, settings());
    let beside = run(&mut engine, neighbours());
    for request in neighbours() {
        let id = request.request;
        // A fresh engine has nothing kept, so every prompt is read whole and alone.
        let alone = one(&mut load(&path, settings()), request);
        assert_eq!(beside[&(id, 0)].text, alone.text, "request {id}");
    }
}

#[test]
fn logits_are_the_same_to_the_last_bit_alone_and_beside_others() {
    let (_folder, path) = tiny_model();
    let requests = || {
        neighbours().into_iter().map(|request| Generate {
            sampling: Sampling { ignore_eos: true, ..request.sampling.clone() },
            logprobs: Some(3),
            cache_salt: request.request.to_string(),
            ..request
        })
    };
    let beside = run(&mut load(&path, settings()), requests().collect());
    for request in requests() {
        let key = (request.request, 0);
        let alone = one(&mut load(&path, settings()), request);
        assert!(!alone.logprobs.is_empty());
        assert_eq!(beside[&key].logprobs, alone.logprobs, "{key:?}");
    }
}

#[test]
fn a_kept_prefix_changes_nothing_but_the_work() {
    let (_folder, path) = tiny_model();
    let mut engine = load(&path, settings());
    let text = "the hand in the sand and the other one there ";
    let request = |id| Generate { logprobs: Some(1), ..generate(id, text, 20) };
    let cold = one(&mut engine, request(1));
    assert_eq!(cold.cached_tokens, 0);
    let warm = one(&mut engine, request(2));
    assert_eq!(warm.cached_tokens, warm.prompt_tokens - 1);
    assert_eq!((warm.text, warm.logprobs), (cold.text.clone(), cold.logprobs));
    // A longer prompt goes on where the kept one ends.
    let longer = format!("{text}and more");
    let branch = one(&mut engine, generate(3, &longer, 20));
    assert!(branch.cached_tokens > 10, "{}", branch.cached_tokens);
    assert_eq!(branch.text, one(&mut load(&path, settings()), generate(3, &longer, 20)).text);
    // Another tenant, or another adapter, never sees it.
    let foreign = Generate { cache_salt: "other".to_owned(), ..generate(4, text, 20) };
    let foreign = one(&mut engine, foreign);
    assert_eq!((foreign.cached_tokens, &foreign.text), (0, &cold.text));
}

#[test]
fn a_prefix_that_many_share_is_read_once() {
    let (_folder, path) = tiny_model();
    let mut engine = load(&path, settings());
    let text =
        "the hand in the sand and the other one there, as it was in the hour of the ant ".repeat(2);
    let requests =
        (1..=8).map(|id| generate(id, &format!("{text}{id}"), 8)).collect::<Vec<Generate>>();
    let beside = run(&mut engine, requests.clone());
    let read = engine.stats().prompt_tokens;
    let whole: u64 = beside.values().map(|reply| u64::from(reply.prompt_tokens)).sum();
    assert!(read < whole / 4, "{read} of {whole} tokens were read");
    for request in requests {
        let id = request.request;
        assert_eq!(beside[&(id, 0)].text, one(&mut load(&path, settings()), request).text, "{id}");
    }
}

/// Runs requests in a cache that is too small for them, and each alone in one that is not.
///
/// Cells that become free in the middle of the cache are used again, and then a sequence's cells
/// are not in the order of its tokens. ggml adds attention up in half precision in the order of
/// the cells, so logits change in the fourth digit: a trained model writes the same words, one of
/// random weights, where every choice is close, need not.
fn crowded(path: &Path, requests: &[Generate], trained: bool) {
    let context = if trained { 512 } else { 256 };
    let small = LoadSettings { kv_tokens: context, parallel: 6, ..settings() };
    let mut engine = load(path, small);
    let beside = run(&mut engine, requests.to_vec());
    for request in requests {
        let alone = run(&mut load(path, settings()), vec![request.clone()]);
        for (key, alone) in alone {
            let reply = &beside[&key];
            assert_eq!(reply.finish, Some(Finish::Length), "{key:?}: {:?}", reply.error);
            assert_eq!(Some(reply.completion_tokens), request.max_tokens);
            if trained {
                assert_eq!(reply.text, alone.text, "{key:?}");
            }
        }
    }
}

/// Requests that each want most of a context, but are expected to want less.
fn greedy_ones(count: u64, tokens: u32) -> Vec<Generate> {
    let sampling = Sampling { ignore_eos: true, ..greedy() };
    (1..=count)
        .zip(OPENINGS)
        .map(|(id, text)| Generate { sampling: sampling.clone(), ..generate(id, text, tokens) })
        .collect()
}

#[test]
fn a_full_cache_makes_the_youngest_wait_and_nobody_fail() {
    let (_folder, path) = tiny_model();
    crowded(&path, &greedy_ones(6, 200), false);
    if let Some(path) = stories() {
        crowded(&path, &greedy_ones(6, 330), true);
    }
}

#[test]
fn sequences_of_one_request_give_way_too() {
    let (_folder, path) = tiny_model();
    let sampling = Sampling { ignore_eos: true, ..wild(3) };
    let request =
        |sampling, tokens| Generate { sampling, sequences: 4, ..generate(1, "the hand", tokens) };
    crowded(&path, &[request(sampling, 150)], false);
    if let Some(path) = stories() {
        let sampling = Sampling { ignore_eos: true, ..greedy() };
        crowded(&path, &[request(sampling, 250)], true);
    }
}

#[test]
fn cancelling_takes_effect_at_once_and_frees_cells() {
    let (_folder, path) = tiny_model();
    let mut engine = load(&path, LoadSettings { parallel: 4, ..settings() });
    let sampling = Sampling { ignore_eos: true, ..greedy() };
    let mut replies = Replies::new();
    for id in 1..=8 {
        let sequences = if id == 2 { 3 } else { 1 };
        let request =
            Generate { sampling: sampling.clone(), sequences, ..generate(id, "the", 100) };
        engine.submit(Box::new(request));
    }
    for _ in 0..10 {
        engine.step();
        enter(&mut replies, engine.take_output());
    }
    // Running ones, waiting ones, and one that is not known.
    for id in [1, 2, 8, 77] {
        engine.cancel(id);
    }
    enter(&mut replies, engine.take_output());
    for key in [(1, 0), (2, 0), (2, 1), (2, 2), (8, 0)] {
        assert_eq!(replies[&key].finish, Some(Finish::Cancelled), "{key:?}");
    }
    drive(&mut engine, &mut replies, |_| {});
    for id in 3..=7 {
        assert_eq!(replies[&(id, 0)].finish, Some(Finish::Length), "{id}");
    }
    // Nothing runs, and cancelling what has ended is no error.
    engine.cancel(3);
    assert!(engine.is_idle());
}

#[test]
fn cancelling_everything_leaves_no_cell_in_use() {
    let (_folder, path) = tiny_model();
    let mut engine = load(&path, settings());
    for id in 1..=5 {
        engine.submit(Box::new(Generate { max_tokens: None, ..generate(id, "the hand", 0) }));
    }
    for _ in 0..5 {
        engine.step();
    }
    assert!(engine.stats().kv_used > 0);
    for id in 1..=5 {
        engine.cancel(id);
    }
    assert_eq!(engine.stats().kv_used, 0);
}

#[test]
fn a_full_queue_refuses_at_once_and_says_when_to_come_back() {
    let (_folder, path) = tiny_model();
    let mut engine = load(&path, LoadSettings { parallel: 1, queue: 2, ..settings() });
    let mut replies = Replies::new();
    engine.submit(Box::new(generate(1, "the", 50)));
    engine.step();
    for id in 2..=6 {
        engine.submit(Box::new(generate(id, "the", 5)));
    }
    enter(&mut replies, engine.take_output());
    for id in 4..=6 {
        let error = replies[&(id, 0)].error.clone().unwrap();
        assert_eq!(error.code, ErrorCode::Overloaded);
        assert!(error.retry_after.is_some_and(|seconds| seconds >= 1));
    }
    drive(&mut engine, &mut replies, |_| {});
    for id in 1..=3 {
        assert!(replies[&(id, 0)].finish.is_some(), "{id}");
    }
}

#[test]
fn a_long_prompt_does_not_hold_up_a_reply() {
    let (_folder, path) = tiny_model();
    let mut engine = load(&path, LoadSettings { step_target_ms: 1, ..settings() });
    let sampling = Sampling { ignore_eos: true, ..greedy() };
    engine.submit(Box::new(Generate { sampling, ..generate(1, "the", 120) }));
    let mut replies = Replies::new();
    for _ in 0..3 {
        engine.step();
        enter(&mut replies, engine.take_output());
    }
    engine.submit(Box::new(generate(2, &"hand in ".repeat(30), 4)));
    let mut before = replies[&(1, 0)].completion_tokens;
    let mut steps = 0;
    while replies.get(&(2, 0)).is_none_or(|reply| reply.prompt_tokens == 0) {
        let tokens = engine.stats().completion_tokens;
        engine.step();
        assert!(engine.stats().completion_tokens > tokens, "the reply stood still");
        enter(&mut replies, engine.take_output());
        before += 1;
        steps += 1;
        assert!(steps < 100);
    }
    assert!(steps > 1, "the prompt was read in one step of {:?}", Duration::from_millis(1));
    assert!(before > 0);
    drive(&mut engine, &mut replies, |_| {});
}

#[test]
fn adapters_apply_to_their_requests_only() {
    let (folder, path) = tiny_model();
    let lora = |name: &str, seed| LoraAdapter {
        name: name.to_owned(),
        path: adapter(folder.path(), seed).to_str().unwrap().to_owned(),
        scale: 1.0,
    };
    let lora = vec![lora("one", 1), lora("two", 2)];
    let mut engine = load(&path, LoadSettings { lora, ..settings() });
    let names = [None, Some("one"), Some("two"), None, Some("one"), Some("two")];
    let request = |id: u64, name: Option<&str>| {
        let sampling = Sampling { ignore_eos: true, ..greedy() };
        let lora = name.map(str::to_owned);
        Generate { sampling, lora, ..generate(id, "the hand", 20) }
    };
    let mixed: Vec<Generate> = (1..).zip(names).map(|(id, name)| request(id, name)).collect();
    let replies = run(&mut engine, mixed);
    for id in 1..=3 {
        assert_eq!(replies[&(id, 0)].text, replies[&(id + 3, 0)].text);
    }
    let texts: BTreeSet<&str> = replies.values().map(|reply| reply.text.as_str()).collect();
    assert_eq!(texts.len(), 3);
    let plain = one(&mut load(&path, settings()), request(1, None));
    assert_eq!(plain.text, replies[&(1, 0)].text);
    let error = one(&mut engine, request(9, Some("three"))).error.unwrap();
    assert!(error.message.contains("one, two"), "{error}");
}

#[test]
fn other_kv_types_work() {
    let (_folder, path) = tiny_model();
    let mut engine = load(&path, LoadSettings { kv_type: KvType::F32, ..settings() });
    let reply = one(&mut engine, generate(1, "the", 8));
    assert!(reply.error.is_none());
    // Heads of eight dimensions cannot be quantized; that must be an error, not a crash.
    let settings = LoadSettings { kv_type: KvType::Q8_0, ..settings() };
    let request = engine_protocol::Load { path: path.to_str().unwrap().to_owned(), settings };
    let error = engine_llama::Engine::load(&request, &mut |_| true, None).err().unwrap();
    assert_eq!(error.code, ErrorCode::LoadFailed);
}

#[test]
fn the_pulse_beats_in_every_step_and_can_stop_it() {
    let (_folder, path) = tiny_model();
    let beats = Rc::new(Cell::new(0_u32));
    let stop = Rc::new(Cell::new(false));
    let pulse = {
        let (beats, stop) = (Rc::clone(&beats), Rc::clone(&stop));
        Box::new(move || {
            beats.set(beats.get() + 1);
            stop.get()
        })
    };
    let request = Load { path: path.to_str().unwrap().to_owned(), settings: settings() };
    let mut engine = Engine::load(&request, &mut |_| true, Some(pulse)).unwrap();
    engine.submit(Box::new(generate(1, "the", 50)));
    for _ in 0..3 {
        let before = beats.get();
        engine.step();
        assert!(beats.get() > before + 10, "{}", beats.get());
    }
    assert!(!engine.is_stopped());
    stop.set(true);
    engine.step();
    assert!(engine.is_stopped());
}

#[test]
fn a_crowd_that_comes_and_goes_leaves_nothing_behind() {
    let (_folder, path) = tiny_model();
    let small = LoadSettings { kv_tokens: 300, parallel: 5, queue: 12, ..settings() };
    let mut engine = load(&path, small);
    let mut replies = Replies::new();
    let mut noise = 1_u32;
    let mut roll = |sides: u32| {
        noise = noise.wrapping_mul(1_103_515_245).wrapping_add(12_345);
        (noise >> 16) % sides
    };
    let mut expected = BTreeSet::new();
    for id in 1..=120_u64 {
        let sequences = 1 + roll(3);
        let text = OPENINGS[roll(15) as usize].repeat(1 + roll(4) as usize);
        let request = Generate {
            sampling: if roll(2) == 0 { wild(roll(1000)) } else { greedy() },
            sequences,
            cache_salt: roll(2).to_string(),
            max_tokens: (roll(5) > 0).then(|| roll(60)),
            stop: vec!["the".to_owned()],
            ..generate(id, &text, 0)
        };
        engine.submit(Box::new(request));
        expected.insert((id, sequences));
        for _ in 0..roll(12) {
            engine.step();
        }
        if roll(4) == 0 {
            engine.cancel(1 + u64::from(roll(u32::try_from(id).unwrap())));
        }
        enter(&mut replies, engine.take_output());
    }
    drive(&mut engine, &mut replies, |_| {});
    for (id, sequences) in expected {
        if let Some(error) = &replies[&(id, 0)].error {
            assert_eq!(error.code, ErrorCode::Overloaded, "{error}");
            continue;
        }
        for sequence in 0..sequences {
            assert!(replies[&(id, sequence)].finish.is_some(), "{id} {sequence}");
        }
    }
    let stats = engine.stats();
    assert_eq!((stats.running, stats.waiting), (0, 0));
    // What is left in the cache are prefixes: a request that needs all of it gets it.
    let whole = Generate {
        sampling: Sampling { ignore_eos: true, ..greedy() },
        max_tokens: None,
        ..generate(1000, "Zebra", 0)
    };
    let reply = one(&mut engine, whole);
    assert_eq!(reply.prompt_tokens + reply.completion_tokens, 256);
}
