//! Parsers: one for each sequence, and a turn that says so when it is dead.

use model::{FinishReason, ReplyEvent};
use plugin_runtime::PluginError;

use crate::support::{card, content, host, say};

#[test]
fn each_sequence_has_its_own_parser() {
    let host = host(&["echo"]);
    let mut turn = host.runtime.chat("echo", &card(), &say("Hello")).unwrap();
    assert_eq!(turn.push(0, "one tw").unwrap(), content("one "));
    assert_eq!(turn.push(7, "fi").unwrap(), []);
    assert_eq!(turn.push(0, "o three").unwrap(), content("two "));
    assert_eq!(turn.push(7, "ve ").unwrap(), content("five "));
    assert_eq!(turn.finish(0, FinishReason::Stop).unwrap(), content("three"));
    let cut = [ReplyEvent::Content(String::new()), ReplyEvent::Reasoning("cut short".into())];
    assert_eq!(turn.finish(7, FinishReason::Length).unwrap(), cut);
    assert_eq!(turn.finish(8, FinishReason::ToolCalls).unwrap(), content(""));
}

#[test]
fn a_finished_sequence_stays_finished() {
    let host = host(&["echo"]);
    let mut turn = host.runtime.chat("echo", &card(), &say("Hello")).unwrap();
    turn.finish(0, FinishReason::Stop).unwrap();
    let error = turn.push(0, "more").unwrap_err();
    assert_eq!(error.to_string(), "plugin `echo 1.0.0` failed: sequence 0 has already finished");
    assert_eq!(turn.push(1, "other ").unwrap(), content("other "));
}

#[test]
fn a_turn_may_move_between_threads() {
    let host = host(&["echo"]);
    let mut turn = host.runtime.chat("echo", &card(), &say("Hello")).unwrap();
    assert_eq!(turn.push(0, "one two").unwrap(), content("one "));
    let end = std::thread::spawn(move || turn.finish(0, FinishReason::Stop).unwrap());
    assert_eq!(end.join().unwrap(), content("two"));
}

/// Has a parser do wrong; its turn is dead, another one is not.
#[track_caller]
fn check(deed: &str, expect: &str) {
    let host = host(&["misbehave"]);
    let start = || host.runtime.chat("misbehave", &card(), &say("hello")).unwrap();
    let (mut turn, mut other) = (start(), start());
    assert_eq!(turn.push(0, "fine").unwrap(), content("fine"));

    let error = turn.push(0, deed).unwrap_err().to_string();
    assert_eq!(error, expect);
    for later in [turn.push(0, "fine"), turn.push(1, "fine"), turn.finish(0, FinishReason::Stop)] {
        let later = later.unwrap_err();
        assert!(matches!(&later, PluginError::Dead { cause, .. } if *cause == error), "{later}");
    }

    assert_eq!(other.push(0, "fine").unwrap(), content("fine"));
    assert_eq!(start().push(0, "fine").unwrap(), content("fine"));
}

#[test]
fn a_trap_in_the_parser() {
    check(
        "trap",
        "plugin `misbehave 0.1.0` trapped in `reply-parser.push`: wasm trap: wasm `unreachable` \
         instruction executed",
    );
}

#[test]
fn a_loop_in_the_parser() {
    check(
        "loop",
        "plugin `misbehave 0.1.0` took longer than 50ms in `reply-parser.push`; raise the plugins' \
         time limit if it needs more",
    );
}

#[test]
fn memory_without_end_in_the_parser() {
    check(
        "allocate",
        "plugin `misbehave 0.1.0` needs more than 67108864 bytes of memory in `reply-parser.push`; \
         raise the plugins' memory limit if it needs more",
    );
}

#[test]
fn too_much_output_of_the_parser() {
    for deed in ["2 MB", "many events"] {
        check(
            deed,
            "plugin `misbehave 0.1.0` returned more than 1048576 bytes from `reply-parser.push`; \
             raise the plugins' output limit if it must",
        );
    }
}
