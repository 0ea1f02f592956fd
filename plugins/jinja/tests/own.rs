//! Templates of our own, which show every feature; their goldens are texts.

mod common;

use common::{REFUSES, conversations, flat, named_card, outcome, own_templates};
use plugin_sdk::Error;
use serde_json::{Value, json};

#[test]
fn as_reference_jinja() {
    for (name, source, golden) in own_templates() {
        let card = named_card(&source);
        for (conversation, request) in conversations() {
            let actual = match outcome(&card, &request) {
                Ok(prompt) => Value::from(flat(&prompt)),
                Err(Error::InvalidRequest(text)) => json!({
                    "raised": text.strip_prefix(REFUSES).unwrap_or(&text),
                }),
                Err(error) => panic!("{name} / {conversation}: {error:?}"),
            };
            if golden[&conversation].get("failed").is_none() {
                assert_eq!(actual, golden[&conversation], "{name} / {conversation}");
            }
        }
    }
}
