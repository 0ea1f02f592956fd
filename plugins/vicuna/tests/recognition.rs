//! Which models the family takes for its own, and for which style.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

use plugin_sdk::{Family, Fit, testkit};
use serde_json::{Value, json};
use vicuna::Vicuna;

#[track_caller]
fn check(card: &Value, fit: Fit, style: &str) {
    let card = testkit::card(card);
    assert_eq!(Vicuna::recognize(&card).fit, fit, "{card:?}");
    assert_eq!(Vicuna::profile(&card).unwrap().style, style, "{card:?}");
}

#[test]
fn by_name() {
    for (name, style) in [
        ("vicuna-7b-v1.5", "v1.1"),
        ("vicuna-13b-v1.3.Q4_K_M", "v1.1"),
        ("Vicuna_13B_v1.5_16k", "v1.1"),
        ("vicuna-7b-delta-v0", "v0"),
        ("stable-vicuna-13B", "stable-vicuna"),
        ("StableVicuna 13B", "stable-vicuna"),
        ("Wizard-Vicuna-13B", "v1.1"),
        ("llava-v1.5-7b", "llava"),
    ] {
        check(&json!({"name": name, "architecture": "llama"}), Fit::Exact, style);
        let metadata = json!({"general.name": name});
        let card = json!({"name": "mine", "architecture": "llama", "metadata": metadata});
        check(&card, Fit::Exact, style);
    }
}

#[test]
fn by_metadata_option_and_template() {
    let own = json!({"modelhost.family": "vicuna", "modelhost.style": "ollama"});
    check(&json!({"name": "x", "architecture": "qwen2", "metadata": own}), Fit::Exact, "ollama");
    let style = json!({"style": "zero-shot"});
    check(
        &json!({"name": "vicuna", "architecture": "llama", "options": style}),
        Fit::Exact,
        "v0-zero-shot",
    );
    for (template, style) in [
        ("{{ 'USER: ' + content + ' ASSISTANT:' }}", "v1.1"),
        ("{{ 'USER: ' + content + '\\nASSISTANT:' }}", "llama.cpp"),
        ("{{ 'SYSTEM: ' + s + 'USER: ' + content + '\\nASSISTANT:' }}", "vicuna-orca"),
    ] {
        let card = json!({"name": "x", "architecture": "llama", "chat-template": template});
        check(&card, Fit::Generic, style);
    }
}

#[test]
fn others() {
    let tuned = json!({
        "name": "vicuna-7b-chatml", "architecture": "llama",
        "chat-template": "{{ '<|im_start|>' + messages[0].role }}",
        "control-tokens": {"<|im_start|>": 32000},
    });
    for card in [
        tuned,
        json!({"name": "llama-2-7b-chat", "architecture": "llama"}),
        json!({"name": "vicuna", "architecture": "gpt2"}),
        json!({"name": "llava-v1.6-mistral-7b", "architecture": "llama"}),
        json!({"name": "vicuna", "architecture": "llama", "metadata": {"modelhost.family": "orca"}}),
    ] {
        check(
            &card,
            Fit::None,
            if card["name"].as_str().unwrap().contains("llava") { "llava" } else { "v1.1" },
        );
    }
}
