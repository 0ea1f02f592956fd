//! An engine without a host ends.

use std::{
    io,
    os::unix::net::UnixStream,
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use rustix::event::{PollFd, PollFlags, poll};

use super::reader::{Patience, wait};

/// How long an engine may take to notice that its host is gone before it is ended by force.
///
/// A native call, such as reading weights, cannot be interrupted; without a host it must not keep
/// memory and a device for minutes.
const GRACE: Duration = Duration::from_secs(5);

/// What is reported of a socket whose other end is closed, without looking at what it holds.
#[cfg(target_os = "linux")]
const GONE: PollFlags = PollFlags::RDHUP;
#[cfg(not(target_os = "linux"))]
const GONE: PollFlags = PollFlags::empty();

/// A thread that sleeps until the host is gone or the engine has ended.
pub(super) struct Watch {
    /// Dropped when the engine has ended.
    running: UnixStream,
    thread: JoinHandle<()>,
}

impl Watch {
    /// Watches the host's end of this socket.
    pub(super) fn start(socket: Arc<UnixStream>) -> io::Result<Self> {
        let (running, ended) = UnixStream::pair()?;
        let thread = thread::Builder::new().name("host-watch".into()).spawn(move || {
            if let Err(error) = watch(&socket, &ended) {
                tracing::error!("cannot tell whether the host is there: {error}");
            }
        })?;
        Ok(Self { running, thread })
    }

    /// The engine has ended by itself.
    pub(super) fn end(self) {
        drop(self.running);
        if self.thread.join().is_err() {
            tracing::error!("the thread that watches the host panicked");
        }
    }
}

fn watch(host: &UnixStream, engine: &UnixStream) -> io::Result<()> {
    loop {
        let mut watched = [PollFd::new(host, GONE), PollFd::new(engine, PollFlags::IN)];
        match poll(&mut watched, None) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        }
        let [_, engine] = watched.map(|fd| !fd.revents().is_empty());
        if engine {
            return Ok(());
        }
        break;
    }
    if !wait(engine, PollFlags::IN, Patience::Until(Instant::now() + GRACE))? {
        tracing::error!("the host is gone and the engine has not ended: aborting");
        std::process::abort();
    }
    Ok(())
}
