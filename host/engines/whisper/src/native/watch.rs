//! What whisper.cpp calls back while it decodes: filters, the abort flag, and signs of life.

use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use whisper_rs_sys as sys;

use super::log::give_up;
use crate::ladder::Ladder;

/// When a worker last showed that it is alive.
#[derive(Debug)]
pub(crate) struct Pulse {
    since: Instant,
    last: AtomicU64,
}

impl Default for Pulse {
    fn default() -> Self {
        Self { since: Instant::now(), last: AtomicU64::new(0) }
    }
}

impl Pulse {
    /// It is alive.
    pub(crate) fn beat(&self) {
        let now = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(now, Ordering::Relaxed);
    }

    /// How long it has been silent.
    pub(crate) fn silence(&self) -> Duration {
        let last = Duration::from_millis(self.last.load(Ordering::Relaxed));
        self.since.elapsed().saturating_sub(last)
    }
}

/// What is known of a window that is being decoded.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Window {
    /// How many temperatures have been tried.
    attempts: usize,
    /// The probability that there is no speech in it.
    pub(super) no_speech: f32,
    /// The tokens of the first attempt so far, and the sum of their log probabilities.
    first: (usize, f32),
    /// Whether the first attempt has shown that there is no speech in it.
    silent: bool,
}

/// The settings and the records of one decode, which all callbacks get.
pub(super) struct Watch<'a> {
    pub(super) cancel: &'a AtomicBool,
    pub(super) pulse: &'a Pulse,
    pub(super) ladder: &'a Ladder,
    pub(super) suppress: &'a [u32],
    pub(super) suppress_first: &'a [u32],
    pub(super) end: usize,
    pub(super) no_speech: usize,
    pub(super) vocabulary: usize,
    pub(super) text_context: usize,
    /// How many tokens the first window's prompt has.
    pub(super) prompt: usize,
    /// Above this probability of no speech, a doubtful window is silence.
    pub(super) no_speech_threshold: f32,
    /// Below this mean of log probabilities, a window is doubtful.
    pub(super) logprob_threshold: f32,
    pub(super) records: Mutex<Records>,
}

/// What the callbacks have seen.
#[derive(Debug, Default)]
pub(super) struct Records {
    pub(super) windows: Vec<Window>,
    /// For each segment, its window and the attempt that it comes from.
    pub(super) segments: Vec<(usize, usize)>,
}

