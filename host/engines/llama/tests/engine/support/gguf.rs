//! Writes small GGUF files with random weights.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

const EMBEDDING: usize = 32;
const HEADS: usize = 4;
const KV_HEADS: usize = 2;
const FEED: usize = 64;
const LAYERS: usize = 2;
/// The context length that the tiny model declares.
pub(crate) const CONTEXT: u32 = 256;

const ALIGNMENT: usize = 32;
const FLOAT: u32 = 0;

const UNKNOWN: i32 = 2;
const CONTROL: i32 = 3;
const USER_DEFINED: i32 = 4;
const BYTE: i32 = 6;

enum Value {
    Text(&'static str),
    Int(u32),
    Float(f32),
    Texts(Vec<String>),
    Floats(Vec<f32>),
    Ints(Vec<i32>),
}

struct Tensor {
    name: String,
    shape: Vec<usize>,
    values: Vec<f32>,
}

/// Random numbers that are the same on every machine.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let bits = u16::try_from(self.0 >> 48).unwrap();
        f32::from(bits) / 32768.0 - 1.0
    }

    fn tensor(&mut self, name: &str, shape: &[usize], scale: f32) -> Tensor {
        let count = shape.iter().product();
        let values = (0..count).map(|_| self.next() * scale).collect();
        Tensor { name: name.to_owned(), shape: shape.to_vec(), values }
    }

    fn ones(name: &str) -> Tensor {
        Tensor { name: name.to_owned(), shape: vec![EMBEDDING], values: vec![1.0; EMBEDDING] }
    }
}

fn vocabulary() -> (Vec<String>, Vec<f32>, Vec<i32>) {
    let mut tokens: Vec<(String, f32, i32)> = vec![
        ("<unk>".into(), 0.0, UNKNOWN),
        ("<s>".into(), 0.0, CONTROL),
        ("</s>".into(), 0.0, CONTROL),
    ];
    tokens.extend((0..=255).map(|byte| (format!("<0x{byte:02X}>"), 0.0, BYTE)));
    let mut score = 0.0;
    let words = [
        "▁t", "▁a", "he", "in", "re", "on", "▁the", "er", "▁s", "an", "▁w", "▁h", "ou", "▁and",
        "▁to", "it", "ing", "ed", "\"}", "{\"", "\":", "▁{", "▁\"", ", ", "00", "tr", "ue", "fal",
        // Merges that lead to the spelling of a control token.
        "</", "</s", "<|", "<|e", "<|en", "<|end", "<|end|",
    ];
    for word in words {
        score -= 1.0;
        tokens.push((word.into(), score, 1));
    }
    for character in
        "▁etaoinshrdlucmfwygpbvkxqjzETAOINSHRDLUCMFWYGPBVKXQJZ0123456789.,!?'\"{}[]():;-_<>|/\\é中"
            .chars()
    {
        score -= 1.0;
        tokens.push((character.to_string(), score, 1));
    }
    tokens.push(("<|user|>".into(), 0.0, CONTROL));
    tokens.push(("<|end|>".into(), 0.0, CONTROL));
    tokens.push(("<tool>".into(), 0.0, USER_DEFINED));
    // As some converters type it: it frames turns all the same.
    tokens.push(("<|turn|>".into(), 0.0, USER_DEFINED));
    let mut parts = (Vec::new(), Vec::new(), Vec::new());
    for (text, score, kind) in tokens {
        parts.0.push(text);
        parts.1.push(score);
        parts.2.push(kind);
    }
    parts
}

