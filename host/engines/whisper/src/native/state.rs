//! Running the network on a piece of sound.

use std::ffi::CString;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use whisper_rs_sys as sys;

use super::log::give_up;
use super::model::Model;
use super::watch::{Pulse, Records, Watch, on_compute, on_logits, on_segments, on_window};
use crate::ladder::Ladder;
use crate::mel::{Mel, Spectrogram, WINDOW};

/// Positions of the encoder that a CPU computes, rather than 1500: enough for the longest piece,
/// and a multiple of 64, which its matrix kernels need. Fewer for a shorter piece cost less, and
/// accuracy too where the model is trained with the silence behind the sound, as most are.
const CPU_POSITIONS: usize = 1472;
/// Positions that a window which fits its sound is a multiple of.
const POSITIONS: usize = 64;
/// Positions of silence that it has behind the sound at least.
const SILENT_POSITIONS: usize = 8;
/// Frames of a position.
const FRAMES: usize = 2;
/// Languages that whisper.cpp knows.
const LANGUAGES: usize = 100;
/// whisper.cpp takes sound of fewer frames than this for none.
const SHORTEST: usize = 10;
/// What a failed allocation returns, after which whisper.cpp has given the state back itself.
const FREED: i32 = -7;

/// What a decode works in.
pub(crate) struct State {
    raw: NonNull<sys::whisper_state>,
    model: Arc<Model>,
    mel: Arc<Mel>,
    /// The samples of the last piece and what was made of them, kept for their memory.
    samples: Vec<f32>,
    spectrogram: Spectrogram,
}

// SAFETY: a state belongs to whoever holds it, and whisper.cpp ties it to no thread.
unsafe impl Send for State {}

/// What is to be decoded, and how.
pub(crate) struct Request<'a> {
    pub(crate) samples: &'a [i16],
    pub(crate) threads: u32,
    pub(crate) language: &'a str,
    pub(crate) translate: bool,
    pub(crate) timestamps: bool,
    /// In seconds; 0: anywhere.
    pub(crate) latest_start: f32,
    /// In front of every window.
    pub(crate) prompt: &'a [i32],
    /// How many tokens of the windows before a window stand in front of it.
    pub(crate) rolling: u32,
    /// The tokens that start decoding.
    pub(crate) start_tokens: usize,
    pub(crate) ladder: &'a Ladder,
    pub(crate) suppress: &'a [u32],
    pub(crate) suppress_first: &'a [u32],
    pub(crate) entropy_threshold: f32,
    pub(crate) logprob_threshold: f32,
    pub(crate) no_speech_threshold: f32,
    pub(crate) beam_size: u32,
    pub(crate) best_of: u32,
    /// 0: as many as the network has room for.
    pub(crate) max_tokens: u32,
    pub(crate) cancel: &'a AtomicBool,
    pub(crate) pulse: &'a Pulse,
}

/// A token as whisper.cpp gives it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct RawToken {
    pub(crate) id: u32,
    pub(crate) probability: f32,
    pub(crate) logprob: f32,
}

/// A segment as whisper.cpp gives it; times are hundredths of a second from the piece's beginning.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Decoded {
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) tokens: Vec<RawToken>,
    /// The number of its window.
    pub(crate) window: usize,
    pub(crate) temperature: f32,
    pub(crate) no_speech: f32,
}

/// Why there is no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Stopped {
    /// It was cancelled.
    #[error("cancelled")]
    Cancelled,
    /// whisper.cpp failed.
    #[error("whisper.cpp failed with code {0}")]
    Failed(i32),
    /// The state is gone with the failure.
    #[error("whisper.cpp had no memory for its KV cache")]
    NoMemory,
}

impl State {
    /// Makes a state; `None` where there is no memory for it.
    pub(crate) fn new(model: Arc<Model>, mel: Arc<Mel>) -> Option<Self> {
        // SAFETY: the context is live, and the state keeps it so.
        let raw = NonNull::new(unsafe { sys::whisper_init_state(model.raw()) })?;
        let (samples, spectrogram) = (Vec::new(), Spectrogram::default());
        Some(Self { raw, model, mel, samples, spectrogram })
    }