impl Watch<'_> {
    /// Whether the decode is to end; whisper.cpp complains of that, to nobody's use.
    fn is_given_up(&self) -> bool {
        let given_up = self.cancel.load(Ordering::Relaxed);
        if given_up {
            give_up(true);
        }
        given_up
    }

    pub(super) fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Filters the logits of the next token, after `tokens`; `rows` are the network's own.
    fn filter(&self, tokens: &[sys::whisper_token_data], logits: &mut [f32], rows: *const f32) {
        let mut records = self.records();
        let Some(window) = records.windows.last_mut() else { return };
        if tokens.is_empty() {
            // This happens once for each temperature, before its decoders go apart.
            window.attempts += 1;
            if window.attempts == 1 {
                window.no_speech = self.no_speech_probability(logits, rows);
            } else {
                let (count, sum) = window.first;
                let doubtful = count > 0 && sum / (count as f32) < self.logprob_threshold;
                window.silent = doubtful && window.no_speech > self.no_speech_threshold;
            }
        } else if window.attempts == 1 && tokens.len() >= window.first.0 {
            window.first = (tokens.len(), tokens.iter().map(|token| token.plog).sum());
        }
        let (silent, attempt) = (window.silent, window.attempts.saturating_sub(1));
        drop(records);
        if silent {
            // An empty window is all that is left to find; this ends the search for a better one.
            logits.fill(f32::NEG_INFINITY);
            if let Some(end) = logits.get_mut(self.end) {
                *end = 0.0;
            }
            return;
        }
        let scale = self.ladder.scale(attempt);
        if (scale - 1.0).abs() > f32::EPSILON {
            for logit in &mut *logits {
                *logit *= scale;
            }
        }
        let first = if tokens.is_empty() { self.suppress_first } else { &[] };
        for token in self.suppress.iter().chain(first) {
            if let Some(logit) = logits.get_mut(*token as usize) {
                *logit = f32::NEG_INFINITY;
            }
        }
    }

    /// The probability of no speech after the prompt.
    ///
    /// whisper.cpp's own figure is read from the first row of logits, but the row that it has
    /// computed is the prompt's last. That row is the one that `logits` were copied from.
    fn no_speech_probability(&self, logits: &[f32], rows: *const f32) -> f32 {
        if rows.is_null() {
            return 0.0;
        }
        let temperature = self.ladder.internal(0);
        let probes = || (0..16).map(|n| 300 + 97 * n);
        let guess = self.prompt.saturating_sub(1);
        let last = self.text_context.saturating_sub(1);
        let others = (0..=(guess + 224).min(last)).filter(|row| *row != guess);
        for row in std::iter::once(guess.min(last)).chain(others) {
            // SAFETY: whisper.cpp reserves as many rows as the text context has tokens when it
            // makes the state; rows that are not in use hold what was there before.
            let row = unsafe {
                std::slice::from_raw_parts(rows.add(row * self.vocabulary), self.vocabulary)
            };
            let same = probes().all(|at| match (row.get(at), logits.get(at)) {
                (Some(raw), Some(logit)) => {
                    let scaled = if temperature > 0.0 { raw / temperature } else { *raw };
                    scaled.to_bits() == logit.to_bits()
                }
                _ => false,
            });
            if same {
                let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let sum: f32 = row.iter().map(|logit| (logit - most).exp()).sum();
                let logit = row.get(self.no_speech).copied().unwrap_or(f32::NEG_INFINITY);
                return (logit - most).exp() / sum;
            }
        }
        0.0
    }
}

/// Whether the decode is to end.
pub(super) unsafe extern "C" fn on_compute(watch: *mut c_void) -> bool {
    // SAFETY: `State::decode` passes a watch that outlives the call, and only shares it.
    let watch = unsafe { &*watch.cast::<Watch<'_>>() };
    watch.pulse.beat();
    watch.is_given_up()
}

/// A window begins; `false` ends the decode.
pub(super) unsafe extern "C" fn on_window(
    _context: *mut sys::whisper_context,
    _state: *mut sys::whisper_state,
    watch: *mut c_void,
) -> bool {
    // SAFETY: as in `on_compute`.
    let watch = unsafe { &*watch.cast::<Watch<'_>>() };
    watch.pulse.beat();
    watch.records().windows.push(Window::default());
    !watch.is_given_up()
}

/// Logits are there.
pub(super) unsafe extern "C" fn on_logits(
    _context: *mut sys::whisper_context,
    state: *mut sys::whisper_state,
    tokens: *const sys::whisper_token_data,
    count: c_int,
    logits: *mut f32,
    watch: *mut c_void,
) {
    // SAFETY: as in `on_compute`; there is a logit for each token of the vocabulary, and they are
    // this decoder's own; there are `count` tokens, and the pointer may be null where there is none.
    unsafe {
        let watch = &*watch.cast::<Watch<'_>>();
        let count = usize::try_from(count).unwrap_or(0);
        let tokens = if count == 0 { &[] } else { std::slice::from_raw_parts(tokens, count) };
        let logits = std::slice::from_raw_parts_mut(logits, watch.vocabulary);
        watch.filter(tokens, logits, sys::whisper_get_logits_from_state(state));
    }
}

/// Segments were added.
pub(super) unsafe extern "C" fn on_segments(
    _context: *mut sys::whisper_context,
    _state: *mut sys::whisper_state,
    count: c_int,
    watch: *mut c_void,
) {
    // SAFETY: as in `on_compute`.
    let watch = unsafe { &*watch.cast::<Watch<'_>>() };
    let mut records = watch.records();
    let window = records.windows.len().saturating_sub(1);
    let attempt = records.windows.last().map_or(0, |last| last.attempts.saturating_sub(1));
    for _ in 0..count.max(0) {
        records.segments.push((window, attempt));
    }
}
