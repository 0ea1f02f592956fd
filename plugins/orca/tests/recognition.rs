//! Which models the family takes for its own, and for which style.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

use orca::Orca;
use plugin_sdk::{Family, Fit, testkit};
use serde_json::{Value, json};

#[track_caller]
fn check(card: &Value, style: &str) {
    let parsed = testkit::card(card);
    assert_eq!(Orca::recognize(&parsed).fit, Fit::Exact, "{card}");
    assert_eq!(Orca::profile(&parsed).unwrap().style, style, "{card}");
}

#[test]
fn by_name() {
    for (name, style) in [
        ("orca_mini_3B", "orca-mini"),
        ("orca_mini_13B.ggmlv3.q4_0", "orca-mini"),
        ("Orca Mini v2 7B", "orca-mini"),
        ("orca_mini_v3_70b", "orca-mini-v3"),
        ("orca", "xinference"),
        ("OpenOrca-Preview1-13B", "alpaca"),
        ("OpenOrca-Platypus2-13B", "alpaca"),
        ("OpenOrcaxOpenChat-Preview2-13B", "openchat"),
        ("LlongOrca-13B-16k", "llongorca"),
        ("Mistral-7B-OpenOrca", "mistral-openorca"),
        ("open-orca_mistral-7b-openorca", "mistral-openorca"),
        ("Orca-2-13b", "orca-2"),
        ("microsoft_Orca-2-7b", "orca-2"),
    ] {
        check(&json!({"name": name, "architecture": "llama"}), style);
        let metadata = json!({"general.name": name});
        check(&json!({"name": "mine", "architecture": "llama", "metadata": metadata}), style);
    }
}

#[test]
fn by_tokens() {
    for (name, token, style) in [
        ("openorca", "<|im_start|>", "mistral-openorca"),
        ("openorca", "<|end_of_turn|>", "openchat"),
        ("llongorca", "<|end_of_turn|>", "openchat"),
        ("llongorca", "<|im_start|>", "llongorca"),
    ] {
        let tokens = json!({token: 32_000});
        check(&json!({"name": name, "architecture": "llama", "control-tokens": tokens}), style);
    }
}

#[test]
fn by_metadata_option_and_template() {
    let own = json!({"modelhost.family": "orca", "modelhost.style": "alpaca"});
    check(&json!({"name": "x", "architecture": "qwen2", "metadata": own}), "alpaca");
    let option = json!({"style": "open-orca"});
    check(&json!({"name": "orca-2", "architecture": "llama", "options": option}), "fastchat");
    let template = "{{ 'You are MistralOrca, a large language model' }}";
    let card = json!({
        "name": "x", "architecture": "llama", "chat-template": template,
        "control-tokens": {"<|im_start|>": 32_001},
    });
    check(&card, "mistral-openorca");
}

#[test]
fn others() {
    for card in [
        json!({"name": "llama-2-7b-chat", "architecture": "llama"}),
        json!({"name": "orca-mini", "architecture": "gpt2"}),
        json!({"name": "orca_mini_v5_8b", "architecture": "llama"}),
        json!({"name": "wizard-vicuna-open-orca", "architecture": "llama"}),
        json!({"name": "llama2-13b-orca-8k-3319", "architecture": "llama"}),
        json!({"name": "orca", "architecture": "llama", "metadata": {"modelhost.family": "vicuna"}}),
    ] {
        assert_eq!(Orca::recognize(&testkit::card(&card)).fit, Fit::None, "{card}");
    }
}

#[test]
fn sampling() {
    let advice = |style: &str| {
        let card = json!({"name": "x", "options": {"style": style}});
        Orca::profile(&testkit::card(&card)).unwrap().sampling
    };
    assert_eq!(advice("orca-mini").first().unwrap(), &("temperature".to_owned(), 0.7));
    assert!(advice("orca-2").is_empty());
}
