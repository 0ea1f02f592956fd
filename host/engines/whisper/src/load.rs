//! From a file to a model that can run.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine_protocol::{EngineError, ErrorCode, Load, LoadedModel};

use crate::file::{inspect, is_detector};
use crate::mel::Mel;
use crate::native::{self, Model, recent_errors};
use crate::tokenizer::Tokenizer;
use crate::worker::Detector;

/// No machine has more cores that are of use.
const MOST_THREADS: u32 = 512;

/// A model, ready to run, and how to run it.
pub(crate) struct Loaded {
    pub(crate) weights: Arc<Model>,
    pub(crate) mel: Arc<Mel>,
    pub(crate) tokenizer: Tokenizer,
    pub(crate) vad: Option<PathBuf>,
    /// Threads that all pieces together are computed on.
    pub(crate) threads: u32,
    /// Recordings that are transcribed at a time.
    pub(crate) running: u32,
    /// Recordings that may wait beyond them.
    pub(crate) queue: u32,
    pub(crate) audio_seconds: u32,
    pub(crate) model: LoadedModel,
}

/// Loads a model; `progress` gets fractions from 0 to 1.
///
/// # Errors
/// Says what is wrong with the file, or gives whisper.cpp's complaint.
pub(crate) fn load(load: &Load, progress: &mut dyn FnMut(f32)) -> Result<Loaded, EngineError> {
    native::start();
    let settings = &load.settings;
    let path = Path::new(&load.path);
    if !path.is_file() {
        return Err(failed(format!("`{}` is not a file", load.path)));
    }
    let (shape, filters) =
        inspect(path).map_err(|error| failed(format!("`{}`: {error}", load.path)))?;
    let vad = settings.vad.as_deref().map(detector).transpose()?;
    let (devices, accelerated) = native::devices();
    let accelerated = accelerated && settings.gpu_layers != Some(0);
    recent_errors();
    let weights = Model::load(path, accelerated, settings.fit_audio_context, progress)
        .map_err(|error| failed(format!("`{}` cannot be read: {error}", load.path)))?;
    let Some(weights) = weights else {
        let errors = recent_errors().join("; ");
        return Err(failed(format!(
            "`{}` cannot be loaded: whisper.cpp says: {errors}",
            load.path
        )));
    };
    let threads = match settings.threads {
        // A second thread on a core only waits for the first one's arithmetic units.
        0 => u32::try_from(num_cpus::get_physical().min(num_cpus::get())).unwrap_or(1).max(1),
        threads => threads.min(MOST_THREADS),
    };
    let tokenizer = Tokenizer::new((0..weights.tokens.end).map(|token| weights.bytes(token)));
    let running = settings.parallel.max(1);
    // A state more than there are threads would only wait for one.
    let parallel = if accelerated { running } else { running.min(threads) };
    let model = LoadedModel {
        context_length: weights.text_context,
        kv_tokens: weights.text_context.saturating_mul(parallel),
        parallel,
        parameters: shape.parameters,
        weight_bytes: shape.bytes,
        devices,
    };
    Ok(Loaded {
        weights: Arc::new(weights),
        mel: Arc::new(Mel::new(&filters)),
        tokenizer,
        vad,
        threads: threads.max(if accelerated { parallel } else { 1 }),
        running,
        queue: settings.queue,
        audio_seconds: settings.audio_seconds,
        model,
    })
}

/// Makes sure that a voice activity detector can be read.
fn detector(path: &str) -> Result<PathBuf, EngineError> {
    let sound = is_detector(Path::new(path))
        .map_err(|error| failed(format!("the voice activity detector `{path}`: {error}")))?;
    if !sound || Detector::new(Path::new(path)).is_none() {
        return Err(failed(format!(
            "the voice activity detector `{path}` is no silero file in whisper.cpp's format"
        )));
    }
    Ok(PathBuf::from(path))
}

fn failed(text: String) -> EngineError {
    EngineError::new(ErrorCode::LoadFailed, text)
}

#[cfg(test)]
mod tests {
    use engine_protocol::LoadSettings;

    use super::*;

    #[track_caller]
    fn check(file: &str, expect: &[u32]) {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/data/whisper");
        let path = data.join(file);
        if !path.exists() {
            println!("skipped: {} is not here", path.display());
            return;
        }
        let path = path.to_string_lossy().into_owned();
        let loaded = load(&Load { path, settings: LoadSettings::default() }, &mut |_| {}).unwrap();
        let text = " And so my fellow Americans, ask not what your country can do for you, ask what \
                    you can do for your country.";
        assert_eq!(loaded.tokenizer.tail(text, 99), expect);
        let joined: Vec<u8> = expect.iter().flat_map(|id| loaded.weights.bytes(*id)).collect();
        assert_eq!(joined, text.as_bytes());
    }

    #[test]
    fn trained_vocabularies_give_the_tokens_that_models_were_trained_with() {
        check(
            "for-tests-ggml-tiny.en.bin",
            &[
                843, 523, 616, 5891, 3399, 11, 1265, 407, 644, 534, 1499, 460, 466, 329, 345, 11,
                1265, 644, 345, 460, 466, 329, 534, 1499, 13,
            ],
        );
        check(
            "for-tests-ggml-tiny.bin",
            &[
                400, 370, 452, 7177, 6280, 11, 1029, 406, 437, 428, 1941, 393, 360, 337, 291, 11,
                1029, 437, 291, 393, 360, 337, 428, 1941, 13,
            ],
        );
    }
}
