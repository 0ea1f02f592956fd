//! Memory returns to where it was, whatever plugins do with it.
//!
//! A test binary of its own, because it measures the process.

#![cfg(test)]

use std::fs;

use model::FinishReason;

use self::support::{card, host, say};

#[path = "it/support.rs"]
mod support;

/// Bytes of memory that the process holds.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

#[test]
fn memory_returns_to_where_it_was() {
    let host = host(&["echo", "misbehave"]);
    let runtime = &host.runtime;
    let request = say("hello");
    let round = |deeds: &[&str]| {
        for deed in deeds {
            runtime.chat("misbehave", &card(), &say(deed)).unwrap_err();
            let mut turn = runtime.chat("misbehave", &card(), &request).unwrap();
            turn.push(0, deed).ok();
            let mut turn = runtime.chat("echo", &card(), &request).unwrap();
            turn.push(0, "one two three").unwrap();
            turn.finish(0, FinishReason::Stop).unwrap();
        }
    };
    let costly = ["allocate", "20 MB", "100 MB", "loop"];
    let cheap = ["trap", "recurse", "internal", "unknown control", "long error"];
    round(&costly);
    round(&cheap);
    let before = resident();
    for _ in 0..200 {
        round(&cheap);
    }
    for _ in 0..5 {
        round(&costly);
    }
    let after = resident();
    let grown = after.saturating_sub(before);
    assert!(grown < 16 << 20, "it grew by {grown} bytes, from {before} to {after}");
}
