//! No text panics, and every error says where it is.

use proptest::prelude::*;

/// Pieces of configurations, so that random texts reach past the parser.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "[server]",
            "[[model]]",
            "[model.sampling]",
            "[[model.lora]]",
            "[plugins.limits]",
            "name = 'a'",
            "path = 'tests/files/weights.gguf'",
            "listen = '0.0.0.0:1'",
            "top-k = -1",
            "api-keys = ['']",
            "gpu-layers = 'all'",
            "gpu-layers = 1.5",
            "parallel = 0",
            "ключ = 1",
            "max-body = '9999999TB'",
            "family-options = { a = 'b' }",
            "temperature = nan",
            "\t\u{1F600}",
            "cors-origins = ['*', '*']",
            "allowed-hosts = ['*', '..']",
            "level = ','",
            "path = ''",
            "path = '~'",
            "x = ",
            "\"\"\"",
        ])
        .prop_map(str::to_owned),
        "\\PC{0,20}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_refused_with_a_place(pieces in prop::collection::vec(piece(), 0..12)) {
        let text = pieces.join("\n");
        if let Err(error) = config::from_str(&text, "models.toml".as_ref()) {
            let message = error.to_string();
            prop_assert!(message.starts_with("models.toml:"), "{}", message);
            prop_assert!(message.lines().all(|line| line.chars().count() < 1000), "{}", message);
        }
    }
}