    /// How likely each of whisper.cpp's languages is, by its number.
    pub(crate) fn languages(&mut self, samples: &[i16], threads: u32) -> Result<Vec<f32>, Stopped> {
        self.hear(samples)?;
        let threads = number(threads);
        let mut probabilities = vec![0.0; LANGUAGES];
        // SAFETY: context and state are live; the table lives for the call, and has an entry for
        // each language.
        let code = unsafe {
            if usize::try_from(sys::whisper_lang_max_id()) != Ok(LANGUAGES - 1) {
                return Err(Stopped::Failed(-1));
            }
            let (context, state) = (self.model.raw(), self.raw.as_ptr());
            let table = probabilities.as_mut_ptr();
            sys::whisper_lang_auto_detect_with_state(context, state, 0, threads, table)
        };
        if code < 0 { Err(Stopped::Failed(code)) } else { Ok(probabilities) }
    }

    /// Decodes a piece.
    ///
    /// After [`Stopped::NoMemory`] the state must not be used again.
    pub(crate) fn decode(&mut self, request: &Request<'_>) -> Result<Vec<Decoded>, Stopped> {
        self.hear(request.samples)?;
        if self.spectrogram.sounding < SHORTEST {
            return Ok(Vec::new());
        }
        let context = if request.prompt.is_empty() && request.rolling == 0 {
            0
        } else {
            1 + request.prompt.len() + request.rolling as usize
        };
        let prompt = if request.prompt.is_empty() { 0 } else { 1 + request.prompt.len() };
        let watch = Watch {
            cancel: request.cancel,
            pulse: request.pulse,
            ladder: request.ladder,
            suppress: request.suppress,
            suppress_first: request.suppress_first,
            end: self.model.tokens.end as usize,
            no_speech: self.model.tokens.no_speech as usize,
            vocabulary: self.model.tokens.count as usize,
            text_context: self.model.text_context as usize,
            prompt: prompt + request.start_tokens,
            no_speech_threshold: request.no_speech_threshold,
            logprob_threshold: request.logprob_threshold,
            records: Mutex::new(Records::default()),
        };
        let Ok(language) = CString::new(request.language) else { return Err(Stopped::Failed(-3)) };
        let mut params = self.params(request, context);
        params.language = language.as_ptr();
        let data = (&raw const watch).cast_mut().cast();
        params.abort_callback = Some(on_compute);
        params.abort_callback_user_data = data;
        params.encoder_begin_callback = Some(on_window);
        params.encoder_begin_callback_user_data = data;
        params.logits_filter_callback = Some(on_logits);
        params.logits_filter_callback_user_data = data;
        params.new_segment_callback = Some(on_segments);
        params.new_segment_callback_user_data = data;
        // SAFETY: context and state are live; everything that the parameters point to and the watch
        // live for the call, the callbacks only share the watch, and without samples whisper.cpp
        // takes the spectrogram that the state has.
        let code = unsafe {
            let (context, state) = (self.model.raw(), self.raw.as_ptr());
            sys::whisper_full_with_state(context, state, params, std::ptr::null(), 0)
        };
        give_up(false);
        if request.cancel.load(Ordering::Relaxed) && code != FREED {
            return Err(Stopped::Cancelled);
        }
        match code {
            0 => Ok(self.results(&watch)),
            FREED => Err(Stopped::NoMemory),
            code => Err(Stopped::Failed(code)),
        }
    }

    /// Gives up a state that whisper.cpp has given back already.
    pub(crate) fn forget(self) {
        let state = std::mem::ManuallyDrop::new(self);
        // SAFETY: the state is never used again, so the model is taken out of it once.
        drop(unsafe { std::ptr::read(&raw const state.model) });
    }

