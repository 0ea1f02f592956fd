//! Both ends of a session over a real socket.

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf, process::ExitCode, time::Duration};

    use engine_ipc::{HostSession, IpcError, Listener, MessageCodec, Received, Session};
    use engine_protocol::{EngineError, FromEngine, Hello, ToEngine, WorkerStats};
    use futures::SinkExt;
    use tempfile::TempDir;
    use tokio::{io::AsyncWriteExt, net::UnixStream};
    use tokio_util::codec::FramedWrite;

    const LIMIT: Duration = Duration::from_secs(30);

    fn socket() -> (TempDir, PathBuf) {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("run/socket");
        (dir, path)
    }

    fn hello(name: &str) -> Hello {
        Hello::new(name, "1")
    }

    /// A session with an engine that runs on a thread of this process.
    async fn session(
        run: impl FnOnce(Session) -> Result<(), EngineError> + Send + 'static,
    ) -> (HostSession, std::thread::JoinHandle<ExitCode>) {
        let (_dir, path) = socket();
        let listener = Listener::bind(&path).unwrap();
        let engine = std::thread::spawn(move || engine_ipc::serve_with(&hello("test"), &path, run));
        (listener.accept(&hello("host"), LIMIT).await.unwrap(), engine)
    }

    fn beat(steps: u64) -> FromEngine {
        FromEngine::Heartbeat(WorkerStats { steps, ..WorkerStats::default() })
    }

    #[tokio::test]
    async fn messages_arrive_in_order_both_ways() {
        let (mut host, engine) = session(|session| {
            assert_eq!(session.peer().name, "host");
            while let Some(message) = session.recv() {
                match message {
                    ToEngine::Cancel { request } => session.send(&beat(request)).unwrap(),
                    _ => break,
                }
            }
            // What is sent last is still delivered.
            session.send(&beat(u64::MAX)).unwrap();
            Ok(())
        })
        .await;
        assert_eq!(host.peer.name, "test");
        for request in 0..1000 {
            host.sender.feed(&ToEngine::Cancel { request }).await.unwrap();
        }
        host.sender.send(&ToEngine::Shutdown).await.unwrap();
        for request in (0..1000).chain([u64::MAX]) {
            assert_eq!(host.receiver.next().await.unwrap().unwrap(), beat(request));
        }
        assert!(host.receiver.next().await.is_none());
        assert_eq!(engine.join().unwrap(), ExitCode::SUCCESS);
    }

    #[tokio::test]
    async fn an_engine_sees_that_its_host_is_gone() {
        let (mut host, engine) = session(|session| {
            assert_eq!(session.try_recv(), Received::Nothing);
            assert_eq!(session.recv_timeout(Duration::from_millis(1)), Received::Nothing);
            session.send(&beat(0)).unwrap();
            assert_eq!(session.recv(), None);
            assert_eq!(session.try_recv(), Received::Closed);
            while session.send(&beat(0)).is_ok() {}
            assert!(session.flush().is_err());
            Ok(())
        })
        .await;
        host.receiver.next().await.unwrap().unwrap();
        drop(host);
        assert_eq!(engine.join().unwrap(), ExitCode::SUCCESS);
    }

    #[tokio::test]
    async fn a_sender_left_on_another_thread_does_not_keep_the_session_open() {
        let (mut host, engine) = session(|session| {
            let sender = session.sender();
            std::mem::forget(sender);
            session.flush().unwrap();
            Ok(())
        })
        .await;
        assert!(host.receiver.next().await.is_none());
        assert_eq!(engine.join().unwrap(), ExitCode::SUCCESS);
    }

    /// What the host says of a peer that sends these bytes and goes away.
    async fn refused(bytes: &[u8]) -> IpcError {
        let (_dir, path) = socket();
        let listener = Listener::bind(&path).unwrap();
        let mut peer = UnixStream::connect(&path).await.unwrap();
        peer.write_all(bytes).await.unwrap();
        peer.shutdown().await.unwrap();
        listener.accept(&hello("host"), LIMIT).await.unwrap_err()
    }

    async fn bytes_of(message: &FromEngine) -> Vec<u8> {
        let mut frames = FramedWrite::new(Vec::new(), MessageCodec::<ToEngine>::new());
        frames.send(message).await.unwrap();
        frames.into_inner()
    }

    #[track_caller]
    fn check(error: &IpcError, expect: &str) {
        let message = error.to_string();
        assert!(message.contains(expect), "`{message}` lacks `{expect}`");
    }

    #[tokio::test]
    async fn peers_that_greet_wrongly_are_refused() {
        check(&refused(b"").await, "without a greeting");
        check(&refused(b"GET / HTTP/1.1\r\n\r\n").await, "longer than the limit");
        check(&refused(b"\0\0\0\x05hello").await, "no message of this protocol");
        check(&refused(b"\0\0\0\x05hel").await, "ended inside a frame");
        check(&refused(&bytes_of(&beat(1)).await).await, "began with `heartbeat`");
        let future = Hello { protocol: 9, oldest: 8, ..hello("llama") };
        let error = refused(&bytes_of(&FromEngine::Hello(future)).await).await;
        check(&error, "`llama` speaks 8 to 9");
        check(&error, "host speaks engine protocol 1 to 1");
    }

    #[tokio::test]
    async fn an_engine_that_never_comes_is_not_awaited_for_ever() {
        let (_dir, path) = socket();
        let listener = Listener::bind(&path).unwrap();
        let limit = Duration::from_millis(20);
        check(&listener.accept(&hello("host"), limit).await.unwrap_err(), "within 20ms");
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_stale_socket_is_replaced_and_the_new_one_removed() {
        let (_dir, path) = socket();
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::set_permissions(path.parent().unwrap(), fs::Permissions::from_mode(0o700)).unwrap();
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        let listener = Listener::bind(&path).unwrap();
        let _peer = UnixStream::connect(&path).await.unwrap();
        drop(listener);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn bad_places_for_a_socket_are_refused() {
        let (dir, path) = socket();
        let refused = |path: &PathBuf| Listener::bind(path).unwrap_err();
        check(&refused(&dir.path().join("x".repeat(120))), "at most 103 bytes");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::set_permissions(path.parent().unwrap(), fs::Permissions::from_mode(0o755)).unwrap();
        check(&refused(&path), "others may enter its folder (mode 755)");
        fs::set_permissions(path.parent().unwrap(), fs::Permissions::from_mode(0o700)).unwrap();
        fs::write(&path, "precious").unwrap();
        check(&refused(&path), "no socket stands there");
        assert_eq!(fs::read(&path).unwrap(), b"precious");
    }
}
