//! Which models the family takes for its own, and for which version.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

use baichuan::Baichuan;
use plugin_sdk::{Family, Fit, testkit};
use serde_json::{Value, json};

#[track_caller]
fn check(card: &Value, fit: Fit, style: &str) {
    let parsed = testkit::card(card);
    assert_eq!(Baichuan::recognize(&parsed).fit, fit, "{card}");
    assert_eq!(Baichuan::profile(&parsed).unwrap().style, style, "{card}");
}

#[test]
fn by_name() {
    for (name, size, style) in [
        ("Baichuan-7B", 64_000, "base"),
        ("baichuan-13b-base", 64_000, "base"),
        ("Baichuan-13B-Chat", 64_000, "baichuan-chat"),
        ("Baichuan2-7B-Base", 125_696, "base"),
        ("Baichuan2-13B-Chat.Q4_K_M", 125_696, "baichuan2-chat"),
        ("baichuan-2-chat", 125_696, "baichuan2-chat"),
        ("baichuan2", 125_696, "baichuan2-chat"),
        ("Baichuan2_7B_Chat", 1000, "baichuan2-chat"),
        ("Baichuan-M1-14B-Instruct", 133_120, "baichuan-m1"),
    ] {
        let card = json!({"name": name, "architecture": "baichuan", "vocabulary-size": size});
        check(&card, Fit::Exact, style);
        // What the weights are named goes before what they are served as.
        check(
            &json!({
                "name": "my-database", "architecture": "baichuan", "vocabulary-size": size,
                "metadata": {"general.name": name},
            }),
            Fit::Exact,
            style,
        );
    }
    check(&json!({"name": "Baichuan-M2-32B", "architecture": "qwen2"}), Fit::Exact, "baichuan-m2");
}

#[test]
fn by_vocabulary() {
    for (size, blocks, style) in [
        (64_000, "32", "base"),
        (64_000, "40", "baichuan-chat"),
        (125_696, "32", "baichuan2-chat"),
        (125_696, "40", "baichuan2-chat"),
    ] {
        let metadata = json!({"baichuan.block_count": blocks});
        let card = json!({
            "name": "mine", "architecture": "baichuan", "vocabulary-size": size,
            "metadata": metadata,
        });
        check(&card, Fit::Exact, style);
    }
    // Files that converters made before they knew the architecture.
    let llama = json!({
        "name": "baichuan-llama-7B", "architecture": "llama", "vocabulary-size": 64_000,
    });
    check(&llama, Fit::Exact, "base");
    let nameless = json!({
        "name": "mine", "architecture": "llama", "vocabulary-size": 64_000,
        "control-tokens": {"</s>": 2}, "metadata": {"llama.block_count": "32"},
    });
    check(&nameless, Fit::Generic, "base");
}

#[test]
fn by_template_metadata_and_option() {
    let template = "<|im_start|>{% if thinking_mode == 'on' %}<think>{% endif %}";
    check(
        &json!({"name": "x", "architecture": "qwen2", "chat-template": template}),
        Fit::Exact,
        "baichuan-m2",
    );
    let template = "{{ '<reserved_102>' + content + '<reserved_103>' }}";
    check(
        &json!({
            "name": "Baichuan-7B-sft", "architecture": "baichuan", "vocabulary-size": 64_000,
            "chat-template": template,
        }),
        Fit::Exact,
        "baichuan-chat",
    );
    let own = json!({"modelhost.family": "baichuan", "modelhost.style": "xinference"});
    check(&json!({"name": "x", "architecture": "gpt2", "metadata": own}), Fit::Exact, "xinference");
    check(
        &json!({"name": "x", "architecture": "baichuan", "options": {"style": "fastchat"}}),
        Fit::Exact,
        "chatglm.cpp",
    );
}

#[test]
fn others() {
    for card in [
        json!({"name": "Yi-6B", "architecture": "llama", "vocabulary-size": 64_000,
            "control-tokens": {"<|startoftext|>": 1, "<|endoftext|>": 2}}),
        json!({"name": "qwen2.5-7b-instruct", "architecture": "qwen2",
            "chat-template": "<|im_start|>"}),
        json!({"name": "baichuan-vicuna-7b", "architecture": "llama", "vocabulary-size": 32_000}),
        json!({"name": "Baichuan-M3-235B", "architecture": "qwen3moe"}),
        json!({"name": "x", "architecture": "baichuan", "metadata": {"modelhost.family": "jinja"}}),
    ] {
        assert_eq!(Baichuan::recognize(&testkit::card(&card)).fit, Fit::None, "{card}");
    }
}

#[test]
fn sampling() {
    let advice = |style: &str| {
        let card = json!({"name": "x", "options": {"style": style}});
        Baichuan::profile(&testkit::card(&card)).unwrap().sampling
    };
    let penalty = |style| advice(style).into_iter().find(|(key, _)| key == "repetition-penalty");
    assert_eq!(penalty("baichuan-chat").unwrap().1.to_string(), "1.1");
    assert_eq!(penalty("baichuan2-chat").unwrap().1.to_string(), "1.05");
    assert!(advice("base").is_empty());
}
