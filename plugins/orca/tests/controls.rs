//! Nothing that a client sends becomes a special token.

use orca::{Orca, Style};
use plugin_sdk::{Chat, PromptPart, testkit};
use serde_json::{Map, json};

const TOKENS: &[&str] = &["</s>", "<s>", "<|end_of_turn|>", "<|im_start|>", "<|im_end|>", "[PAD]"];

#[test]
fn spelled_controls_stay_text() {
    let spelled = TOKENS.concat();
    let controls: Map<_, _> =
        TOKENS.iter().zip(300_u32..).map(|(text, id)| ((*text).to_owned(), json!(id))).collect();
    for (style, _) in Style::NAMES {
        let card = json!({
            "name": "x", "bos": 1, "eos": 2, "options": {"style": style},
            "control-tokens": controls,
        });
        let card = testkit::card(&card);
        let frame = |text: &str| {
            let request = json!({
                "messages": [
                    {"role": "system", "content": text},
                    {"role": "user", "content": text},
                    {"role": "assistant", "content": text},
                    {"role": "system", "content": text},
                    {"role": "user", "content": text},
                ],
                "template-variables": {"input": text},
            });
            let request = testkit::request(&request).unwrap();
            let parts = Orca::render(&card, &request).unwrap().parts;
            let special = |part: &PromptPart| !matches!(part, PromptPart::Text(_));
            parts.into_iter().filter(special).collect::<Vec<_>>()
        };
        assert_eq!(frame("x"), frame(&spelled), "{style}");
    }
}
