//! What a worker does: it listens for speech, and decodes pieces.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use engine_protocol::{EngineError, ErrorCode, Task};
use whisper_rs::{WhisperVadContext, WhisperVadContextParams};

use crate::loudness::level;
use crate::mel::Mel;
use crate::native::{Model, Pulse, Request, State, Stopped};
use crate::piece::Piece;
use crate::plan::{Plan, Tongue};
use crate::pool::Runner;
use crate::sound::FRAME;
use crate::transcript::{Scribe, Transcript};

/// What a worker is given.
pub(crate) enum Job {
    /// To find how loud frames are, and how likely speech.
    Listen {
        samples: Vec<i16>,
        /// Frames in front that only lead in.
        lead: usize,
        cancel: Arc<AtomicBool>,
    },
    /// To write down a piece.
    Decode(Box<Decode>),
}

/// A piece to be written down.
pub(crate) struct Decode {
    pub(crate) piece: Piece,
    pub(crate) samples: Vec<i16>,
    pub(crate) plan: Arc<Plan>,
    /// The language, where it is known.
    pub(crate) tongue: Option<Tongue>,
    /// What stands in front of its windows.
    pub(crate) prompt: Vec<u32>,
    /// How many tokens of the windows before a window stand in front of it, too.
    pub(crate) rolling: u32,
    pub(crate) threads: u32,
    pub(crate) cancel: Arc<AtomicBool>,
}

/// What comes of it.
pub(crate) enum News {
    /// The levels of frames, and how likely each is speech, where a detector says so.
    Heard { levels: Vec<f32>, speech: Option<Vec<f32>> },
    /// The language that is spoken.
    Language(Tongue),
    /// A piece, written down.
    Decoded { piece: Piece, transcript: Transcript, took: Duration },
    /// Nothing, since the recording is gone.
    Cancelled,
    /// Nothing, by a fault.
    Failed(EngineError),
}

/// One worker's tools, made when they are first needed.
pub(crate) struct Desk {
    model: Arc<Model>,
    mel: Arc<Mel>,
    vad: Option<PathBuf>,
    state: Option<State>,
    detector: Option<Detector>,
}

impl Desk {
    pub(crate) fn new(model: Arc<Model>, mel: Arc<Mel>, vad: Option<PathBuf>) -> Self {
        Self { model, mel, vad, state: None, detector: None }
    }

    fn listen(&mut self, samples: &[i16], lead: usize, pulse: &Pulse, cancel: &AtomicBool) -> News {
        let frame = usize::try_from(FRAME).unwrap_or(1);
        let levels = samples.chunks(frame).skip(lead).map(level).collect();
        let Some(path) = &self.vad else { return News::Heard { levels, speech: None } };
        if self.detector.is_none() {
            self.detector = Detector::new(path);
        }
        let Some(detector) = &mut self.detector else {
            let text = format!("the voice activity detector `{}` cannot be read", path.display());
            return News::Failed(EngineError::new(ErrorCode::Internal, text));
        };
        if cancel.load(Ordering::Relaxed) {
            return News::Cancelled;
        }
        pulse.beat();
        match detector.probabilities(samples) {
            Some(all) => {
                News::Heard { levels, speech: Some(all.get(lead..).unwrap_or_default().to_vec()) }
            }
            None => News::Failed(internal("the voice activity detector failed")),
        }
    }

