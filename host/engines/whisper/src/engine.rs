//! All recordings, and which of them gets the next free worker.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine_protocol::{
    Audio, EngineError, ErrorCode, Event, EventKind, Finish, LoadedModel, MAX_AUDIO_BYTES,
    RequestId, SAMPLE_RATE, Transcribe, WorkerStats,
};

use crate::cutter::Cutter;
use crate::load::Loaded;
use crate::plan::Plan;
use crate::pool::{Pool, Report, Sink, What};
use crate::recording::Recording;
use crate::worker::{Desk, Job, News};

/// A job that shows no sign of life for this long is given up. The encoder of the largest model
/// takes a minute on one slow core, and says nothing meanwhile.
const HUNG: Duration = Duration::from_mins(5);
/// Sound that all recordings together may hold, in bytes.
const MOST_SOUND: u64 = 2 << 30;
/// Pieces that may wait for each worker before more of a recording is listened to.
const AHEAD: usize = 3;
/// A piece is about to be done when less than this part of its time is left; what takes longer than
/// others by more than that is not waited for. On all threads a piece takes some six tenths of its
/// time on one.
const SOON: f64 = 0.3;
const LATE: f64 = 0.3;
/// How much the latest piece counts in the mean of their durations.
const WEIGHT: f64 = 0.2;

/// The recordings that are being written down.
pub(crate) struct Engine {
    loaded: Loaded,
    pool: Pool<Job>,
    workers: u32,
    recordings: BTreeMap<RequestId, Recording>,
    events: Vec<Event>,
    stats: WorkerStats,
    /// What the least served recording has been given.
    least: u64,
    /// Seconds from one piece to the next.
    pace: f64,
    /// How long the last piece took.
    piece: Duration,
    last_done: Instant,
}

impl Engine {
    pub(crate) fn new(loaded: Loaded, reports: Sink<News>) -> Self {
        let workers = loaded.model.parallel;
        let (model, mel) = (Arc::clone(&loaded.weights), Arc::clone(&loaded.mel));
        let vad = loaded.vad.clone();
        let desk = move || Desk::new(Arc::clone(&model), Arc::clone(&mel), vad.clone());
        let pool = Pool::new(workers, loaded.threads, reports, desk);
        Self {
            loaded,
            pool,
            workers,
            recordings: BTreeMap::new(),
            events: Vec::new(),
            stats: WorkerStats::default(),
            least: 0,
            pace: 1.0,
            piece: Duration::ZERO,
            last_done: Instant::now(),
        }
    }

    /// What there is to say of the model.
    pub(crate) fn loaded(&self) -> &LoadedModel {
        &self.loaded.model
    }

    /// Opens a recording.
    pub(crate) fn open(&mut self, transcribe: Transcribe) {
        let request = transcribe.request;
        match self.admit(transcribe) {
            Ok(recording) => {
                self.recordings.insert(request, recording);
            }
            Err(error) => self.event(request, EventKind::Failed(error)),
        }
    }

    fn admit(&self, transcribe: Transcribe) -> Result<Recording, EngineError> {
        if self.recordings.contains_key(&transcribe.request) {
            let text = format!("request {} is open already", transcribe.request);
            return Err(EngineError::new(ErrorCode::Invalid, text));
        }
        let limit = self.loaded.running.saturating_add(self.loaded.queue) as usize;
        if self.recordings.len() >= limit {
            let text = format!(
                "{} recordings are being transcribed or wait, and {limit} is the limit: try again \
                 later, or raise `parallel` or `queue`",
                self.recordings.len()
            );
            return Err(self.overloaded(text));
        }
        let loaded = &self.loaded;
        let plan = Plan::check(transcribe.plan, &loaded.weights, &loaded.tokenizer)?;
        Ok(Recording::new(plan, Cutter::new(loaded.weights.light), self.least))
    }

