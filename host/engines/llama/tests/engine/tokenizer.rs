//! Prompts to tokens, against what the reference implementations give.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use engine_llama::{Vocabulary, vocabulary};
use engine_protocol::{ErrorCode, Prompt, PromptPart};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::Value;

use crate::support::{data, prompt, tiny_model};

fn text(text: &str) -> PromptPart {
    PromptPart::Text(text.to_owned())
}

fn control(text: &str) -> PromptPart {
    PromptPart::Control(text.to_owned())
}

fn parts(parts: Vec<PromptPart>) -> Prompt {
    Prompt { parts, add_bos: Some(false), space_prefix: None }
}

fn ids(value: &Value) -> Vec<u32> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|id| u32::try_from(id.as_u64().unwrap()).unwrap())
        .collect()
}

#[track_caller]
fn check(vocabulary: &Vocabulary, prompt: &Prompt, expect: &[u32]) {
    assert_eq!(vocabulary.tokenize(prompt).unwrap(), expect, "{prompt:?}");
}

/// llama.cpp's own pairs of input and output.
fn check_file(name: &str) {
    let Some(path) = data(&format!("vocab/{name}")) else { return };
    let vocabulary = vocabulary(&path).unwrap();
    let read = |end: &str| fs::read_to_string(format!("{}{end}", path.display())).unwrap();
    let (inputs, outputs) = (read(".inp"), read(".out"));
    let mut inputs: Vec<&str> = inputs.split("\n__ggml_vocab_test__\n").collect();
    assert_eq!(inputs.pop(), Some(""));
    let outputs: Vec<&str> = outputs.lines().collect();
    assert_eq!(inputs.len(), outputs.len());
    for (input, output) in inputs.iter().zip(outputs) {
        let expect: Vec<u32> = output.split_whitespace().map(|id| id.parse().unwrap()).collect();
        check(&vocabulary, &parts(vec![text(input)]), &expect);
    }
}

#[test]
fn sentencepiece_gives_the_reference_ids() {
    check_file("ggml-vocab-llama-spm.gguf");
}

#[test]
fn byte_pairs_give_the_reference_ids() {
    check_file("ggml-vocab-gpt-2.gguf");
}

#[test]
fn families_prompts_give_the_reference_ids() {
    let (Some(path), Some(vectors)) =
        (data("vocab/ggml-vocab-llama-spm.gguf"), data("vectors/llama_spm_vectors.json"))
    else {
        return;
    };
    let vocabulary = vocabulary(&path).unwrap();
    let vectors: Value = serde_json::from_str(&fs::read_to_string(vectors).unwrap()).unwrap();
    let mut checked = 0;
    for (name, vector) in vectors.as_object().unwrap() {
        let source = vector["prompt"].as_str().unwrap();
        if source.contains("<|") {
            continue;
        }
        let mut list = Vec::new();
        for (index, piece) in source.split("</s>").enumerate() {
            if index > 0 {
                list.push(control("</s>"));
            }
            list.push(text(piece));
        }
        let prompt = Prompt { parts: list, ..Prompt::default() };
        assert_eq!(vocabulary.tokenize(&prompt).unwrap(), ids(&vector["ids"]), "{name}");
        checked += 1;
    }
    assert!(checked >= 8, "{checked}");
}

#[test]
fn baichuan_messages_give_the_reference_ids() {
    let (Some(path), Some(vectors)) = (
        data("vocab/ggml-vocab-baichuan.gguf"),
        data("vectors/chatglm_baichuan_token_vectors.json"),
    ) else {
        return;
    };
    let vocabulary = vocabulary(&path).unwrap();
    let vectors: Value = serde_json::from_str(&fs::read_to_string(vectors).unwrap()).unwrap();
    let vectors = &vectors["Baichuan13B"];
    for vector in vectors["encode"].as_array().unwrap() {
        check(
            &vocabulary,
            &parts(vec![text(vector["text"].as_str().unwrap())]),
            &ids(&vector["ids"]),
        );
    }
    for vector in vectors["chat"].as_array().unwrap() {
        let mut list = Vec::new();
        for message in vector["messages"].as_array().unwrap() {
            list.push(PromptPart::Token(if message["role"] == "user" { 195 } else { 196 }));
            list.push(text(message["content"].as_str().unwrap()));
        }
        list.push(PromptPart::Token(196));
        check(&vocabulary, &parts(list), &ids(&vector["ids"]));
    }
}

