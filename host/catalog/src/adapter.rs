//! LoRA adapters, which are GGUF files beside a model's.

use std::{collections::BTreeMap, io::Read};

use crate::{
    error::{Problem, Result, quoted},
    header::Header,
    network,
    tensor::Tensor,
    value::Value,
};

/// The scale that an adapter was trained with, which the engine reads itself.
const ALPHA: &str = "adapter.lora.alpha";

/// A validated LoRA adapter.
#[derive(Clone, Debug, PartialEq)]
pub struct AdapterFile {
    architecture: String,
    pairs: usize,
    file_bytes: u64,
}

impl AdapterFile {
    pub(crate) fn read(source: impl Read, bytes: u64) -> Result<Self> {
        let Header { metadata, tensors, file_bytes, .. } = Header::read(source, bytes)?;
        expect_text(metadata.text("general.type")?, "general.type", "adapter")?;
        expect_text(metadata.text("adapter.type")?, "adapter.type", "lora")?;
        match metadata.get(ALPHA) {
            None => {}
            Some(&Value::F32(alpha)) if alpha.is_finite() => {}
            Some(other) => {
                let given = other.text().unwrap_or_else(|| "an array".to_owned());
                return Err(Problem::wrong(format_args!("`{ALPHA}`"), given, "a finite f32"));
            }
        }
        let architecture = network::architecture(&metadata)?;
        let pairs = check_pairs(&tensors)?;
        Ok(Self { architecture, pairs, file_bytes })
    }

    /// The architecture of the models that it is for.
    pub fn architecture(&self) -> &str {
        &self.architecture
    }

    /// The number of weights that it changes.
    pub fn pairs(&self) -> usize {
        self.pairs
    }

    /// Bytes of the file.
    pub fn file_bytes(&self) -> u64 {
        self.file_bytes
    }
}

fn expect_text(given: Option<String>, key: &str, expected: &str) -> Result<()> {
    if given.as_deref() == Some(expected) {
        return Ok(());
    }
    let given = given.map_or_else(|| "missing".to_owned(), |text| quoted(text.as_bytes()));
    let expected = format!("`{expected}` in a LoRA adapter");
    Err(Problem::wrong(format_args!("`{key}`"), given, expected))
}

/// Checks that every weight has both halves, and that their ranks meet.
fn check_pairs(tensors: &[Tensor]) -> Result<usize> {
    let mut halves: BTreeMap<&str, [Option<&Tensor>; 2]> = BTreeMap::new();
    for tensor in tensors {
        let name = tensor.name.as_str();
        if let Some(weight) = name.strip_suffix(".lora_a") {
            let [a, _] = halves.entry(weight).or_default();
            *a = Some(tensor);
        } else if let Some(weight) = name.strip_suffix(".lora_b") {
            let [_, b] = halves.entry(weight).or_default();
            *b = Some(tensor);
        } else if !name.ends_with("_norm.weight") {
            let field = "the name of a tensor";
            return Err(Problem::wrong(field, format!("`{name}`"), "`*.lora_a` or `*.lora_b`"));
        }
    }
    if halves.is_empty() {
        return Err(Problem::Missing {
            field: "every tensor".to_owned(),
            remedy: "the adapter changes nothing; convert it again",
        });
    }
    for (weight, pair) in &halves {
        let [Some(a), Some(b)] = pair else {
            return Err(Problem::Missing {
                field: format!("one half of the pair for `{weight}`"),
                remedy: "an adapter holds `.lora_a` and `.lora_b` for each weight; convert it again",
            });
        };
        // An embedding's first half is stored transposed.
        let rank_of_a = if weight.ends_with("token_embd.weight") { a.shape[0] } else { a.shape[1] };
        if rank_of_a != b.shape[0] {
            let field = format!("the rank of `{weight}.lora_b`");
            let expected = format!("{rank_of_a}, the rank of the other half");
            return Err(Problem::wrong(field, b.shape[0], expected));
        }
    }
    Ok(halves.len())
}
