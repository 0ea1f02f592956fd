//! What a family renders is checked before an engine sees it.

use model::{ContentPart, PromptPart};

use crate::support::{card, host, say};

#[track_caller]
fn check(deed: &str, expect: &str) {
    let host = host(&["misbehave"]);
    let error = host.runtime.chat("misbehave", &card(), &say(deed)).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("plugin `misbehave 0.1.0` failed: its prompt is not valid: {expect}")
    );
    host.runtime.chat("misbehave", &card(), &say("all is well")).unwrap();
}

#[test]
fn invalid_prompts() {
    check("unknown control", "`<|nobody|>` is not a control token of the model");
    check("token out of range", "token 1000000 in a vocabulary of 1000");
    check("stop token out of range", "stop token 1000000 in a vocabulary of 1000");
    check("media out of range", "medium 7 of a request that has 0");
    check("empty stop", "an empty stop string");
    check("long stop", "1025 bytes of stop string, 1024 are allowed");
    check("many stops", "65 stop strings, 64 are allowed");
    check("long constraint", "1048577 bytes of constraint, 1048576 are allowed");
    check("many triggers", "65 triggers, 64 are allowed");
}

#[test]
fn a_vocabulary_of_unknown_size_bounds_no_token() {
    let host = host(&["misbehave"]);
    let card = model::ModelCard { vocabulary_size: 0, ..card() };
    let turn = host.runtime.chat("misbehave", &card, &say("token out of range")).unwrap();
    assert_eq!(turn.prompt().parts, [PromptPart::Token(1_000_000)]);
}

#[test]
fn a_valid_prompt_arrives_whole() {
    let host = host(&["echo"]);
    let mut request = say("Hello");
    request.messages[0].content.push(ContentPart::Image(0));
    let turn = host.runtime.chat("echo", &card(), &request).unwrap();
    let prompt = turn.prompt();
    assert_eq!(
        prompt.parts,
        [
            PromptPart::Control("<|user|>".into()),
            PromptPart::Text("Hello".into()),
            PromptPart::Media(0),
            PromptPart::Control("<|assistant|>".into()),
            PromptPart::Token(2),
        ]
    );
    assert_eq!(prompt.add_bos, Some(true));
    assert_eq!(prompt.space_prefix, None);
    assert_eq!(prompt.stop, ["<|user|>"]);
    assert_eq!(prompt.stop_tokens, [1]);
    assert_eq!(prompt.constraint, None);
}

#[test]
fn a_large_prompt_and_a_large_card_are_fine() {
    let host = host(&["echo"]);
    let mut card = card();
    card.chat_template = Some("{{ template }}".repeat(1000));
    card.control_tokens.extend(
        (10..1000).map(|id| model::ControlToken { text: format!("<|reserved_{id}|>"), id }),
    );
    let text = "long ".repeat(1 << 20);
    let turn = host.runtime.chat("echo", &card, &say(&text)).unwrap();
    assert_eq!(turn.prompt().parts[1], PromptPart::Text(text));
}