    /// Takes sound of a recording; of one that has ended, it is ignored.
    pub(crate) fn audio(&mut self, audio: &Audio) {
        let request = audio.request;
        let held: u64 = self.recordings.values().map(Recording::bytes).sum();
        let Some(recording) = self.recordings.get_mut(&request) else { return };
        let bytes = audio.samples.len() as u64;
        let seconds = (recording.length() + bytes / 2).div_ceil(u64::from(SAMPLE_RATE));
        let limit = self.loaded.audio_seconds;
        let invalid = |text: String| EngineError::new(ErrorCode::Invalid, text);
        let refusal = if recording.is_complete() {
            Some(invalid("sound came after the end of the recording".into()))
        } else if audio.samples.len() > MAX_AUDIO_BYTES {
            Some(invalid(format!(
                "a piece of sound has {bytes} bytes, and {MAX_AUDIO_BYTES} is the limit: send it \
                 in smaller ones"
            )))
        } else if !bytes.is_multiple_of(2) {
            Some(invalid(format!("{bytes} bytes of sound are no whole number of samples")))
        } else if seconds > u64::from(limit) {
            Some(invalid(format!(
                "the recording is longer than {seconds} s, and {limit} s is the limit: send it in \
                 parts, or raise `audio-seconds`"
            )))
        } else if held + bytes > MOST_SOUND {
            let text = format!(
                "{held} bytes of sound wait to be decoded, and {MOST_SOUND} is the limit: try \
                 again later"
            );
            Some(self.overloaded(text))
        } else {
            recording.push(&audio.samples, audio.last);
            None
        };
        match refusal {
            Some(error) => self.fail(request, error),
            None => self.progress(request),
        }
    }

    /// Ends a recording at once; what is still being computed for it is for nobody.
    pub(crate) fn cancel(&mut self, request: RequestId) {
        if let Some(recording) = self.recordings.remove(&request) {
            let completion_tokens = recording.tokens;
            let reason = Finish::Cancelled;
            self.event(request, EventKind::Finished { reason, completion_tokens });
        }
    }

    /// Enters what a worker reports.
    pub(crate) fn report(&mut self, report: Report<News>) {
        let Some(request) = self.pool.owner(&report) else { return };
        let Some(recording) = self.recordings.get_mut(&request) else { return };
        match report.what {
            What::News(news) | What::Done(news) => match news {
                News::Heard { levels, speech } => recording.heard(&levels, speech),
                News::Language(tongue) => recording.speaks(tongue),
                News::Decoded { piece, transcript, took } => {
                    self.piece = took;
                    self.stats.steps += 1;
                    self.stats.completion_tokens += u64::from(transcript.tokens);
                    recording.decoded(&piece, transcript);
                    self.measure();
                }
                // Only a recording that is gone is cancelled.
                News::Cancelled => {}
                News::Failed(error) => {
                    tracing::error!("request {request}: {error}");
                    return self.fail(request, error);
                }
            },
            What::Panicked(text) => {
                tracing::error!("request {request}: a worker panicked: {text}");
                let text = format!("transcribing panicked: {text}");
                return self.fail(request, EngineError::new(ErrorCode::Internal, text));
            }
        }
        self.progress(request);
    }

    /// Gives work to idle workers.
    pub(crate) fn dispatch(&mut self) {
        while self.pool.idle() > 0 && self.pool.free_threads() > 0 {
            if !self.give_listening() && !self.give_decoding() {
                break;
            }
        }
        if let Some(least) = self.recordings.values().map(|recording| recording.spent).min() {
            self.least = self.least.max(least);
        }
    }

    fn give_listening(&mut self) -> bool {
        let ahead = AHEAD * self.workers as usize;
        let mut order: Vec<(u64, RequestId)> =
            self.recordings.iter().map(|(request, r)| (r.spent, *request)).collect();
        order.sort_unstable();
        for (_, request) in order {
            let Some(recording) = self.recordings.get_mut(&request) else { continue };
            if let Some(job) = recording.listen(ahead) {
                return self.pool.give(request, 1, job);
            }
        }
        false
    }

    /// Gives a piece of the recording that has been given least.
    fn give_decoding(&mut self) -> bool {
        let ready = self.recordings.iter_mut().filter(|(_, recording)| recording.ready() > 0);
        let Some((request, recording)) = ready.min_by_key(|(request, r)| (r.spent, **request))
        else {
            return false;
        };
        let request = *request;
        let unheard = usize::from(recording.has_unheard());
        let rivals: usize = self.recordings.values().map(Recording::ready).sum();
        let rivals = u32::try_from(rivals + unheard).unwrap_or(u32::MAX);
        if rivals == 1 && self.is_better_held() {
            return false;
        }
        let takers = rivals.min(self.pool.idle()).max(1);
        let threads = (self.pool.free_threads() / takers).max(1);
        let recording = self.recordings.get_mut(&request);
        match recording.and_then(|recording| recording.decode(threads)) {
            Some(job) => self.pool.give(request, threads, job),
            None => false,
        }
    }

