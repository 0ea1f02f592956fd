//! How long steps take, and what of it is ours: `cargo bench -p engine-llama -- MODEL.gguf`.
//!
//! The cost beside the network (planning, sampling, text, events) is what a step takes beyond the
//! time in which nothing but llama.cpp runs; with a model of a few thousand parameters it is
//! nearly all there is.

#![expect(clippy::print_stdout, reason = "a bench prints")]

use std::time::{Duration, Instant};

use engine_llama::Engine;
use engine_protocol::{
    EngineError, FromEngine, Generate, Load, LoadSettings, Prompt, PromptPart, Sampling,
};

/// Tokens generated for each sequence.
const TOKENS: u32 = 200;
const PROMPT: &str = "Once upon a time, there was a little girl named Lily.";

fn request(id: u64, sampling: Sampling) -> Generate {
    let parts = vec![PromptPart::Text(PROMPT.to_owned())];
    Generate {
        request: id,
        prompt: Prompt { parts, ..Prompt::default() },
        sampling: Sampling { ignore_eos: true, ..sampling },
        sequences: 1,
        max_tokens: Some(TOKENS),
        stop: Vec::new(),
        stop_tokens: Vec::new(),
        constraint: None,
        logprobs: None,
        lora: None,
        cache_salt: String::new(),
    }
}

fn measure(engine: &mut Engine, name: &str, count: u64, sampling: &Sampling) {
    for id in 0..count {
        engine.submit(Box::new(request(id, sampling.clone())));
    }
    let (steps, tokens) = (engine.stats().steps, engine.stats().completion_tokens);
    let begun = Instant::now();
    let mut longest = Duration::ZERO;
    while !engine.is_idle() {
        let step = Instant::now();
        engine.step();
        engine.take_output();
        longest = longest.max(step.elapsed());
    }
    let took = begun.elapsed();
    let steps = engine.stats().steps - steps;
    let tokens = engine.stats().completion_tokens - tokens;
    println!(
        "{name:>8} x {count:<2}  {:>9.1} tok/s  {:>8.3} ms/step (longest {:.3})",
        tokens as f64 / took.as_secs_f64(),
        took.as_secs_f64() * 1e3 / steps as f64,
        longest.as_secs_f64() * 1e3,
    );
}

/// Four replies go on while a prompt of half a context is read: how long do they stand still?
fn mixed(engine: &mut Engine, sampling: &Sampling) {
    let half = usize::try_from(engine.loaded().context_length / 2).unwrap_or(256);
    let words = vec!["sun"; half * 2 / 3].join(" ");
    for id in 100..104 {
        engine.submit(Box::new(request(id, sampling.clone())));
    }
    for _ in 0..10 {
        engine.step();
    }
    let read = engine.stats().prompt_tokens;
    let parts = vec![PromptPart::Text(words)];
    let prompt = Prompt { parts, ..Prompt::default() };
    engine.submit(Box::new(Generate {
        prompt,
        max_tokens: Some(1),
        ..request(200, sampling.clone())
    }));
    let begun = Instant::now();
    let mut gaps = Vec::new();
    let mut answered = None;
    while answered.is_none() && !engine.is_idle() {
        let step = Instant::now();
        engine.step();
        gaps.push(step.elapsed());
        let long = |output: &FromEngine| match output {
            FromEngine::Step(events) => events.iter().any(|event| event.request == 200),
            _ => false,
        };
        answered = engine.take_output().iter().any(long).then(|| begun.elapsed());
    }
    gaps.sort_unstable();
    let longest = gaps.last().copied().unwrap_or_default();
    let middle = gaps.get(gaps.len() / 2).copied().unwrap_or_default();
    println!(
        "   mixed: a prompt of {} tokens beside 4 replies: answered after {:.3?}, between tokens \
         {middle:.3?} in the middle, {longest:.3?} at most",
        engine.stats().prompt_tokens - read,
        answered.unwrap_or_default(),
    );
    for id in (100..104).chain([200]) {
        engine.cancel(id);
    }
    engine.take_output();
}

fn main() -> Result<(), EngineError> {
    let path = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let Some(path) = path else {
        println!("give the path of a GGUF file: cargo bench -p engine-llama -- MODEL.gguf");
        return Ok(());
    };
    let threads = std::env::var("THREADS").ok().and_then(|count| count.parse().ok()).unwrap_or(0);
    let load = Load { path, settings: LoadSettings { threads, ..LoadSettings::default() } };
    let mut engine = Engine::load(&load, &mut |_| true, None)?;
    println!("{:?}", engine.loaded());
    let greedy = Sampling { temperature: Some(0.0), ..Sampling::default() };
    let sampled = Sampling { seed: Some(1), ..Sampling::default() };
    for (name, sampling) in [("greedy", greedy.clone()), ("sampled", sampled)] {
        for count in [1, 4, 16] {
            measure(&mut engine, name, count, &sampling);
        }
    }
    mixed(&mut engine, &greedy);
    Ok(())
}
