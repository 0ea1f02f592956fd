//! From a file to a model that can run.

use std::ffi::CString;
use std::path::Path;
use std::sync::Arc;

use engine_protocol::{EngineError, ErrorCode, Load, LoadSettings, LoadedModel};

use crate::native::{
    self, Adapter, Context, ContextOptions, Pulse, Weights, WeightsOptions, recent_errors,
};
use crate::vocabulary::Vocabulary;

/// Tokens in one batch at most, where a device other than the CPU computes.
const BATCH: u32 = 512;
/// The same for the CPU. From 64 tokens on ggml computes attention in tiles, with other rounding,
/// and more would gain nothing: a CPU is busy with far fewer. One place is the companion's.
const CPU_BATCH: u32 = 62;
/// llama.cpp's limit on sequences is 256; the rest is for prefixes that are kept.
const MOST_PARALLEL: u32 = 192;
/// Sequences that keep the prefixes of finished ones.
const KEPT: u32 = 32;
/// What a sequence needs on average, where the operator does not say.
const MODERATE: u32 = 1024;
/// A context length that the weights do not declare.
const UNDECLARED: u32 = 4096;
/// No model has more, and what multiplies with it must not overflow.
const LONGEST: u32 = 1 << 24;

/// A model, ready to run.
pub(crate) struct Model {
    pub(crate) context: Context,
    pub(crate) vocabulary: Arc<Vocabulary>,
    pub(crate) adapters: Vec<(Adapter, f32)>,
    pub(crate) names: Vec<String>,
    /// Sequences in llama.cpp's sense: those that run and those that are kept.
    pub(crate) slots: u32,
    /// Whether prefixes can be shared.
    pub(crate) shares: bool,
    /// Tokens in one batch at most.
    pub(crate) batch: usize,
    pub(crate) loaded: LoadedModel,
}

/// Loads a vocabulary without weights.
///
/// # Errors
/// Gives llama.cpp's complaint.
pub fn vocabulary(path: &Path) -> Result<Vocabulary, EngineError> {
    native::start();
    let options = WeightsOptions { mmap: true, gpu_layers: 0, vocabulary_only: true };
    let path = c_path(&path.to_string_lossy())?;
    let weights = Weights::load(&path, &options, &mut |_| true);
    let weights = weights.ok_or_else(|| failed("the vocabulary cannot be read"))?;
    Ok(Vocabulary::new(Arc::new(weights)))
}

/// Loads a model; `progress` gets fractions from 0 to 1 and may stop it by returning `false`.
///
/// # Errors
/// Gives llama.cpp's complaint, or says what the engine cannot run.
pub(crate) fn load(
    load: &Load,
    progress: &mut dyn FnMut(f32) -> bool,
    pulse: Option<Pulse>,
) -> Result<Model, EngineError> {
    native::start();
    let settings = &load.settings;
    if !Path::new(&load.path).is_file() {
        return Err(failed(&format!("`{}` is not a file", load.path)));
    }
    recent_errors();
    let options = WeightsOptions {
        mmap: settings.mmap,
        gpu_layers: settings
            .gpu_layers
            .map_or(-1, |layers| i32::try_from(layers).unwrap_or(i32::MAX)),
        vocabulary_only: false,
    };
    let weights = Weights::load(&c_path(&load.path)?, &options, progress);
    let mut weights =
        weights.ok_or_else(|| failed(&format!("`{}` cannot be loaded", load.path)))?;
    if !weights.is_causal_decoder() {
        return Err(unsupported("is not a decoder, so it cannot generate text", &load.path));
    }
    if !weights.has_vocabulary() {
        return Err(unsupported("has no vocabulary", &load.path));
    }
    let (adapters, names) = adapters(&mut weights, settings)?;
    let weights = Arc::new(weights);
    let shares = !weights.keeps_state();
    let parallel = settings.parallel.clamp(1, MOST_PARALLEL);
    let slots = if shares { parallel + KEPT } else { parallel };
    let context_length = match (settings.context_length, weights.trained_context()) {
        (0, 0) => UNDECLARED,
        (0, trained) => trained,
        (wanted, _) => wanted,
    }
    .min(LONGEST);
    let moderate = parallel.saturating_mul(context_length.min(MODERATE));
    let kv_tokens = match settings.kv_tokens {
        0 => context_length.max(moderate),
        wanted => wanted.max(context_length),
    }
    .min(LONGEST);
    let threads = match settings.threads {
        // A second thread on a core only waits for the first one's arithmetic units.
        0 => u32::try_from(num_cpus::get_physical().min(num_cpus::get())).unwrap_or(1).max(1),
        threads => threads.min(512),
    };
    let (devices, accelerated) = native::devices();
    let batch = if accelerated && settings.gpu_layers != Some(0) { BATCH } else { CPU_BATCH };
    let options = ContextOptions {
        kv_tokens,
        sequences: slots,
        batch: batch + 1,
        threads,
        kv_type: settings.kv_type,
        steady: shares && batch == CPU_BATCH && weights.is_float(),
    };
    let context = Context::new(Arc::clone(&weights), &options, pulse);
    let context = context.ok_or_else(|| {
        failed(&format!(
            "no context of {kv_tokens} KV tokens can be made; a smaller context length or KV \
             cache, or another KV type, may do"
        ))
    })?;
    let loaded = LoadedModel {
        context_length: context_length.min(context.cells()),
        kv_tokens: context.cells(),
        parallel,
        parameters: weights.parameters(),
        weight_bytes: weights.bytes(),
        devices,
    };
    let vocabulary = Arc::new(Vocabulary::new(weights));
    let batch = usize::try_from(batch).unwrap_or(1);
    Ok(Model { context, vocabulary, adapters, names, slots, shares, batch, loaded })
}

type Adapters = (Vec<(Adapter, f32)>, Vec<String>);

fn adapters(weights: &mut Weights, settings: &LoadSettings) -> Result<Adapters, EngineError> {
    let (mut adapters, mut names) = (Vec::new(), Vec::new());
    for lora in &settings.lora {
        if !Path::new(&lora.path).is_file() {
            return Err(failed(&format!("adapter `{}`: `{}` is not a file", lora.name, lora.path)));
        }
        if !lora.scale.is_finite() {
            return Err(failed(&format!("adapter `{}`: its scale is not a number", lora.name)));
        }
        let adapter = weights.load_adapter(&c_path(&lora.path)?).ok_or_else(|| {
            failed(&format!("adapter `{}`: `{}` does not fit the weights", lora.name, lora.path))
        })?;
        adapters.push((adapter, lora.scale));
        names.push(lora.name.clone());
    }
    Ok((adapters, names))
}

fn c_path(path: &str) -> Result<CString, EngineError> {
    CString::new(path).map_err(|_| failed("the path has a NUL byte in it"))
}

fn unsupported(what: &str, path: &str) -> EngineError {
    EngineError::new(ErrorCode::LoadFailed, format!("`{path}` {what}"))
}

/// A failure, with what llama.cpp said about it.
fn failed(what: &str) -> EngineError {
    let errors = recent_errors();
    let message = if errors.is_empty() {
        what.to_owned()
    } else {
        format!("{what}: llama.cpp says: {}", errors.join("; "))
    };
    EngineError::new(ErrorCode::LoadFailed, message)
}
