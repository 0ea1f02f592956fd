//! Validation of `[[model]]` tables.

use std::time::Duration;

use model::Sampling;
use toml::Spanned;

use crate::{
    check::{Checker, Expect},
    error::Problem,
    settings::{KvType, Lora, ModelSettings, Reasoning},
    validate::time,
    values::{Engine, Family, GpuLayers},
    wire,
};

/// The most models that one file may list.
const MOST: usize = 1000;

pub(crate) fn models(checker: &mut Checker<'_>, wire: Vec<wire::Model>) -> Vec<ModelSettings> {
    if let Some(beyond) = wire.get(MOST) {
        let message = format!("{} models are listed, at most {MOST} can be", wire.len());
        checker.report(Problem::at(beyond.name.span(), message));
    }
    let mut taken = Vec::new();
    for model in &wire {
        let name = model.name.get_ref().0.as_str();
        checker.unique(&mut taken, "model", name, model.name.span());
    }
    wire.into_iter().map(|model| self::model(checker, model)).collect()
}

fn model(checker: &mut Checker<'_>, wire: wire::Model) -> ModelSettings {
    let context_length = checker.in_range("context-length", wire.context_length, 16..=MOST_TOKENS);
    let kv_tokens = checker.in_range("kv-tokens", wire.kv_tokens, 16..=MOST_TOKENS);
    ModelSettings {
        path: checker.path(&wire.path, Expect::File),
        name: wire.name.into_inner().0,
        engine: wire.engine.map(|Engine(name)| name),
        description: wire.description,
        family: wire.family.map(|Family(name)| name),
        family_options: wire.family_options.into_iter().collect(),
        reasoning: match wire.reasoning {
            None | Some(wire::Reasoning::Content) => Reasoning::Content,
            Some(wire::Reasoning::Separate) => Reasoning::Separate,
        },
        context_length,
        max_tokens: checker.in_range("max-tokens", wire.max_tokens, 1..=MOST_TOKENS),
        parallel: checker.in_range("parallel", wire.parallel, 1..=192).unwrap_or(16),
        kv_tokens,
        kv_type: match wire.kv_type {
            None | Some(wire::KvType::F16) => KvType::F16,
            Some(wire::KvType::Q8) => KvType::Q8_0,
            Some(wire::KvType::Q4) => KvType::Q4_0,
            Some(wire::KvType::F32) => KvType::F32,
        },
        threads: checker.in_range("threads", wire.threads, 1..=512),
        gpu_layers: match wire.gpu_layers {
            None | Some(GpuLayers::All) => None,
            Some(GpuLayers::Count(count)) => Some(count),
        },
        queue: checker.in_range("queue", wire.queue, 0..=65_536).unwrap_or(64),
        replicas: checker.in_range("replicas", wire.replicas, 1..=64).unwrap_or(1),
        hang_after: time(checker, "hang-after", wire.hang_after, 5000, 3_600_000)
            .unwrap_or(Duration::from_secs(30)),
        max_crashes: checker.in_range("max-crashes", wire.max_crashes, 1..=1000).unwrap_or(5),
        step_target: time(checker, "step-target", wire.step_target, 1, 10_000)
            .unwrap_or(Duration::from_millis(100)),
        mmap: wire.mmap.unwrap_or(true),
        lora: lora(checker, wire.lora),
        vad: wire.vad.map(|vad| checker.path(&vad, Expect::File)),
        audio_seconds: checker
            .in_range("audio-seconds", wire.audio_seconds, 1..=MOST_SECONDS)
            .unwrap_or(6 * 60 * 60),
        fit_audio_context: matches!(wire.audio_context, Some(wire::AudioContext::Fit)),
        sampling: sampling(checker, wire.sampling),
    }
}

/// A week, which no recording is longer than.
const MOST_SECONDS: u32 = 7 * 24 * 60 * 60;

/// More than any model has; engines and requests are held to the same number.
const MOST_TOKENS: u32 = 1 << 24;

fn lora(checker: &mut Checker<'_>, wire: Vec<wire::Lora>) -> Vec<Lora> {
    let mut taken = Vec::new();
    let mut adapters = Vec::new();
    for adapter in wire {
        let span = adapter.name.span();
        let name = adapter.name.into_inner().0;
        checker.unique(&mut taken, "adapter", name.as_str(), span);
        adapters.push(Lora {
            path: checker.path(&adapter.path, Expect::File),
            scale: checker.in_range("scale", adapter.scale, -16.0..=16.0).unwrap_or(1.0),
            name,
        });
    }
    adapters
}

/// Checks each parameter by itself, so that its own line is shown.
fn sampling(checker: &mut Checker<'_>, wire: wire::Sampling) -> Sampling {
    let mut sampling = Sampling { seed: wire.seed, ..Sampling::default() };
    let mut set = |given: Option<Spanned<f32>>, place: fn(&mut Sampling) -> &mut Option<f32>| {
        let Some(given) = given else { return };
        let mut alone = Sampling::default();
        *place(&mut alone) = Some(*given.get_ref());
        report(checker, &alone, &given);
        *place(&mut sampling) = Some(given.into_inner());
    };
    set(wire.temperature, |s| &mut s.temperature);
    set(wire.top_p, |s| &mut s.top_p);
    set(wire.min_p, |s| &mut s.min_p);
    set(wire.typical_p, |s| &mut s.typical_p);
    set(wire.repetition_penalty, |s| &mut s.repetition_penalty);
    set(wire.frequency_penalty, |s| &mut s.frequency_penalty);
    set(wire.presence_penalty, |s| &mut s.presence_penalty);
    if let Some(given) = wire.top_k {
        sampling.top_k = Some(*given.get_ref());
        report(checker, &Sampling { top_k: sampling.top_k, ..Sampling::default() }, &given);
    }
    if let Some(given) = wire.penalty_window {
        sampling.penalty_window = Some(*given.get_ref());
        let alone = Sampling { penalty_window: sampling.penalty_window, ..Sampling::default() };
        report(checker, &alone, &given);
    }
    sampling
}

fn report<T>(checker: &mut Checker<'_>, alone: &Sampling, given: &Spanned<T>) {
    if let Err(error) = alone.validate() {
        let key = error.name.replace('_', "-");
        let message = format!("`{key}` must be {}, it is {}", error.range, error.given);
        checker.report(Problem::at(given.span(), message));
    }
}
