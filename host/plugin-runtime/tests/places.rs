//! The places for instances are the process's, so what takes them all is a process of its own.

#![cfg(test)]

use self::support::{card, host, say, text};

#[path = "it/support.rs"]
mod support;

#[test]
fn more_instances_than_there_are_places() {
    let host = host(&["misbehave"]);
    let ask = || host.runtime.chat("misbehave", &card(), &say("hello"));
    let mut turns = Vec::new();
    let error = loop {
        match ask() {
            Ok(turn) => turns.push(turn),
            Err(error) => break error,
        }
    };
    assert_eq!(
        error.to_string(),
        "all 1000 places for instances of plugins are taken; ask again in a moment"
    );
    assert_eq!(turns.len(), 1000);
    turns.pop();
    assert_eq!(text(ask().unwrap().prompt()), "hello");
}