/// A LLaMA of two layers with a vocabulary of some letters, in a folder of its own.
pub(crate) fn tiny_model() -> (TempDir, PathBuf) {
    let (tokens, scores, kinds) = vocabulary();
    let size = tokens.len();
    let head = EMBEDDING / HEADS;
    let count = |number: usize| Value::Int(u32::try_from(number).unwrap());
    let metadata = vec![
        ("general.architecture", Value::Text("llama")),
        ("general.name", Value::Text("tiny")),
        ("llama.context_length", Value::Int(CONTEXT)),
        ("llama.embedding_length", count(EMBEDDING)),
        ("llama.block_count", count(LAYERS)),
        ("llama.feed_forward_length", count(FEED)),
        ("llama.attention.head_count", count(HEADS)),
        ("llama.attention.head_count_kv", count(KV_HEADS)),
        ("llama.attention.layer_norm_rms_epsilon", Value::Float(1e-5)),
        ("llama.rope.dimension_count", count(head)),
        ("tokenizer.ggml.model", Value::Text("llama")),
        ("tokenizer.ggml.tokens", Value::Texts(tokens)),
        ("tokenizer.ggml.scores", Value::Floats(scores)),
        ("tokenizer.ggml.token_type", Value::Ints(kinds)),
        ("tokenizer.ggml.bos_token_id", Value::Int(1)),
        ("tokenizer.ggml.eos_token_id", Value::Int(2)),
        ("tokenizer.ggml.unknown_token_id", Value::Int(0)),
    ];
    let mut noise = Noise(7);
    let mut tensors = vec![
        noise.tensor("token_embd.weight", &[EMBEDDING, size], 1.0),
        Noise::ones("output_norm.weight"),
        noise.tensor("output.weight", &[EMBEDDING, size], 0.6),
    ];
    for layer in 0..LAYERS {
        let name = |part: &str| format!("blk.{layer}.{part}.weight");
        let kv = head * KV_HEADS;
        tensors.push(Noise::ones(&name("attn_norm")));
        tensors.push(noise.tensor(&name("attn_q"), &[EMBEDDING, EMBEDDING], 0.5));
        tensors.push(noise.tensor(&name("attn_k"), &[EMBEDDING, kv], 0.5));
        tensors.push(noise.tensor(&name("attn_v"), &[EMBEDDING, kv], 0.5));
        tensors.push(noise.tensor(&name("attn_output"), &[EMBEDDING, EMBEDDING], 0.5));
        tensors.push(Noise::ones(&name("ffn_norm")));
        tensors.push(noise.tensor(&name("ffn_gate"), &[EMBEDDING, FEED], 0.4));
        tensors.push(noise.tensor(&name("ffn_up"), &[EMBEDDING, FEED], 0.4));
        tensors.push(noise.tensor(&name("ffn_down"), &[FEED, EMBEDDING], 0.4));
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.gguf");
    write(&path, &metadata, &tensors);
    (folder, path)
}

/// An adapter for the tiny model.
pub(crate) fn adapter(folder: &Path, seed: u64) -> PathBuf {
    let metadata = vec![
        ("general.architecture", Value::Text("llama")),
        ("general.type", Value::Text("adapter")),
        ("adapter.type", Value::Text("lora")),
        ("adapter.lora.alpha", Value::Float(8.0)),
    ];
    let mut noise = Noise(seed);
    let mut tensors = Vec::new();
    for layer in 0..LAYERS {
        let name = |side: &str| format!("blk.{layer}.attn_output.weight.lora_{side}");
        tensors.push(noise.tensor(&name("a"), &[EMBEDDING, 4], 1.0));
        tensors.push(noise.tensor(&name("b"), &[4, EMBEDDING], 1.0));
    }
    let path = folder.join(format!("adapter-{seed}.gguf"));
    write(&path, &metadata, &tensors);
    path
}

fn write(path: &Path, metadata: &[(&str, Value)], tensors: &[Tensor]) {
    let mut out = b"GGUF".to_vec();
    let long = |number: usize| u64::try_from(number).unwrap().to_le_bytes();
    let text = |out: &mut Vec<u8>, text: &str| {
        out.extend(long(text.len()));
        out.extend(text.as_bytes());
    };
    let array = |out: &mut Vec<u8>, kind: u32, length: usize| {
        out.extend(9_u32.to_le_bytes());
        out.extend(kind.to_le_bytes());
        out.extend(long(length));
    };
    out.extend(3_u32.to_le_bytes());
    out.extend(long(tensors.len()));
    out.extend(long(metadata.len()));
    for (key, value) in metadata {
        text(&mut out, key);
        match value {
            Value::Int(number) => {
                out.extend(4_u32.to_le_bytes());
                out.extend(number.to_le_bytes());
            }
            Value::Float(number) => {
                out.extend(6_u32.to_le_bytes());
                out.extend(number.to_le_bytes());
            }
            Value::Text(value) => {
                out.extend(8_u32.to_le_bytes());
                text(&mut out, value);
            }
            Value::Texts(values) => {
                array(&mut out, 8, values.len());
                for value in values {
                    text(&mut out, value);
                }
            }
            Value::Floats(values) => {
                array(&mut out, 6, values.len());
                for value in values {
                    out.extend(value.to_le_bytes());
                }
            }
            Value::Ints(values) => {
                array(&mut out, 5, values.len());
                for value in values {
                    out.extend(value.to_le_bytes());
                }
            }
        }
    }
    let mut offset = 0;
    for tensor in tensors {
        text(&mut out, &tensor.name);
        out.extend(u32::try_from(tensor.shape.len()).unwrap().to_le_bytes());
        for size in &tensor.shape {
            out.extend(long(*size));
        }
        out.extend(FLOAT.to_le_bytes());
        out.extend(long(offset));
        offset = (offset + tensor.values.len() * 4).next_multiple_of(ALIGNMENT);
    }
    for tensor in tensors {
        out.resize(out.len().next_multiple_of(ALIGNMENT), 0);
        for value in &tensor.values {
            out.extend(value.to_le_bytes());
        }
    }
    fs::write(path, out).unwrap();
}
