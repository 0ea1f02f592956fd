//! How long steps take, and what of it is ours: `cargo bench -p engine-llama -- MODEL.gguf`.
//!
//! The cost beside the network (planning, sampling, text, events) is what a step takes beyond the
//! time in which nothing but llama.cpp runs; with a model of a few thousand parameters it is
//! nearly all there is.

#![expect(clippy::print_stdout, reason = "a bench prints")]

use std::time::{Duration, Instant};

use engine_llama::Engine;
use engine_protocol::{EngineError, Generate, Load, LoadSettings, Prompt, PromptPart, Sampling};

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
    for (name, sampling) in [("greedy", greedy), ("sampled", sampled)] {
        for count in [1, 4, 16] {
            measure(&mut engine, name, count, &sampling);
        }
    }
    Ok(())
}
