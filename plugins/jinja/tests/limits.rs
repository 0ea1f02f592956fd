//! Hostile templates end in an error that names the limit.
#![expect(clippy::panic, clippy::expect_used, reason = "a test may stop")]

mod common;

use common::outcome;
use plugin_sdk::{Error, Family, Fit, testkit};
use serde_json::json;

#[track_caller]
fn check(template: &str, expect: &str) {
    let card = testkit::card(&json!({"name": "m", "chat-template": template}));
    let request = json!({"messages": [{"role": "user", "content": "Hello!"}]});
    let result = outcome(&card, &testkit::request(&request).expect("a request"));
    let Err(Error::InvalidRequest(text)) = result else { panic!("{template}: {result:?}") };
    assert!(text.contains(expect), "{template}: {text}");
}

const STEPS: &str = "takes more than 302003 steps";

#[test]
fn loops() {
    let range = "range(100000)";
    check(
        &format!("{{% for a in {range} %}}{{% for b in {range} %}}{{% endfor %}}{{% endfor %}}"),
        STEPS,
    );
    check("{% for a in range(1000000000) %}{% endfor %}", "range has too many elements");
    check(
        "{% for a in range(100000) recursive %}{{ loop(range(100000)) }}{% endfor %}",
        "recursion limit",
    );
    check(
        "{{ range(100000) | map('string') | map('length') | list | sort | tojson }}{{ range(100000) | list | tojson }}",
        STEPS,
    );
}

#[test]
fn growth() {
    check(
        "{% set n = namespace(s='xx') %}{% for i in range(64) %}{% set n.s = n.s ~ n.s %}{% endfor %}{{ n.s }}",
        STEPS,
    );
    check(
        "{% set n = namespace(s='xx') %}{% for i in range(64) %}{% set n.s = n.s + n.s %}{% endfor %}",
        STEPS,
    );
    check(
        "{% set n = namespace(s='xx') %}{% for i in range(64) %}{% set n.s = n.s.replace('x', 'xx') %}{% endfor %}",
        STEPS,
    );
    check(
        "{% set n = namespace(s='xx') %}{% for i in range(64) %}{% set n.s = n.s | replace('x', 'xx') %}{% endfor %}",
        STEPS,
    );
    check(
        "{% set n = namespace(s='xx') %}{% for i in range(64) %}{% set n.s = n.s.join([n.s, n.s, n.s]) %}{% endfor %}",
        STEPS,
    );
    check(
        "{% set n = namespace(s='xx') %}{% for i in range(64) %}{% set n.s = '{}{}'.format(n.s, n.s) %}{% endfor %}",
        STEPS,
    );
    check(
        "{% set n = namespace(s='a') %}{% for i in range(64) %}{% set n.s = [n.s, n.s] %}{% endfor %}{{ n.s | tojson }}",
        STEPS,
    );
    check("{{ ('x' * 1000000000) | length }}", STEPS);
    check("{{ 'x'.center(1000000000) }}", STEPS);
    check("{{ 'x' | indent(1000000000, true) }}", STEPS);
    check("{{ '%1000000000d' | format(1) }}", "");
    check("{{ 10 ** 10 ** 10 }}", "failed");
    check(
        "{% set n = namespace(i=10) %}{% for i in range(99) %}{% set n.i = n.i * n.i %}{% endfor %}",
        "failed",
    );
}

#[test]
fn output() {
    let thousand = "x".repeat(1000);
    check(
        &format!("{{% for i in range(6292) %}}{thousand}{{% endfor %}}"),
        "writes more than 6291456 bytes",
    );
}

#[test]
fn recursion() {
    check("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "recursion limit");
    check(
        "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}{{ a() }}",
        "recursion limit",
    );
    check(&format!("{{{{ {}1{} }}}}", "(".repeat(10_000), ")".repeat(10_000)), "recursion limit");
    check(&format!("{{{{ {}1{} }}}}", "[".repeat(10_000), "]".repeat(10_000)), "recursion limit");
    check(
        &format!("{}x{}", "{% if a %}".repeat(10_000), "{% endif %}".repeat(10_000)),
        "recursion limit",
    );
}

#[test]
fn chains() {
    let long = |piece: &str| format!("{{{{ {}1 }}}}", piece.repeat(20_000));
    refused(&long("not "), "more than 400 operators in one tag");
    refused(&long("-"), "more than 400 operators in one tag");
    refused(&long("1 + "), "more than 400 operators in one tag");
    refused(&long("a if b else "), "more than 400 operators in one tag");
    refused(&format!("{{{{ a{} }}}}", ".a".repeat(20_000)), "more than 400 operators in one tag");
    refused(
        &format!("{{{{ a{} }}}}", "|trim".repeat(20_000)),
        "more than 400 operators in one tag",
    );
    refused(&format!("{{% if a %}}{}{{% endif %}}", "{% elif b %}".repeat(10_000)), "400 branches");
    refused(&"x".repeat(2 << 20), "more than 1048576 bytes");
}

/// Refused when a model is added.
#[track_caller]
fn refused(template: &str, expect: &str) {
    let card = testkit::card(&json!({"name": "m", "chat-template": template}));
    let Err(Error::InvalidRequest(text)) = jinja::Jinja::profile(&card) else { panic!("{expect}") };
    assert!(text.contains(expect), "{text}");
    let recognition = jinja::Jinja::recognize(&card);
    assert_eq!((recognition.fit, recognition.reason), (Fit::None, text));
}

#[test]
fn broken() {
    check("{% if %}", "chat template failed: syntax error");
    check("{{ messages[0].content.upper }}{{ a.b.c }}", "undefined value");
    check("{{ raise_exception('No ' ~ messages[0].content) }}", "No Hello!");
    check("{% macro m() %}{{ raise_exception('deep') }}{% endmacro %}{{ m() | trim }}", "deep");
    let card = testkit::card(&json!({"name": "m", "chat-template": "{% if %}"}));
    let recognition = jinja::Jinja::recognize(&card);
    assert_eq!(recognition.fit, Fit::None);
    assert!(recognition.reason.contains("(line 1)"), "{}", recognition.reason);
}
