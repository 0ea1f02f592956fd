//! The smallest GGUF file that the host accepts; the fake engine needs no weights.

use std::{fs, path::Path};

use anyhow::Context as _;

const U32: u32 = 4;
const F32: u32 = 6;
const STRING: u32 = 8;
const ARRAY: u32 = 9;
const I32: u32 = 5;
const ALIGNMENT: usize = 32;
const WIDTH: usize = 32;

/// Writes a model of one tiny tensor, whose vocabulary is bytes and three control tokens.
pub(crate) fn write(path: &Path) -> anyhow::Result<()> {
    let mut tokens: Vec<(String, i32)> =
        vec![("<unk>".into(), 2), ("<s>".into(), 3), ("</s>".into(), 3)];
    tokens.extend((0..=255).map(|byte: u8| (format!("<0x{byte:02X}>"), 6)));
    tokens.push(("\u{2581}".into(), 1));

    let mut entries = Entries::default();
    entries.text("general.architecture", "llama");
    entries.text("general.name", "scripted");
    entries.number("general.file_type", 0);
    entries.number("llama.context_length", 8192);
    entries.number("llama.embedding_length", 32);
    entries.number("llama.block_count", 1);
    entries.number("llama.feed_forward_length", 32);
    entries.number("llama.attention.head_count", 1);
    entries.number("llama.attention.head_count_kv", 1);
    entries.scalar("llama.attention.layer_norm_rms_epsilon", F32, &1e-5_f32.to_le_bytes());
    entries.text("tokenizer.ggml.model", "llama");
    entries.array("tokenizer.ggml.tokens", STRING, tokens.iter().map(|(text, _)| string(text)));
    entries.array("tokenizer.ggml.scores", F32, tokens.iter().map(|_| vec![0; 4]));
    let kinds = tokens.iter().map(|(_, kind)| kind.to_le_bytes().to_vec());
    entries.array("tokenizer.ggml.token_type", I32, kinds);
    entries.number("tokenizer.ggml.bos_token_id", 1);
    entries.number("tokenizer.ggml.eos_token_id", 2);
    entries.number("tokenizer.ggml.unknown_token_id", 0);

    let mut file = b"GGUF".to_vec();
    file.extend(3_u32.to_le_bytes());
    file.extend(1_u64.to_le_bytes());
    file.extend(entries.count.to_le_bytes());
    file.extend(entries.bytes);
    file.extend(string("token_embd.weight"));
    file.extend(2_u32.to_le_bytes());
    file.extend((WIDTH as u64).to_le_bytes());
    file.extend((tokens.len() as u64).to_le_bytes());
    // The type F32, at the start of the data.
    file.extend(0_u32.to_le_bytes());
    file.extend(0_u64.to_le_bytes());
    file.resize(file.len().next_multiple_of(ALIGNMENT), 0);
    file.resize(file.len() + 4 * WIDTH * tokens.len(), 0);
    fs::write(path, file).with_context(|| format!("cannot write `{}`", path.display()))
}

/// Metadata entries, as they lie in the file.
#[derive(Default)]
struct Entries {
    bytes: Vec<u8>,
    count: u64,
}

impl Entries {
    fn scalar(&mut self, key: &str, kind: u32, value: &[u8]) {
        self.bytes.extend(string(key));
        self.bytes.extend(kind.to_le_bytes());
        self.bytes.extend(value);
        self.count += 1;
    }

    fn number(&mut self, key: &str, value: u32) {
        self.scalar(key, U32, &value.to_le_bytes());
    }

    fn text(&mut self, key: &str, value: &str) {
        self.scalar(key, STRING, &string(value));
    }

    fn array(&mut self, key: &str, element: u32, items: impl ExactSizeIterator<Item = Vec<u8>>) {
        let mut value = element.to_le_bytes().to_vec();
        value.extend((items.len() as u64).to_le_bytes());
        items.for_each(|item| value.extend(item));
        self.scalar(key, ARRAY, &value);
    }
}

fn string(text: &str) -> Vec<u8> {
    let mut bytes = (text.len() as u64).to_le_bytes().to_vec();
    bytes.extend(text.as_bytes());
    bytes
}
