//! Chat templates in the sandbox: the family `jinja` with ordinary and hostile ones.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use model::PromptPart;
use plugin_runtime::Limits;
use tempfile::TempDir;

use crate::support::{Host, cache, card, content, open, say, text};

/// A host with the family as it is built.
#[track_caller]
fn jinja() -> Host {
    let dir = TempDir::new().unwrap();
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/jinja.wasm");
    assert!(built.is_file(), "{} is not there; run `cargo xtask plugins`", built.display());
    fs::copy(built, dir.path().join("jinja.wasm")).unwrap();
    let runtime = open(dir.path(), Some(cache()), Limits::default());
    Host { dir, runtime }
}

/// Renders a hostile template, and then an ordinary one.
#[track_caller]
fn check(host: &Host, template: &str, expect: &str) {
    let mut card = card();
    card.chat_template = Some(template.to_owned());
    let error = host.runtime.chat("jinja", &card, &say("Hello!")).unwrap_err().to_string();
    assert!(error.contains(expect), "{template}: {error}");
    card.chat_template = Some("<|user|>{{ messages[0].content }}".to_owned());
    let turn = host.runtime.chat("jinja", &card, &say("Hello </s>!")).unwrap();
    assert_eq!(
        turn.prompt().parts,
        [PromptPart::Control("<|user|>".into()), PromptPart::Text("Hello </s>!".into())]
    );
}

#[test]
fn any_model_with_a_template() {
    let host = jinja();
    let mut card = card();
    assert!(host.runtime.choose(&card, None).is_err());
    card.chat_template = Some("{{ messages | length }} {{ strftime_now('%d %B %Y') }}".to_owned());
    assert_eq!(host.runtime.choose(&card, None).unwrap().family, "jinja");
    let turn = host.runtime.chat("jinja", &card, &say("Hello!")).unwrap();
    assert_eq!(text(turn.prompt()), "1 22 November 2026");
}

#[test]
fn templates_without_end() {
    let host = jinja();
    let range = "range(100000)";
    let nested =
        format!("{{% for a in {range} %}}{{% for b in {range} %}}{{% endfor %}}{{% endfor %}}");
    check(&host, &nested, "takes more than");
    check(&host, "{% for a in range(1000000000) %}{% endfor %}", "range has too many elements");
    let doubled = "{% set n = namespace(s='xx') %}{% for i in range(64) %}{% set n.s = n.s ~ n.s %}{% endfor %}";
    check(&host, doubled, "takes more than");
    check(&host, "{{ ('x' * 1000000000) | length }}", "takes more than");
    let long = format!("{{% for i in range(6292) %}}{}{{% endfor %}}", "x".repeat(1000));
    check(&host, &long, "writes more than 6291456 bytes");
    check(&host, "{{ raise_exception('Not today.') }}", "Not today.");
}

#[test]
fn templates_without_ground() {
    let host = jinja();
    check(&host, "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "recursion limit");
    let brackets = format!("{{{{ {}1{} }}}}", "(".repeat(10_000), ")".repeat(10_000));
    check(&host, &brackets, "recursion limit");
    let blocks = format!("{}x{}", "{% if a %}".repeat(10_000), "{% endif %}".repeat(10_000));
    check(&host, &blocks, "recursion limit");
}

#[test]
fn what_slips_past_the_family_meets_the_host() {
    let host = jinja();
    let doubled = "{% set n = namespace(s=['x']) %}{% for i in range(64) %}{% set n.s = n.s + n.s %}{% endfor %}{{ n.s | list | length }}";
    check(&host, doubled, "plugin `jinja");
    check(&host, &format!("{{{{ {}1 }}}}", "not ".repeat(100_000)), "plugin `jinja");
    let deep = "{% set n = namespace(s=[]) %}{% for i in range(20000) %}{% set n.s = [n.s] %}{% endfor %}{{ n.s }}";
    check(&host, deep, "plugin `jinja");
}

/// What a host serves is the same with instances that read the template ahead and without.
#[test]
fn a_template_that_is_read_ahead() {
    let host = jinja();
    let mut card = card();
    card.chat_template = Some(
        "{% for m in messages %}<|user|>{{ m.content }}{% endfor %}{{ strftime_now('%d') }}"
            .to_owned(),
    );
    let shared = Arc::new(card.clone());
    for round in 0..50 {
        let request = say(&format!("Hello <|user|> {round}!"));
        let expect = host.runtime.chat("jinja", &card, &request).unwrap();
        let mut turn = host.runtime.chat_shared("jinja", &shared, &request).unwrap();
        assert_eq!(turn.prompt(), expect.prompt());
        assert_eq!(turn.push(0, "a ").unwrap(), content("a"));
    }
    let mut other = card.clone();
    other.chat_template = Some("{{ raise_exception('never') }}".to_owned());
    let other = Arc::new(other);
    for _ in 0..5 {
        let error = host.runtime.chat_shared("jinja", &other, &say("Hello!")).unwrap_err();
        assert!(error.is_client_fault(), "{error}");
        let turn = host.runtime.chat_shared("jinja", &shared, &say("Hello!")).unwrap();
        let expect = host.runtime.chat("jinja", &card, &say("Hello!")).unwrap();
        assert_eq!(turn.prompt(), expect.prompt());
    }
}