#[test]
fn neighbouring_texts_are_one_run_and_a_split_ends_it() {
    let Some(path) = data("vocab/ggml-vocab-llama-spm.gguf") else { return };
    let vocabulary = vocabulary(&path).unwrap();
    check(&vocabulary, &parts(vec![text("Hel"), text("lo")]), &[15043]);
    let split = parts(vec![text("Hello"), PromptPart::Split, text("Hello")]);
    check(&vocabulary, &split, &[15043, 15043]);
    let bare = |space| Prompt { space_prefix: Some(space), ..parts(vec![text("Hello")]) };
    check(&vocabulary, &bare(false), &[10994]);
    check(&vocabulary, &bare(true), &[15043]);
    check(&vocabulary, &prompt("Hello"), &[1, 15043]);
}

#[test]
fn byte_pairs_get_a_space_only_where_it_is_asked_for() {
    let Some(path) = data("vocab/ggml-vocab-gpt-2.gguf") else { return };
    let vocabulary = vocabulary(&path).unwrap();
    let with = |space| Prompt { space_prefix: space, ..parts(vec![text("Hello")]) };
    let bare = vocabulary.tokenize(&with(None)).unwrap();
    assert_eq!(vocabulary.tokenize(&with(Some(false))).unwrap(), bare);
    let spaced = vocabulary.tokenize(&with(Some(true))).unwrap();
    assert_ne!(spaced, bare);
    assert_eq!(vocabulary.piece(spaced[0]), b" Hello");
}

/// What a user writes must never become a control token, alone or between other text.
fn check_no_control(path: &Path) {
    let vocabulary = vocabulary(path).unwrap();
    let controls: Vec<u32> =
        (0..vocabulary.size()).filter(|token| vocabulary.is_control(*token)).collect();
    assert!(!controls.is_empty());
    for token in controls {
        let spelling = String::from_utf8(vocabulary.piece(token).to_vec()).unwrap();
        for around in [("", ""), ("a", "b"), (" ", " "), ("\n", "\n"), (&*spelling, &*spelling)] {
            for space_prefix in [None, Some(true), Some(false)] {
                let written = format!("{}{spelling}{}", around.0, around.1);
                let prompt = Prompt { space_prefix, ..parts(vec![text(&written)]) };
                let tokens = vocabulary.tokenize(&prompt).unwrap();
                assert!(
                    !tokens.iter().any(|token| vocabulary.is_control(*token)),
                    "{written:?} became {tokens:?}"
                );
                // Nothing is lost either.
                let bytes: Vec<u8> =
                    tokens.iter().flat_map(|token| vocabulary.piece(*token).to_vec()).collect();
                assert!(String::from_utf8_lossy(&bytes).contains(&written), "{written:?}");
            }
        }
        let named = parts(vec![control(&spelling)]);
        assert_eq!(vocabulary.tokenize(&named).unwrap(), [token]);
    }
}

#[test]
fn text_that_spells_control_tokens_stays_text() {
    let (_folder, tiny) = tiny_model();
    check_no_control(&tiny);
    let names =
        ["llama-spm", "gpt-2", "baichuan"].map(|name| format!("vocab/ggml-vocab-{name}.gguf"));
    for path in names.iter().filter_map(|name| data(name)) {
        check_no_control(&path);
    }
}

#[test]
fn user_defined_tokens_are_found_in_text_and_can_be_named() {
    let (_folder, tiny) = tiny_model();
    let vocabulary = vocabulary(&tiny).unwrap();
    let tool = vocabulary.tokenize(&parts(vec![control("<tool>")])).unwrap();
    assert_eq!(tool.len(), 1);
    let tokens = vocabulary.tokenize(&parts(vec![text("a<tool>a")])).unwrap();
    assert_eq!(tokens.iter().filter(|token| **token == tool[0]).count(), 1);
    // As in llama.cpp, the text after it begins with a space again.
    let bytes: Vec<u8> =
        tokens.iter().flat_map(|token| vocabulary.piece(*token).to_vec()).collect();
    assert_eq!(String::from_utf8(bytes).unwrap(), " a<tool> a");
}

