//! One worker, from its start to its end.

use std::{path::Path, time::Duration};

use engine_ipc::{HostSession, IpcError, Listener};
use engine_protocol::{Hello, ToEngine};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::{
    Cause, SupervisorError,
    connection::{Connection, End},
    explain::explain,
    link::Link,
    process::Process,
    replica::Replica,
};

/// How long a worker whose session is over may take to exit by itself; its clients wait for it,
/// since its end says why.
const AFTER_SESSION: Duration = Duration::from_millis(500);

/// How a worker ended.
#[derive(Debug)]
pub(crate) enum Exit {
    /// It was asked to.
    Stopped,
    /// It did not come up, and says so: a model that never did is given up for that.
    Refused(Cause),
    /// It died after it had been ready for so long.
    Died { cause: Cause, ready: Duration },
}

/// Starts a worker on this socket, and runs it until it ends or `stop` fires.
pub(crate) async fn run(replica: &Replica, socket: &Path, stop: &CancellationToken) -> Exit {
    if let Err(cause) = replica.spec().check.run().await {
        return Exit::Refused(cause);
    }
    let listener = match Listener::bind(socket) {
        Ok(listener) => listener,
        Err(error) => return Exit::Refused(Cause::told(error.to_string())),
    };
    let mut process = match Process::spawn(replica.spec(), socket, replica.log()) {
        Ok(process) => process,
        Err(cause) => return Exit::Refused(cause),
    };
    replica.spawned(process.pid());
    let hello = Hello::new("host", env!("CARGO_PKG_VERSION"));
    let session = tokio::select! {
        session = listener.accept(&hello, replica.options().start_limit) => session,
        // Its socket says nothing of a process that has not connected.
        _ = process.wait() => Err(IpcError::ClosedEarly),
        () = stop.cancelled() => {
            process.end(Duration::ZERO).await;
            return Exit::Stopped;
        }
    };
    let session = match session {
        Ok(session) => session,
        Err(error) => return not_greeted(replica, process, &error).await,
    };
    replica.greeted(&session.peer);
    converse(replica, process, session, stop).await
}

async fn not_greeted(replica: &Replica, process: Process, error: &IpcError) -> Exit {
    if let IpcError::Incompatible(versions) = error {
        return Exit::Refused(Cause::told(versions.to_string()));
    }
    // A process that has gone says more by its end and its log.
    let (seen, grace) = match error {
        IpcError::ClosedEarly | IpcError::Io(_) => (None, AFTER_SESSION),
        other => (Some(other.to_string()), Duration::ZERO),
    };
    let status = process.end(grace).await;
    let cause = explain(seen.as_deref(), status, &replica.log().lines());
    Exit::Died { cause, ready: Duration::ZERO }
}

async fn converse(
    replica: &Replica,
    process: Process,
    mut session: HostSession,
    stop: &CancellationToken,
) -> Exit {
    let load = ToEngine::Load(Box::new(replica.spec().load.clone()));
    let (link, mut commands) =
        Link::new(replica.index(), replica.options().command_queue, replica.in_flight());
    let connection = Connection::new(replica, link);
    let end = tokio::select! {
        end = async {
            match session.sender.send(&load).await {
                Ok(()) => connection.serve(&mut session, &mut commands).await,
                Err(error) => End::Broken(error),
            }
        } => Some(end),
        () = stop.cancelled() => None,
    };
    replica.unlink();
    let uid = replica.spec().uid.clone();
    let Some(end) = end else {
        connection.fail_all(&mut commands, &SupervisorError::Terminated { uid });
        let grace = replica.options().exit_grace;
        // A worker that does not read is ended all the same.
        let _ = timeout(grace, session.sender.send(&ToEngine::Shutdown)).await;
        drop(session);
        process.end(grace).await;
        return Exit::Stopped;
    };
    let ready = connection.ready_for();
    drop(session);
    if let End::LoadFailed(error) = end {
        process.end(AFTER_SESSION).await;
        return Exit::Refused(Cause::told(error.message));
    }
    // Only a worker that closed the session by itself may be about to exit.
    let (seen, grace) = match end {
        End::Closed | End::LoadFailed(_) | End::Broken(IpcError::Io(_)) => (None, AFTER_SESSION),
        End::Broken(error) => (Some(error.to_string()), Duration::ZERO),
        End::Rude(what) => (Some(format!("it broke the protocol: {what}")), Duration::ZERO),
        End::Silent(limit) => {
            (Some(format!("it was hung: no sign of life for {limit:?}")), Duration::ZERO)
        }
    };
    let status = process.end(grace).await;
    let cause = explain(seen.as_deref(), status, &replica.log().lines());
    connection.fail_all(&mut commands, &SupervisorError::WorkerDied { uid, cause: cause.clone() });
    Exit::Died { cause, ready }
}
