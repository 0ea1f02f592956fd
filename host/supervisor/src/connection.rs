//! A session in use: what the worker says goes to the callers, what they ask goes to the worker.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use engine_ipc::{HostReceiver, HostSender, HostSession, IpcError};
use engine_protocol::{EngineError, ErrorCode, FromEngine, LoadedModel, MAX_FRAME_BYTES, ToEngine};
use tokio::{
    sync::{Notify, mpsc},
    time::{Instant, sleep, timeout},
};

use crate::{
    SupervisorError,
    link::{Command, Link, Piece},
    replica::Replica,
    requests::Requests,
};

/// Commands written with one flush.
const BATCH: usize = 64;
/// A worker that seems hung gets this long after all, in case it was the host that stood still.
const SECOND_LOOK: Duration = Duration::from_millis(250);

/// An engine that goes on shows a sign of life within this time, whatever it does.
const LOOKS_AGAIN: Duration = Duration::from_secs(1);

/// Why a session ended.
#[derive(Debug)]
pub(crate) enum End {
    /// The worker said that it cannot load the model.
    LoadFailed(EngineError),
    /// The worker closed its end.
    Closed,
    /// The session broke.
    Broken(IpcError),
    /// The worker said something that it may not say.
    Rude(&'static str),
    /// The worker has been silent for so long.
    Silent(Duration),
}

/// The session of one worker, from its greeting to its end.
pub(crate) struct Connection<'a> {
    replica: &'a Replica,
    link: Arc<Link>,
    requests: Mutex<Requests>,
    heard: Mutex<Heard>,
    /// Wakes the watchdog when the model has been loaded and another limit applies.
    loaded: Notify,
}

/// The last sign of life, and how long the worker may now be silent.
#[derive(Clone, Copy)]
struct Heard {
    at: Instant,
    limit: Duration,
    /// Since when the model is ready.
    ready: Option<Instant>,
}

impl<'a> Connection<'a> {
    pub(crate) fn new(replica: &'a Replica, link: Arc<Link>) -> Self {
        let limit = replica.options().load_stall;
        Self {
            replica,
            link,
            requests: Mutex::default(),
            heard: Mutex::new(Heard { at: Instant::now(), limit, ready: None }),
            loaded: Notify::new(),
        }
    }

    /// Serves until the session ends.
    ///
    /// Reading never waits for writing: otherwise host and worker could each wait for the other to
    /// read.
    pub(crate) async fn serve(
        &self,
        session: &mut HostSession,
        commands: &mut mpsc::Receiver<Command>,
    ) -> End {
        tokio::select! {
            end = self.read(&mut session.receiver) => end,
            error = self.write(&mut session.sender, commands) => self.last_word(&mut session.receiver, error).await,
            end = self.watch() => end,
        }
    }

    /// For how long the model has been ready.
    pub(crate) fn ready_for(&self) -> Duration {
        self.heard().ready.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Ends every request with the same failure.
    pub(crate) fn fail_all(&self, commands: &mut mpsc::Receiver<Command>, error: &SupervisorError) {
        let looked = self.heard().at + LOOKS_AGAIN;
        self.requests().fail_all(error, looked);
        commands.close();
        while let Ok(command) = commands.try_recv() {
            // The request that a piece of audio belongs to has been failed above, or is in here too.
            if let Command::Begin(begin) = command {
                begin.work.fail(error.clone());
            }
        }
    }

    async fn read(&self, receiver: &mut HostReceiver) -> End {
        loop {
            let message = match receiver.next().await {
                None => return End::Closed,
                Some(Err(error)) => return End::Broken(error),
                Some(Ok(message)) => message,
            };
            self.heard().at = Instant::now();
            match message {
                FromEngine::Step(events) => {
                    let mut requests = self.requests();
                    for event in events {
                        let request = event.request;
                        if requests.event(event) {
                            self.link.cancel(request);
                        }
                    }
                }
                FromEngine::Tokens { request, tokens } => self.requests().answer(request, tokens),
                FromEngine::Heartbeat(stats) => self.replica.beat(stats),
                FromEngine::Loading { fraction } => self.replica.loading(fraction),
                FromEngine::Loaded(model) => {
                    if let Some(end) = self.ready(model) {
                        return end;
                    }
                }
                FromEngine::LoadFailed(error) => return End::LoadFailed(error),
                FromEngine::Hello(_) => return End::Rude("it greeted a second time"),
            }
        }
    }

    fn ready(&self, model: LoadedModel) -> Option<End> {
        {
            let mut heard = self.heard();
            if heard.ready.is_some() {
                return Some(End::Rude("it loaded a second time"));
            }
            heard.ready = Some(Instant::now());
            heard.limit = self.replica.spec().hang_after;
        }
        self.loaded.notify_one();
        self.replica.ready(model, Arc::clone(&self.link));
        None
    }

    /// A worker that dies breaks writing before its last messages are read.
    async fn last_word(&self, receiver: &mut HostReceiver, error: IpcError) -> End {
        let broken = End::Broken(error);
        match timeout(SECOND_LOOK, self.read(receiver)).await {
            Ok(end) => end,
            Err(_) => broken,
        }
    }

    async fn write(
        &self,
        sender: &mut HostSender,
        commands: &mut mpsc::Receiver<Command>,
    ) -> IpcError {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            tokio::select! {
                // The link holds a sender, so the queue stays open.
                _ = commands.recv_many(&mut batch, BATCH) => {}
                () = self.link.cancelled() => {}
            }
            for command in batch.drain(..) {
                if let Err(error) = self.ask(sender, command).await {
                    return error;
                }
            }
            for request in self.link.take_cancelled() {
                let open = self.requests().cancel(request);
                if open && let Err(error) = sender.feed(&ToEngine::Cancel { request }).await {
                    return error;
                }
            }
            if let Err(error) = sender.flush().await {
                return error;
            }
        }
    }

    async fn ask(&self, sender: &mut HostSender, command: Command) -> Result<(), IpcError> {
        let begin = match command {
            Command::Begin(begin) if begin.work.is_orphaned() => return Ok(()),
            Command::Begin(begin) => begin,
            Command::Audio(piece) => return self.hand_over(sender, piece).await,
        };
        let (request, message) = self.requests().open(begin);
        match sender.feed(&message).await {
            Err(IpcError::FrameTooLong) => {
                let text = format!(
                    "the request is longer than the {MAX_FRAME_BYTES} bytes that an engine takes"
                );
                let error = EngineError::new(ErrorCode::PromptTooLong, text);
                self.requests().fail(request, error.into());
                Ok(())
            }
            other => other,
        }
    }

    /// Writes a piece of a recording, unless its request has ended meanwhile.
    async fn hand_over(&self, sender: &mut HostSender, piece: Piece) -> Result<(), IpcError> {
        if !self.requests().is_open(piece.audio.request) {
            return Ok(());
        }
        let Piece { audio, place } = piece;
        let written = sender.feed(&ToEngine::Audio(audio)).await;
        drop(place);
        written
    }

    async fn watch(&self) -> End {
        loop {
            let heard = *self.heard();
            let left = heard.limit.saturating_sub(heard.at.elapsed());
            if timeout(left, self.loaded.notified()).await.is_ok() {
                continue;
            }
            if self.heard().at == heard.at {
                sleep(SECOND_LOOK).await;
                if self.heard().at == heard.at {
                    return End::Silent(heard.limit);
                }
            }
        }
    }

    fn requests(&self) -> MutexGuard<'_, Requests> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