    /// Whether the only piece that is left should wait for all threads: the others are about to be
    /// done, and it would be the last one, on some of the threads, while the rest have nothing to do.
    fn is_better_held(&self) -> bool {
        self.pool.busy() > 0 && self.pool.since().all(|since| is_nearly_done(self.piece, since))
    }

    /// Gives up what hangs.
    pub(crate) fn watch(&mut self) {
        for request in self.pool.give_up(HUNG) {
            let seconds = HUNG.as_secs();
            let text = format!("transcribing showed no sign of life for {seconds} s");
            tracing::error!("request {request}: {text}");
            self.fail(request, EngineError::new(ErrorCode::Internal, text));
        }
    }

    /// Why the engine should make way for a fresh one, once nobody needs this one.
    pub(crate) fn fault(&self) -> Option<EngineError> {
        let lost = self.pool.lost();
        (lost > 0 && self.recordings.is_empty()).then(|| {
            let text = format!("{lost} hung threads are left behind: the engine starts afresh");
            EngineError::new(ErrorCode::Internal, text)
        })
    }

    /// What there is to tell the host.
    pub(crate) fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// The state of the engine.
    pub(crate) fn stats(&self) -> WorkerStats {
        let running = self.recordings.values().filter(|recording| recording.is_running()).count();
        let waiting = self.recordings.len() - running;
        let context = self.loaded.model.context_length;
        WorkerStats {
            running: u32::try_from(running).unwrap_or(u32::MAX),
            waiting: u32::try_from(waiting).unwrap_or(u32::MAX),
            kv_used: self.pool.busy() * context,
            kv_total: self.workers * context,
            ..self.stats
        }
    }

    fn progress(&mut self, request: RequestId) {
        let Some(recording) = self.recordings.get_mut(&request) else { return };
        if let Some((segments, until_ms)) = recording.report() {
            self.event(request, EventKind::Segments { segments, until_ms });
        }
        let Some(recording) = self.recordings.get(&request) else { return };
        if recording.is_over() {
            let completion_tokens = recording.tokens;
            self.recordings.remove(&request);
            let reason = Finish::Stop;
            self.event(request, EventKind::Finished { reason, completion_tokens });
        }
    }

    fn fail(&mut self, request: RequestId, error: EngineError) {
        if self.recordings.remove(&request).is_some() {
            self.event(request, EventKind::Failed(error));
        }
    }

    fn event(&mut self, request: RequestId, kind: EventKind) {
        self.events.push(Event { request, sequence: 0, kind });
    }

    /// Enters how long the last piece took, with all workers at it.
    fn measure(&mut self) {
        let took = self.last_done.elapsed().as_secs_f64().min(60.0);
        self.last_done = Instant::now();
        self.pace += WEIGHT * (took - self.pace);
    }

    fn overloaded(&self, text: String) -> EngineError {
        let pieces: usize = self.recordings.values().map(Recording::backlog).sum();
        let wait = Duration::from_secs_f64((self.pace * pieces.max(1) as f64).clamp(0.0, 600.0));
        let seconds = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).max(1);
        EngineError { retry_after: Some(seconds), ..EngineError::new(ErrorCode::Overloaded, text) }
    }
}

/// Whether a piece is about to be done that was begun so long ago, where the last one took so long.
fn is_nearly_done(last: Duration, since: Duration) -> bool {
    let (last, since) = (last.as_secs_f64(), since.as_secs_f64());
    (-LATE * last..SOON * last).contains(&(last - since))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(last: u64, since: u64, expect: bool) {
        let ms = Duration::from_millis;
        assert_eq!(is_nearly_done(ms(last), ms(since)), expect, "{since} of {last}");
    }

    #[test]
    fn the_last_piece_waits_for_those_that_are_nearly_done() {
        check(1000, 0, false);
        check(1000, 690, false);
        check(1000, 710, true);
        check(1000, 1290, true);
        check(1000, 1310, false);
        // Nothing is known yet.
        check(0, 0, false);
        check(0, 500, false);
    }
}
