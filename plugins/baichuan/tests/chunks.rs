//! Every version gives the same events however a reply is cut, whatever the reply is.

use baichuan::{Baichuan, Version};
use plugin_sdk::testkit::{self, check_chunks};
use plugin_sdk::{Chat, FinishReason};
use proptest::prelude::*;
use serde_json::json;

/// Pieces of which replies are made: what the parsers look for, its parts, and what looks like it.
const PIECES: &[&str] = &[
    "<think>",
    "</think>",
    "<tool_call>",
    "</tool_call>",
    "{\"name\": \"weather\", \"arguments\": ",
    "{\"city\": \"x\"}",
    "}",
    "<|im_end|>",
    "\n",
    " ",
    "{}",
    "好",
    "a",
    "<",
    "</",
    "🚀",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 50, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_cut_of_any_reply(
        pieces in prop::collection::vec(prop::sample::select(PIECES), 0..12),
        choice in prop::sample::select(&["auto", "none", "required"][..]),
        mode in prop::sample::select(&["on", "off", "auto"][..]),
        continues: bool,
        single: bool,
    ) {
        let text = pieces.concat();
        let tool = |name| json!({"type": "function", "function": {"name": name, "parameters": {
            "type": "object", "properties": {"city": {"type": "string"}},
        }}});
        let request = json!({
            "messages": [
                {"role": "user", "content": "?"},
                {"role": if continues { "assistant" } else { "user" }, "content": "well"},
            ],
            "tools": [tool("weather"), tool("weather_map")],
            "tool-choice": choice,
            "continue-last": continues,
            "parallel-tool-calls": !single,
            "template-variables": {"thinking_mode": mode},
        });
        let request = testkit::request(&request).expect("a good request");
        for (style, _) in Version::NAMES {
            let card = testkit::card(&json!({"name": "m", "options": {"style": style}}));
            // Versions without tools refuse the request, but their parsers take any text.
            let prompt = <Baichuan as Chat>::render(&card, &request)
                .unwrap_or_else(|_| plugin_sdk::PromptBuilder::new(&card).build());
            let make = || Baichuan::parser(&card, &request, &prompt);
            check_chunks(make, &text, FinishReason::Stop);
        }
    }
}
