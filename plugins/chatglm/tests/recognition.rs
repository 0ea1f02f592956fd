//! Which models the family takes for its own, and for which version.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

use chatglm::ChatGlm;
use plugin_sdk::{Family, Fit, testkit};
use serde_json::{Value, json};

#[track_caller]
fn check(card: &Value, expect: &str) {
    let card = testkit::card(card);
    assert_eq!(ChatGlm::recognize(&card).fit, Fit::Exact, "{card:?}");
    assert_eq!(ChatGlm::profile(&card).unwrap().style, expect);
}

#[test]
fn by_name() {
    for (name, expect) in [
        ("chatglm-6b", "chatglm"),
        ("ChatGLM2-6B-32k", "chatglm2"),
        ("codegeex2-6b", "chatglm2"),
        ("chatglm3-6b-128k", "chatglm3"),
        ("glm-4-9b-chat-1m", "glm-4"),
        ("glm4-chat", "glm-4"),
        ("codegeex4-all-9b", "glm-4"),
        ("glm-4v-9b", "glm-4v"),
        ("glm-edge-4b-chat", "glm-edge"),
        ("GLM-4-32B-0414", "glm-4-0414"),
        ("GLM-Z1-9B-0414", "glm-z1"),
        ("GLM-4.5-Air", "glm-4.5"),
        ("GLM_4.6", "glm-4.6"),
        ("GLM-4.7-Flash", "glm-4.7"),
        ("GLM-5", "glm-5"),
        ("GLM-5.1", "glm-5.1"),
        ("GLM-5.2", "glm-5.2"),
    ] {
        check(&json!({"name": name, "architecture": "chatglm"}), expect);
        let metadata = json!({"general.name": name});
        check(&json!({"name": "mine", "architecture": "glm4", "metadata": metadata}), expect);
    }
}

#[test]
fn by_vocabulary() {
    let roles = json!({"<|user|>": 64795});
    for (architecture, size, tokens, expect) in [
        ("chatglm", 130_528, json!({}), "chatglm"),
        ("chatglm", 65_024, json!({}), "chatglm2"),
        ("chatglm", 65_024, roles, "chatglm3"),
        ("chatglm", 151_552, json!({}), "glm-4"),
        ("chatglm", 59_264, json!({}), "glm-edge"),
        ("glm4", 151_552, json!({}), "glm-4-0414"),
        ("glm4moe", 151_552, json!({}), "glm-4.5"),
        ("glm-dsa", 154_880, json!({}), "glm-5"),
        ("deepseek2", 154_880, json!({"[gMASK]": 1, "<|observation|>": 2}), "glm-4.7"),
    ] {
        let card = json!({
            "name": "mine", "architecture": architecture, "vocabulary-size": size,
            "control-tokens": tokens,
        });
        check(&card, expect);
    }
}

#[test]
fn by_template() {
    for (template, expect) in [
        ("[gMASK]<sop>{{ 'Reasoning Effort' }}<arg_key>", "glm-5.2"),
        ("[gMASK]<sop>defer_loading <arg_key>", "glm-5.1"),
        ("[gMASK]<sop><arg_key>/nothink", "glm-4.5"),
        ("[gMASK]<sop><arg_key>", "glm-4.7"),
        ("[gMASK]<sop># 可用工具", "glm-4-0414"),
        ("[gMASK]<sop># 可用工具 <think>", "glm-z1"),
        ("[gMASK]<sop>你是一个名为 ChatGLM # 可用工具", "glm-4"),
        ("[gMASK]sop<|user|>", "chatglm3"),
    ] {
        check(&json!({"name": "x", "architecture": "unknown", "chat-template": template}), expect);
    }
    // The template is the better witness, but a name tells twins apart.
    let flash = "[gMASK]<sop><arg_key>";
    check(&json!({"name": "glm-5", "architecture": "glm4moe", "chat-template": flash}), "glm-5");
    check(
        &json!({"name": "glm-4-9b", "architecture": "glm4moe", "chat-template": flash}),
        "glm-4.7",
    );
}

#[test]
fn by_option_and_metadata() {
    check(
        &json!({"name": "glm-5", "architecture": "glm", "options": {"style": "chatglm3"}}),
        "chatglm3",
    );
    let metadata = json!({"modelhost.family": "chatglm", "modelhost.style": "glm-4.6"});
    check(&json!({"name": "x", "architecture": "llama", "metadata": metadata}), "glm-4.6");
}

#[test]
fn others() {
    for card in [
        json!({"name": "chatglm-like", "architecture": "llama"}),
        json!({"name": "x", "architecture": "qwen3", "chat-template": "<|im_start|>"}),
        json!({"name": "x", "architecture": "glm4", "metadata": {"modelhost.family": "jinja"}}),
    ] {
        assert_eq!(ChatGlm::recognize(&testkit::card(&card)).fit, Fit::None, "{card}");
    }
}
