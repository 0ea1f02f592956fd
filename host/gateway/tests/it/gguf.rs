//! The smallest GGUF file that the host accepts.

use std::path::Path;

const U32: u32 = 4;
const I32: u32 = 5;
const F32: u32 = 6;
const STRING: u32 = 8;
const ARRAY: u32 = 9;
const ALIGNMENT: usize = 32;
const WIDTH: u32 = 32;

#[derive(Default)]
struct Header {
    bytes: Vec<u8>,
    entries: u64,
}

impl Header {
    fn text(&mut self, text: &str) {
        self.bytes.extend((text.len() as u64).to_le_bytes());
        self.bytes.extend(text.as_bytes());
    }

    fn key(&mut self, key: &str, kind: u32) {
        self.entries += 1;
        self.text(key);
        self.bytes.extend(kind.to_le_bytes());
    }

    fn string(&mut self, key: &str, value: &str) {
        self.key(key, STRING);
        self.text(value);
    }

    fn u32(&mut self, key: &str, value: u32) {
        self.key(key, U32);
        self.bytes.extend(value.to_le_bytes());
    }

    fn f32(&mut self, key: &str, value: f32) {
        self.key(key, F32);
        self.bytes.extend(value.to_le_bytes());
    }

    fn array<T>(&mut self, key: &str, kind: u32, items: &[T], write: impl Fn(&mut Self, &T)) {
        self.key(key, ARRAY);
        self.bytes.extend(kind.to_le_bytes());
        self.bytes.extend((items.len() as u64).to_le_bytes());
        for item in items {
            write(self, item);
        }
    }
}

/// Writes a model of one tiny tensor, whose vocabulary is bytes and a few control tokens.
pub(crate) fn write(path: &Path, name: &str) {
    let mut tokens: Vec<(String, i32)> =
        vec![("<unk>".into(), 2), ("<s>".into(), 3), ("</s>".into(), 3)];
    tokens.extend((0..256).map(|byte| (format!("<0x{byte:02X}>"), 6)));
    tokens.push(("▁".into(), 1));
    for control in ["<|system|>", "<|user|>", "<|assistant|>", "<|observation|>"] {
        tokens.push((control.into(), 3));
    }
    let mut header = Header::default();
    header.string("general.architecture", "llama");
    header.string("general.name", name);
    header.u32("general.file_type", 0);
    header.u32("llama.context_length", 8192);
    header.u32("llama.embedding_length", WIDTH);
    header.u32("llama.block_count", 1);
    header.u32("llama.feed_forward_length", WIDTH);
    header.u32("llama.attention.head_count", 1);
    header.u32("llama.attention.head_count_kv", 1);
    header.f32("llama.attention.layer_norm_rms_epsilon", 1e-5);
    header.string("tokenizer.ggml.model", "llama");
    header.array("tokenizer.ggml.tokens", STRING, &tokens, |h, token| h.text(&token.0));
    header.array("tokenizer.ggml.scores", F32, &tokens, |h, _| h.bytes.extend(0_f32.to_le_bytes()));
    header.array("tokenizer.ggml.token_type", I32, &tokens, |h, token| {
        h.bytes.extend(token.1.to_le_bytes());
    });
    header.u32("tokenizer.ggml.bos_token_id", 1);
    header.u32("tokenizer.ggml.eos_token_id", 2);
    header.u32("tokenizer.ggml.unknown_token_id", 0);
    let mut file = b"GGUF".to_vec();
    file.extend(3_u32.to_le_bytes());
    file.extend(1_u64.to_le_bytes());
    file.extend(header.entries.to_le_bytes());
    file.append(&mut header.bytes);
    let mut tensor = Header::default();
    tensor.text("token_embd.weight");
    file.append(&mut tensor.bytes);
    file.extend(2_u32.to_le_bytes());
    file.extend(u64::from(WIDTH).to_le_bytes());
    file.extend((tokens.len() as u64).to_le_bytes());
    file.extend(0_u32.to_le_bytes());
    file.extend(0_u64.to_le_bytes());
    file.resize(file.len().next_multiple_of(ALIGNMENT), 0);
    file.resize(file.len() + 4 * WIDTH as usize * tokens.len(), 0);
    std::fs::write(path, file).unwrap();
}
