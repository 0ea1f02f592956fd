//! What a plugin does wrong ends one request, with an error that says what it was.

use std::time::{Duration, Instant};

use plugin_runtime::{Limits, PluginError};

use crate::support::{Host, card, host, host_with, say, text};

/// Has the plugin do wrong, and then right.
#[track_caller]
fn check_with(host: &Host, deed: &str, expect: &str) {
    let error = host.runtime.chat("misbehave", &card(), &say(deed)).unwrap_err();
    assert_eq!(error.to_string(), expect);
    let next = host.runtime.chat("misbehave", &card(), &say("all is well")).unwrap();
    assert_eq!(text(next.prompt()), "all is well");
}

#[track_caller]
fn check(deed: &str, expect: &str) {
    check_with(&host(&["misbehave"]), deed, expect);
}

#[test]
fn a_trap() {
    check(
        "trap",
        "plugin `misbehave 0.1.0` trapped in `turn.start`: wasm trap: wasm `unreachable` \
         instruction executed",
    );
}

#[test]
fn a_trap_after_a_last_word() {
    check(
        "say and trap",
        "plugin `misbehave 0.1.0` trapped in `turn.start`: wasm trap: wasm `unreachable` \
         instruction executed; it logged last: panicked at the disco",
    );
}

#[test]
fn a_stack_without_end() {
    check(
        "recurse",
        "plugin `misbehave 0.1.0` used up its call stack of 524288 bytes in `turn.start`",
    );
}

#[test]
fn a_loop() {
    let start = Instant::now();
    check(
        "loop",
        "plugin `misbehave 0.1.0` took longer than 200ms in `turn.start`; raise the plugins' time \
         limit if it needs more",
    );
    assert!(start.elapsed() < Duration::from_secs(20), "it took {:?}", start.elapsed());
}

#[test]
fn a_log_without_end() {
    check(
        "log",
        "plugin `misbehave 0.1.0` took longer than 200ms in `turn.start`; raise the plugins' time \
         limit if it needs more",
    );
}

#[test]
fn memory_without_end() {
    check(
        "allocate",
        "plugin `misbehave 0.1.0` needs more than 67108864 bytes of memory in `turn.start`; raise \
         the plugins' memory limit if it needs more",
    );
}

#[test]
fn too_much_output() {
    check(
        "20 MB",
        "plugin `misbehave 0.1.0` returned more than 8388608 bytes from `turn.start`; raise the \
         plugins' output limit if it must",
    );
}

#[test]
fn far_too_much_output() {
    check(
        "100 MB",
        "plugin `misbehave 0.1.0` needs more than 67108864 bytes of memory in `turn.start`; raise \
         the plugins' memory limit if it needs more",
    );
    let roomy = Limits { memory: 512 << 20, render: Duration::from_secs(20), ..Limits::default() };
    check_with(
        &host_with(&["misbehave"], roomy),
        "100 MB",
        "plugin `misbehave 0.1.0` returned more than 8388608 bytes from `turn.start`; raise the \
         plugins' output limit if it must",
    );
}

#[test]
fn what_the_plugin_refuses() {
    check("unsupported", "no such thing");
    check("invalid", "bad thing");
    check("internal", "plugin `misbehave 0.1.0` failed: broken thing");
}

#[test]
fn what_the_client_may_read() {
    let host = host(&["misbehave"]);
    let refuse = |deed| host.runtime.chat("misbehave", &card(), &say(deed)).unwrap_err();
    assert!(refuse("unsupported").is_client_fault());
    assert!(refuse("invalid").is_client_fault());
    assert!(!refuse("internal").is_client_fault());
    assert!(!refuse("trap").is_client_fault());
    let long = refuse("long error").to_string();
    assert_eq!(long.chars().count(), 1025, "1024 and the ellipsis");
    assert!(long.starts_with("long long long"), "a line break is a space: {long}");
}

#[test]
fn a_long_line_of_the_log_is_no_fault() {
    let host = host(&["misbehave"]);
    let turn = host.runtime.chat("misbehave", &card(), &say("log long")).unwrap();
    assert_eq!(text(turn.prompt()), "log long");
}

#[test]
fn no_state_passes_from_one_request_to_another() {
    let host = host(&["misbehave"]);
    for _ in 0..3 {
        let turn = host.runtime.chat("misbehave", &card(), &say("count")).unwrap();
        assert_eq!(text(turn.prompt()), "1");
    }
}

#[test]
fn no_memory_passes_from_one_request_to_another() {
    let host = host(&["misbehave"]);
    let ask = |deed| host.runtime.chat("misbehave", &card(), &say(deed)).unwrap();
    for _ in 0..3 {
        let here = ask("remember");
        let beside = ask("remember");
        assert_eq!(text(here.prompt()), "3154752", "words of the secret are everywhere");
        drop((here, beside));
        let (first, second) = (ask("search"), ask("search"));
        assert_eq!(text(first.prompt()), "0", "none is left in the place of the first");
        assert_eq!(text(second.prompt()), "0", "none is left in the place of the second");
    }
}

#[test]
fn an_unknown_family() {
    let host = host(&["echo", "misbehave"]);
    let error = host.runtime.chat("vicuna", &card(), &say("hello")).unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"family `vicuna` is not installed; installed: ["echo", "misbehave"]"#
    );
}

#[test]
fn an_ability_that_a_family_lacks() {
    let host = host(&["misbehave"]);
    let error = host.runtime.completion("misbehave", &card(), "Once", None).unwrap_err();
    assert!(matches!(error, PluginError::LacksAbility { .. }));
    assert_eq!(error.to_string(), "family `misbehave` has no Completion ability; it has [Chat]");
}

#[test]
fn a_completion() {
    let host = host(&["echo"]);
    let prompt = host.runtime.completion("echo", &card(), "Once upon", None).unwrap();
    assert_eq!(text(&prompt), "Once upon");
    let error = host.runtime.completion("echo", &card(), "Once", Some("end")).unwrap_err();
    assert_eq!(error.to_string(), "echo cannot fill in the middle");
}

#[test]
fn many_requests_at_once() {
    let host = host(&["echo", "misbehave"]);
    std::thread::scope(|scope| {
        for worker in 0..8 {
            let runtime = host.runtime.clone();
            scope.spawn(move || {
                for round in 0..20 {
                    let deed = format!("{worker}-{round}");
                    runtime.chat("misbehave", &card(), &say("trap")).unwrap_err();
                    let turn = runtime.chat("misbehave", &card(), &say(&deed)).unwrap();
                    assert_eq!(text(turn.prompt()), deed);
                }
            });
        }
    });
}