#[test]
fn parts_that_cannot_be_are_refused_by_name() {
    let (_folder, tiny) = tiny_model();
    let vocabulary = vocabulary(&tiny).unwrap();
    let refused = |part: PromptPart, expect: &str| {
        let error = vocabulary.tokenize(&parts(vec![part])).unwrap_err();
        assert_eq!(error.code, ErrorCode::Invalid);
        assert!(error.message.contains(expect), "{error}");
    };
    refused(control("<|nobody|>"), "<|nobody|>");
    // In the vocabulary, but not a control token.
    refused(control("▁the"), "▁the");
    refused(PromptPart::Token(vocabulary.size()), &vocabulary.size().to_string());
    refused(PromptPart::Token(u32::MAX), &u32::MAX.to_string());
}

fn vocabularies() -> Vec<Vocabulary> {
    let files =
        ["llama-spm", "baichuan", "gpt-2"].map(|name| format!("vocab/ggml-vocab-{name}.gguf"));
    let (_folder, tiny) = tiny_model();
    let shared = files.iter().filter_map(|file| data(file));
    shared.chain([tiny]).map(|path| vocabulary(&path).unwrap()).collect()
}

#[test]
fn no_long_text_takes_long() {
    for vocabulary in vocabularies() {
        // Characters that no token spells, one or many of them in a word, and some that merge.
        for unit in ["\u{1f600}", "\u{12345}\u{e9}a ", "\u{e9}", "\u{4e2d}", "a", " ", "0", "ab!? "]
        {
            let text = unit.repeat((1 << 20) / unit.len());
            let begun = Instant::now();
            let tokens = vocabulary.tokenize(&prompt(&text)).unwrap();
            let took = begun.elapsed();
            assert!(took < Duration::from_secs(8), "{unit:?} took {took:?}");
            assert!(tokens.len() > text.len() / 64, "{unit:?}: {}", tokens.len());
        }
    }
}

#[test]
fn a_text_has_the_tokens_of_its_halves_where_it_may_be_cut() {
    let vocabularies = vocabularies();
    let spm = &vocabularies[..vocabularies.len().min(1)];
    let part = prop::sample::select(vec![
        "the ",
        "hand",
        " ",
        "  ",
        "\n",
        "\u{e9}",
        "na\u{ef}ve",
        "\u{4e2d}\u{6587}",
        "\u{1f600}",
        "\u{12345}",
        "<s>",
        "<0x41>",
        "\u{2581}",
        "1234",
        "!?",
        "\u{200d}",
    ]);
    let texts = prop::collection::vec(part, 0..20).prop_map(|parts| parts.concat());
    let runs = |vocabulary: &Vocabulary, list: &[&str]| {
        let mut tokens = Vec::new();
        for run in list {
            let prompt =
                Prompt { parts: vec![text(run)], add_bos: Some(false), space_prefix: Some(false) };
            tokens.extend(vocabulary.tokenize(&prompt).unwrap());
        }
        tokens
    };
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) };
    TestRunner::new(config)
        .run(&(texts.clone(), texts), |(before, after)| {
            // Before a character that no token spells.
            let after = format!("\u{12345}{after}");
            let whole = format!("{before}{after}");
            for vocabulary in spm {
                prop_assert_eq!(
                    runs(vocabulary, &[&whole]),
                    runs(vocabulary, &[&before, &after]),
                    "{:?}",
                    whole
                );
            }
            Ok(())
        })
        .unwrap();
    // And so does one that is long enough to be cut.
    for vocabulary in spm {
        let unit = "the na\u{ef}ve \u{12345} hand \u{1f600}\u{4e2d}  ";
        let long = unit.repeat(2000);
        let units = vec![unit; 2000];
        let cut: Vec<String> =
            units.concat().split_inclusive("the na\u{ef}ve ").map(str::to_owned).collect();
        let cut: Vec<&str> = cut.iter().map(String::as_str).collect();
        assert_eq!(runs(vocabulary, &[&long]), runs(vocabulary, &cut));
    }
}
