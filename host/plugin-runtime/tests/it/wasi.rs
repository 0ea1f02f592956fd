//! WASI is there, and empty.

use model::ChatRequest;
use plugin_runtime::PluginError;

use crate::support::{card, host, say, text};

fn with(effort: &str) -> ChatRequest {
    ChatRequest { reasoning_effort: Some(effort.into()), ..say("hello") }
}

#[test]
fn nothing_is_found_there() {
    let host = host(&["wanderer"]);
    for _ in 0..2 {
        let turn = host.runtime.chat("wanderer", &card(), &with("look")).unwrap();
        assert_eq!(
            text(turn.prompt()),
            "environment 0, arguments 0, directories 0, cwd None, wall 0, clock 0, random \
             5987356902031041503"
        );
    }
}

#[test]
fn a_sleep_is_over_at_once() {
    let host = host(&["wanderer"]);
    let turn = host.runtime.chat("wanderer", &card(), &with("sleep")).unwrap();
    assert_eq!(text(turn.prompt()), "awake");
}

#[test]
fn handles_and_random_bytes_are_limited() {
    let host = host(&["wanderer"]);
    for deed in ["hoard", "gamble"] {
        let error = host.runtime.chat("wanderer", &card(), &with(deed)).unwrap_err();
        assert!(matches!(error, PluginError::Trapped { .. }), "{error}");
    }
}
