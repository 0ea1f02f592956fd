//! Baichuan-M2's prompts are those of its own chat template.
//!
//! `m2_template.json` holds what Jinja 3.1, set up as transformers sets it up, renders from the
//! template.

use baichuan::Baichuan;
use plugin_sdk::{Chat, testkit};
use serde_json::{Value, json};

#[test]
fn m2_is_its_template() {
    let goldens: Value = serde_json::from_str(include_str!("m2_template.json")).unwrap();
    let controls = json!({"<|im_start|>": 151_644, "<|im_end|>": 151_645, "<think>": 151_667});
    for controls in [json!({}), controls] {
        let card = json!({
            "name": "Baichuan-M2-32B", "architecture": "qwen2", "control-tokens": controls,
        });
        let card = testkit::card(&card);
        for golden in goldens.as_array().unwrap() {
            let request = testkit::request(&golden["request"]).unwrap();
            let prompt = <Baichuan as Chat>::render(&card, &request).unwrap();
            let text = testkit::flatten(&prompt, |id| match id {
                151_644 => "<|im_start|>".to_owned(),
                151_645 => "<|im_end|>".to_owned(),
                _ => String::new(),
            });
            assert_eq!(Value::from(text), golden["prompt"], "{}", golden["name"]);
        }
    }
}
