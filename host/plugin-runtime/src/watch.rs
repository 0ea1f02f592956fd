//! Follows the plugins' folder.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use crate::PluginError;
use crate::runtime::Shared;

/// A file that is being copied changes many times; it is looked at when it has been quiet so long.
const QUIET: Duration = Duration::from_millis(50);
/// But after so long it is looked at anyway.
const PATIENCE: Duration = Duration::from_secs(1);

/// Keeps a runtime in step with its folder; dropping it ends that.
#[must_use = "the folder is followed only as long as this lives"]
pub struct Watch {
    _watcher: RecommendedWatcher,
}

impl Watch {
    pub(crate) fn start(runtime: &Arc<Shared>) -> Result<Self, PluginError> {
        let failed = |cause: String| PluginError::Watch { path: runtime.dir().into(), cause };
        // One place is enough: what matters is that something changed, not how often.
        let (sender, receiver) = sync_channel(1);
        let begin = sender.clone();
        let handler = move |event| tell(&sender, event);
        let mut watcher =
            notify::recommended_watcher(handler).map_err(|e| failed(e.to_string()))?;
        watcher
            .watch(runtime.dir(), RecursiveMode::NonRecursive)
            .map_err(|e| failed(e.to_string()))?;
        // Whatever changed between the first look and now is found by a second one.
        let _ = begin.try_send(());
        drop(begin);
        let runtime = Arc::downgrade(runtime);
        thread::Builder::new()
            .name("plugin-watch".into())
            .spawn(move || follow(&receiver, &runtime))
            .map_err(|e| failed(e.to_string()))?;
        Ok(Self { _watcher: watcher })
    }
}

/// Our own reading of the files must not count as a change.
fn tell(sender: &SyncSender<()>, event: notify::Result<notify::Event>) {
    let matters = match event.map(|event| event.kind) {
        Ok(EventKind::Access(AccessKind::Close(AccessMode::Write))) | Err(_) => true,
        Ok(kind) => !kind.is_access(),
    };
    if matters {
        // Full means that a look is due already.
        let _ = sender.try_send(());
    }
}

/// Looks at the folder after each burst of changes, until the watcher or the runtime is gone.
fn follow(changes: &Receiver<()>, runtime: &Weak<Shared>) {
    while changes.recv().is_ok() {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            match changes.recv_timeout(QUIET) {
                Ok(()) => {}
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
        let Some(runtime) = runtime.upgrade() else { return };
        if let Err(error) = runtime.refresh() {
            tracing::warn!(%error, "the plugins' folder cannot be looked at; the old ones serve");
        }
    }
}