    fn params(&self, request: &Request<'_>, context: usize) -> sys::whisper_full_params {
        let beam = request.beam_size > 1;
        let strategy = if beam {
            sys::whisper_sampling_strategy_WHISPER_SAMPLING_BEAM_SEARCH
        } else {
            sys::whisper_sampling_strategy_WHISPER_SAMPLING_GREEDY
        };
        // SAFETY: takes one of the enumeration's values.
        let mut params = unsafe { sys::whisper_full_default_params(strategy) };
        params.n_threads = number(request.threads);
        params.n_max_text_ctx = i32::try_from(context).unwrap_or(i32::MAX);
        params.translate = request.translate;
        params.no_context = true;
        params.no_timestamps = !request.timestamps;
        params.print_progress = false;
        params.print_realtime = false;
        params.print_timestamps = false;
        params.max_tokens = number(request.max_tokens);
        // The silence behind the sound is for the encoder alone; a frame is a hundredth of a second.
        params.duration_ms = i32::try_from(self.spectrogram.sounding * 10).unwrap_or(i32::MAX);
        params.audio_ctx = i32::try_from(self.positions()).unwrap_or(0);
        params.carry_initial_prompt = true;
        params.prompt_tokens = request.prompt.as_ptr();
        params.prompt_n_tokens = i32::try_from(request.prompt.len()).unwrap_or(0);
        // The plan's own lists say what is suppressed.
        params.suppress_blank = false;
        params.suppress_nst = false;
        params.temperature = request.ladder.first();
        params.temperature_inc = request.ladder.step();
        params.max_initial_ts = request.latest_start;
        params.entropy_thold = request.entropy_threshold;
        params.logprob_thold = request.logprob_threshold;
        // Its own figure is not to be trusted; the watch has the right one.
        params.no_speech_thold = 2.0;
        params.greedy.best_of = number(request.best_of.max(1));
        params.beam_search.beam_size = number(request.beam_size.max(1));
        params
    }

    /// How many positions the encoder computes; 0: all.
    fn positions(&self) -> usize {
        let all = if self.model.accelerated { 0 } else { CPU_POSITIONS };
        if !self.model.fit {
            return all;
        }
        let sounding = self.spectrogram.sounding.div_ceil(FRAMES) + SILENT_POSITIONS;
        let fit = sounding.next_multiple_of(POSITIONS);
        if fit < CPU_POSITIONS { fit } else { all }
    }

    /// Gives the state the spectrogram of some samples.
    fn hear(&mut self, samples: &[i16]) -> Result<(), Stopped> {
        self.samples.clear();
        self.samples.extend(samples.iter().map(|sample| f32::from(*sample) / 32_768.0));
        self.mel.spectrogram(&self.samples, WINDOW, &mut self.spectrogram);
        let Spectrogram { values, bands, frames, .. } = &self.spectrogram;
        let size = |count: &usize| i32::try_from(*count).map_err(|_| Stopped::Failed(-2));
        let (frames, bands) = (size(frames)?, size(bands)?);
        // SAFETY: context and state are live; there is a value for each frame of each band, and they
        // are copied.
        let code = unsafe {
            let (context, state) = (self.model.raw(), self.raw.as_ptr());
            sys::whisper_set_mel_with_state(context, state, values.as_ptr(), frames, bands)
        };
        if code == 0 { Ok(()) } else { Err(Stopped::Failed(code)) }
    }

    fn results(&self, watch: &Watch<'_>) -> Vec<Decoded> {
        let records = watch.records();
        let state = self.raw.as_ptr();
        // SAFETY: the state is live and at rest; segments and tokens are counted by itself.
        let count = unsafe { sys::whisper_full_n_segments_from_state(state) };
        let segment = |(index, (window, attempt)): (i32, &(usize, usize))| {
            // SAFETY: `index` is below the count.
            let (start, end, tokens) = unsafe {
                (
                    sys::whisper_full_get_segment_t0_from_state(state, index),
                    sys::whisper_full_get_segment_t1_from_state(state, index),
                    sys::whisper_full_n_tokens_from_state(state, index),
                )
            };
            let token = |at: i32| {
                // SAFETY: both are below their counts.
                let data = unsafe { sys::whisper_full_get_token_data_from_state(state, index, at) };
                RawToken {
                    id: u32::try_from(data.id).unwrap_or_default(),
                    probability: data.p,
                    logprob: data.plog,
                }
            };
            Decoded {
                start,
                end,
                tokens: (0..tokens).map(token).collect(),
                window: *window,
                temperature: watch.ladder.temperature(*attempt),
                no_speech: records.windows.get(*window).map_or(0.0, |window| window.no_speech),
            }
        };
        (0..count).zip(&records.segments).map(segment).collect()
    }
}

impl Drop for State {
    fn drop(&mut self) {
        // SAFETY: the state is live, since a state that whisper.cpp gave back is forgotten.
        unsafe { sys::whisper_free_state(self.raw.as_ptr()) }
    }
}

/// A number as whisper.cpp takes it.
fn number(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}
