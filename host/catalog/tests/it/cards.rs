//! What a valid file tells.

use crate::{
    inspect,
    writer::{Gguf, Item},
};

#[test]
fn a_card_holds_what_the_file_declares() {
    let bytes = Gguf::tiny()
        .set("tokenizer.chat_template", "{{ messages }}")
        .set("general.languages", Item::Texts(vec![b"en".into(), b"zh".into(), vec![0xFF]]))
        .set("general.description", "A model for tests")
        .set("llama.rope.freq_base", Item::F32(10_000.0))
        .build();
    let file = inspect(&bytes).unwrap();
    let options = [("style".to_owned(), "v2".to_owned())];
    let card = file.card("my-model", Some(64), &options);
    assert_eq!(card.name, "my-model");
    assert_eq!(card.architecture, "llama");
    assert_eq!(card.chat_template.as_deref(), Some("{{ messages }}"));
    assert_eq!(card.context_length, 64);
    assert_eq!(file.card("my-model", None, &[]).context_length, 128);
    assert_eq!(card.vocabulary_size, 260);
    assert_eq!((card.bos, card.eos), (Some(1), Some(2)));
    let control: Vec<_> = card.control_tokens.iter().map(|t| (t.id, t.text.as_str())).collect();
    assert_eq!(control, [(1, "<s>"), (2, "</s>"), (259, "<|user|>")]);
    assert_eq!(card.options, options);
    let value = |key: &str| file.value(key).unwrap_or("missing").to_owned();
    assert_eq!(value("llama.attention.layer_norm_rms_epsilon"), "0.00001");
    assert_eq!(value("llama.rope.freq_base"), "10000");
    assert_eq!(value("tokenizer.ggml.add_bos_token"), "true");
    assert_eq!(value("llama.block_count"), "1");
    assert_eq!(value("tokenizer.ggml.tokens"), "missing");
    assert_eq!(card.metadata.first().unwrap().0, "general.architecture");
    assert_eq!(file.languages(), ["en", "zh"]);
    assert_eq!(file.name(), Some("tiny"));
    assert_eq!(file.description(), Some("A model for tests"));
    assert_eq!(file.format(), "ggufv2");
}

#[test]
fn sizes() {
    let file = inspect(&Gguf::tiny().build()).unwrap();
    assert_eq!(file.parameters(), 32 * 4 + 32);
    assert_eq!(file.weight_bytes(), 512 + 128);
    assert_eq!(file.tensors(), 2);
    assert_eq!(file.size_in_billions(), "0_00000016");
    // One layer, two heads, eight keys and eight values each.
    assert_eq!(file.kv_bytes_per_token(2.0), 2 * (8 + 8) * 2);
    assert_eq!(file.kv_bytes_per_token(34.0 / 32.0), 34);
    assert_eq!(file.kv_bytes_per_token(f64::NAN), 0);
}

#[test]
fn quantization_comes_from_the_file_type_or_from_the_weights() {
    #[track_caller]
    fn check(gguf: &Gguf, expect: &str) {
        assert_eq!(inspect(&gguf.build()).unwrap().quantization(), expect);
    }
    check(&Gguf::tiny(), "F32");
    check(&Gguf::tiny().set("general.file_type", 15), "Q4_K_M");
    check(&Gguf::tiny().set("general.file_type", 500), "F32");
    let quantized = Gguf::tiny().tensor("output.weight", &[32, 1], 8, 34);
    check(&quantized, "Q8_0");
}

#[test]
fn a_large_vocabulary_is_read_quickly() {
    let count = 150_000;
    let tokens: Vec<Vec<u8>> = (0..count).map(|at| format!("token{at}").into_bytes()).collect();
    let merges = (0..count).map(|at| format!("left{at} right").into_bytes()).collect();
    let bytes = Gguf::tiny()
        .without("tokenizer.ggml.scores")
        .set("tokenizer.ggml.model", "gpt2")
        .set("tokenizer.ggml.tokens", Item::Texts(tokens))
        .set("tokenizer.ggml.merges", Item::Texts(merges))
        .set("tokenizer.ggml.token_type", Item::I32s(vec![1; count]))
        .build();
    let start = std::time::Instant::now();
    let file = inspect(&bytes).unwrap();
    let taken = start.elapsed();
    eprintln!("a vocabulary of {count}: {taken:?}");
    assert_eq!(file.vocabulary_size() as usize, count);
    // Far above what it takes, so that a busy machine does not fail the test.
    assert!(taken.as_secs() < 2, "{taken:?}");
}

#[test]
fn a_network_without_attention_has_no_cache_of_keys() {
    let recurrent = Gguf::tiny()
        .set("general.architecture", "mamba")
        .set("mamba.context_length", 1 << 20)
        .set("mamba.embedding_length", 32)
        .set("mamba.block_count", 1);
    let file = inspect(&recurrent.build()).unwrap();
    assert_eq!(file.kv_bytes_per_token(2.0), 0);
}

#[test]
fn tensors_follow_the_alignment_that_the_file_asks_for() {
    let mut wide = Gguf::tiny().set("general.alignment", 4096);
    wide.alignment = 4096;
    wide.tensors[1].offset = 4096;
    inspect(&wide.build()).unwrap();
}