    fn decode(
        &mut self,
        mut job: Decode,
        pulse: &Pulse,
        say: &mut dyn FnMut(News),
    ) -> Result<News, EngineError> {
        let begun = Instant::now();
        let mut state = match self.state.take() {
            Some(state) => state,
            None => State::new(Arc::clone(&self.model), Arc::clone(&self.mel))
                .ok_or_else(|| internal("there is no memory for another transcription"))?,
        };
        if job.tongue.is_none() {
            let probabilities = state
                .languages(&job.samples, job.threads)
                .map_err(|error| internal(&format!("language detection: {error}")))?;
            let likely = |tongue: &&Tongue| {
                probabilities.get(tongue.number as usize).copied().unwrap_or_default()
            };
            let best = job.plan.tongues.iter().max_by(|a, b| likely(a).total_cmp(&likely(b)));
            if let Some(tongue) = best.cloned() {
                say(News::Language(tongue.clone()));
                job.tongue = Some(tongue);
            }
        }
        let prompt: Vec<i32> =
            job.prompt.iter().filter_map(|token| i32::try_from(*token).ok()).collect();
        let plan = &job.plan;
        let asked = &plan.asked;
        let rules = asked.timestamps.as_ref();
        let request = Request {
            samples: &job.samples,
            threads: job.threads,
            language: Plan::code(job.tongue.as_ref()),
            translate: asked.task == Task::Translate,
            timestamps: rules.is_some(),
            latest_start: rules.map_or(0.0, |rules| rules.latest_start_ms as f32 / 1000.0),
            prompt: &prompt,
            rolling: job.rolling,
            start_tokens: asked.start.len(),
            ladder: &plan.ladder,
            suppress: &asked.suppress,
            suppress_first: &asked.suppress_first,
            entropy_threshold: asked.entropy_threshold,
            logprob_threshold: asked.logprob_threshold,
            no_speech_threshold: asked.no_speech_threshold,
            beam_size: asked.beam_size,
            best_of: asked.best_of,
            max_tokens: plan.max_tokens,
            cancel: &job.cancel,
            pulse,
        };
        let decoded = match state.decode(&request) {
            Ok(decoded) => decoded,
            Err(Stopped::NoMemory) => {
                state.forget();
                return Err(internal(&Stopped::NoMemory.to_string()));
            }
            Err(Stopped::Cancelled) => {
                self.state = Some(state);
                return Ok(News::Cancelled);
            }
            // What it left behind is not to be trusted.
            Err(error) => return Err(internal(&error.to_string())),
        };
        self.state = Some(state);
        let tongue = job.tongue.as_ref();
        let scribe =
            Scribe { model: &self.model, plan, tongue, piece: &job.piece, samples: &job.samples };
        let transcript = scribe.write(&decoded);
        Ok(News::Decoded { piece: job.piece, transcript, took: begun.elapsed() })
    }
}

impl Runner for Desk {
    type Job = Job;
    type News = News;

    fn run(&mut self, job: Job, pulse: &Pulse, say: &mut dyn FnMut(News)) -> News {
        match job {
            Job::Listen { samples, lead, cancel } => self.listen(&samples, lead, pulse, &cancel),
            Job::Decode(job) if job.cancel.load(Ordering::Relaxed) => News::Cancelled,
            Job::Decode(job) => self.decode(*job, pulse, say).unwrap_or_else(News::Failed),
        }
    }
}

/// Silero's voice activity detector.
pub(crate) struct Detector {
    context: WhisperVadContext,
    samples: Vec<f32>,
}

impl Detector {
    /// Reads its weights; `None`: they cannot be read.
    pub(crate) fn new(path: &std::path::Path) -> Option<Self> {
        let mut params = WhisperVadContextParams::new();
        params.set_n_threads(1);
        let context = WhisperVadContext::new(path.to_str()?, params).ok()?;
        Some(Self { context, samples: Vec::new() })
    }

    /// How likely each frame is speech; the last one may be shorter.
    pub(crate) fn probabilities(&mut self, samples: &[i16]) -> Option<Vec<f32>> {
        self.samples.clear();
        self.samples.extend(samples.iter().map(|sample| f32::from(*sample) / 32_768.0));
        self.context.detect_speech(&self.samples).ok()?;
        Some(self.context.probabilities().to_vec())
    }
}

/// A fault, for the log.
fn internal(text: &str) -> EngineError {
    EngineError::new(ErrorCode::Internal, text)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::islands::{Frame, Islands};
    use crate::sound::{ms, samples};

    #[test]
    fn silero_is_heard_as_whisper_hears_it() {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/data");
        let Ok(wav) = std::fs::read(data.join("audio/jfk.wav")) else {
            println!("skipped: {} is not here", data.display());
            return;
        };
        let at = wav.windows(4).position(|four| four == b"data").unwrap() + 8;
        let sound: Vec<i16> =
            wav[at..].as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair)).collect();
        let weights = data.join("whisper/for-tests-silero-v6.2.0-ggml.bin");
        let speech = Detector::new(&weights).unwrap().probabilities(&sound).unwrap();
        assert_eq!(speech.len(), 344);
        let frames: Vec<Frame> =
            speech.iter().map(|speech| Frame { speech: *speech, level: -20.0 }).collect();
        let mut islands = Islands::new(samples(96));
        islands.push(&frames);
        islands.finish(sound.len() as u64);
        let found: Vec<_> = islands.take().iter().map(|s| (ms(s.start), ms(s.end))).collect();
        assert_eq!(found.len(), 4, "{found:?}");
        // whisper.cpp puts 30 ms around each.
        for (found, expect) in found.iter().zip([320, 3300, 5400, 8200]) {
            assert!(found.0.abs_diff(expect) < 150, "{found:?} is not at {expect}");
        }
    }
}
