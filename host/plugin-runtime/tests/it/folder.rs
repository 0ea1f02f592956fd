//! The folder is followed while requests are in flight.

use std::fs;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::support::{bytes, card, content, host, say};

#[tokio::test]
async fn a_new_file_serves_the_next_request() {
    let host = host(&[]);
    let mut changes = host.runtime.changes();
    let _watch = host.runtime.watch().unwrap();
    host.runtime.chat("echo", &card(), &say("hello")).unwrap_err();
    host.install("echo.wasm", &bytes("echo"));
    host.until(&mut changes, |all| all.iter().any(|status| status.serving)).await;
    host.runtime.chat("echo", &card(), &say("hello")).unwrap();
}

#[tokio::test]
async fn a_request_in_flight_keeps_the_old_plugin() {
    let host = host(&["echo"]);
    let mut changes = host.runtime.changes();
    let _watch = host.runtime.watch().unwrap();
    let mut turn = host.runtime.chat("echo", &card(), &say("hello")).unwrap();
    assert_eq!(turn.push(0, "one two").unwrap(), content("one "));

    host.install("echo.wasm", &bytes("echo_next"));
    host.until(&mut changes, |all| all[0].version == "2.0.0").await;
    assert_eq!(turn.push(0, " three").unwrap(), content("two "));
    host.runtime.chat("echo", &card(), &say("hello")).unwrap();

    fs::remove_file(host.dir.path().join("echo.wasm")).unwrap();
    host.until(&mut changes, <[_]>::is_empty).await;
    assert_eq!(turn.push(0, " four").unwrap(), content("three "));
    host.runtime.chat("echo", &card(), &say("hello")).unwrap_err();
}

#[tokio::test]
async fn a_broken_file_leaves_the_old_plugin_serving() {
    let host = host(&["echo"]);
    let mut changes = host.runtime.changes();
    let _watch = host.runtime.watch().unwrap();

    host.install("echo.wasm", b"broken");
    host.until(&mut changes, |all| all[0].error.is_some()).await;
    let status = host.status("echo.wasm");
    assert!(status.serving && status.still_serving);
    assert_eq!(status.version, "1.0.0");
    assert!(status.error.unwrap().starts_with("it is not a usable component: "));
    host.runtime.chat("echo", &card(), &say("hello")).unwrap();

    host.install("echo.wasm", &bytes("networked"));
    host.until(&mut changes, |all| {
        all[0].error.as_ref().is_some_and(|error| error.starts_with("it imports `wasi:sockets/"))
    })
    .await;
    host.runtime.chat("echo", &card(), &say("hello")).unwrap();

    host.install("echo.wasm", &bytes("echo_next"));
    host.until(&mut changes, |all| all[0].error.is_none() && !all[0].compiling).await;
    let status = host.status("echo.wasm");
    assert!(status.serving && !status.still_serving);
    assert_eq!(status.version, "2.0.0");
}

#[tokio::test]
async fn a_file_that_is_written_in_pieces() {
    let host = host(&[]);
    let mut changes = host.runtime.changes();
    let _watch = host.runtime.watch().unwrap();
    let all = bytes("echo");
    let (first, rest) = all.split_at(all.len() / 2);
    let mut file = fs::File::create(host.dir.path().join("echo.wasm")).unwrap();
    file.write_all(first).unwrap();
    host.until(&mut changes, |all| all.iter().any(|status| status.error.is_some())).await;
    file.write_all(rest).unwrap();
    drop(file);
    host.until(&mut changes, |all| all[0].serving && all[0].error.is_none()).await;
}

#[tokio::test]
async fn a_removed_file_makes_room_for_its_rival() {
    let host = host(&["echo", "echo_next"]);
    let mut changes = host.runtime.changes();
    let _watch = host.runtime.watch().unwrap();
    assert!(!host.status("echo_next.wasm").serving);
    fs::remove_file(host.dir.path().join("echo.wasm")).unwrap();
    host.until(&mut changes, |all| all.len() == 1).await;
    let status = host.status("echo_next.wasm");
    assert!(status.serving && status.error.is_none());
    host.runtime.chat("echo", &card(), &say("hello")).unwrap();
}

#[tokio::test]
async fn a_file_from_before_the_watch_is_found() {
    let host = host(&[]);
    let mut changes = host.runtime.changes();
    host.install("echo.wasm", &bytes("echo"));
    let _watch = host.runtime.watch().unwrap();
    host.until(&mut changes, |all| all.iter().any(|status| status.serving)).await;
}

#[tokio::test]
async fn no_request_fails_while_plugins_are_swapped() {
    let host = host(&["echo"]);
    let mut changes = host.runtime.changes();
    let _watch = host.runtime.watch().unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..2)
        .map(|_| {
            let (runtime, done) = (host.runtime.clone(), done.clone());
            thread::spawn(move || {
                let mut served = 0;
                while !done.load(Ordering::Relaxed) {
                    let mut turn = runtime.chat("echo", &card(), &say("hello")).unwrap();
                    assert_eq!(turn.push(0, "one two").unwrap(), content("one "));
                    served += 1;
                }
                served
            })
        })
        .collect();
    for (version, name) in [("2.0.0", "echo_next"), ("1.0.0", "echo")].repeat(5) {
        host.install("echo.wasm", &bytes(name));
        host.until(&mut changes, |all| all[0].version == version).await;
    }
    done.store(true, Ordering::Relaxed);
    for client in clients {
        assert!(client.join().unwrap() > 0);
    }
}
