//! A reply gives the same events however it is cut.

use orca::{Orca, Style};
use plugin_sdk::testkit::{self, check_chunks};
use plugin_sdk::{Chat, FinishReason};
use proptest::prelude::*;
use serde_json::json;

const PIECES: &[&str] = &["### User:", "###", "\n", " ", "</s>", "<|im_end|>", "a", "é", "🐋"];

proptest! {
    #![proptest_config(ProptestConfig { cases: 50, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_cut_of_any_reply(
        pieces in prop::collection::vec(prop::sample::select(PIECES), 0..12),
        continues: bool,
        cut: bool,
    ) {
        let request = json!({
            "messages": [
                {"role": "user", "content": "?"},
                {"role": if continues { "assistant" } else { "user" }, "content": "well"},
            ],
            "continue-last": continues,
        });
        let request = testkit::request(&request).expect("a good request");
        let reason = if cut { FinishReason::Length } else { FinishReason::Stop };
        for (style, _) in Style::NAMES {
            let controls = json!({"<|im_start|>": 1, "<|im_end|>": 2});
            let card = json!({"name": "m", "options": {"style": style}, "control-tokens": controls});
            let card = testkit::card(&card);
            let prompt = Orca::render(&card, &request).expect("a good request");
            check_chunks(|| Orca::parser(&card, &request, &prompt), &pieces.concat(), reason);
        }
    }
}
