//! The network that the weights declare, held to what the engine asserts or divides by.

use crate::{
    error::{Problem, Result, quoted},
    limits,
    metadata::Metadata,
    value::{Array, Kind, Value},
};

/// Architectures that llama.cpp runs as text models.
const ARCHITECTURES: &str = include_str!("architectures.txt");

/// Architectures that are part of something else, and what to do with such a file.
const PARTS: [(&str, &str); 7] = [
    ("clip", "it is a vision or audio projector; give the path of the language model itself"),
    ("wavtokenizer-dec", "it turns tokens into sound; it does not answer in text"),
    ("qwen3tts", "it turns text into sound; it does not answer in text"),
    ("pockettts", "it turns text into sound; it does not answer in text"),
    ("eagle3", "it drafts tokens for another model; give the path of that one"),
    ("dflash", "it drafts tokens for another model; give the path of that one"),
    ("gemma4-assistant", "it drafts tokens for another model; give the path of that one"),
];

/// Architectures whose layers keep a state instead of a KV cache.
const RECURRENT: [&str; 6] = ["mamba", "mamba2", "rwkv6", "rwkv6qwen2", "rwkv7", "arwkv7"];

/// Architectures for which the engine wants rotary dimensions to be the whole head.
const WHOLE_HEAD_ROTARY: [&str; 4] = ["llama", "deci", "falcon", "llama-embed"];

/// The shape of the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Network {
    pub(crate) architecture: String,
    pub(crate) context_length: u32,
    pub(crate) embedding_length: u32,
    pub(crate) layers: u32,
    /// Elements of keys and values that one token adds to the KV cache, over all layers.
    pub(crate) kv_elements: u64,
}

/// The architecture, if the engine has it.
pub(crate) fn architecture(metadata: &Metadata) -> Result<String> {
    const KEY: &str = "general.architecture";
    let name = metadata.text(KEY)?.ok_or_else(|| Problem::Missing {
        field: format!("`{KEY}`"),
        remedy: "it says which network the weights are for; convert the model again",
    })?;
    if let Some((_, remedy)) = PARTS.iter().find(|(part, _)| *part == name) {
        return Err(Problem::unsupported(
            format_args!("`{KEY}`"),
            quoted(name.as_bytes()),
            *remedy,
        ));
    }
    let known = ARCHITECTURES.lines().filter(|line| !line.starts_with('#'));
    if known.clone().any(|known| known == name) {
        return Ok(name);
    }
    Err(Problem::unsupported(
        format_args!("`{KEY}`"),
        quoted(name.as_bytes()),
        format!("it is none of the {} that the engine runs; a newer release may", known.count()),
    ))
}

impl Network {
    pub(crate) fn read(metadata: &Metadata) -> Result<Self> {
        let architecture = architecture(metadata)?;
        let keys = Keys { metadata, architecture: &architecture };
        let context_length = keys.positive("context_length", limits::CONTEXT)?;
        let embedding_length = keys.positive("embedding_length", 1 << 20)?;
        let layers = keys.positive("block_count", limits::LAYERS)?;
        keys.at_most("nextn_predict_layers", layers)?;
        check_experts(&keys)?;
        check_rope(&keys)?;
        check_floats(&keys)?;
        let kv_elements = check_heads(&keys, embedding_length, layers)?;
        Ok(Self { architecture, context_length, embedding_length, layers, kv_elements })
    }
}

/// Keys of one architecture.
struct Keys<'a> {
    metadata: &'a Metadata,
    architecture: &'a str,
}

impl Keys<'_> {
    fn key(&self, name: &str) -> String {
        format!("{}.{name}", self.architecture)
    }

    fn u32(&self, name: &str) -> Result<Option<u32>> {
        self.metadata.u32(&self.key(name))
    }

    /// A number that must be there, and be from 1 to `most`.
    fn positive(&self, name: &str, most: u32) -> Result<u32> {
        match self.u32(name)? {
            Some(given) if given > 0 && given <= most => Ok(given),
            Some(given) => Err(self.wrong(name, given, format!("from 1 to {most}"))),
            None => Err(Problem::Missing {
                field: format!("`{}`", self.key(name)),
                remedy: "the engine needs it; convert the model again",
            }),
        }
    }

    /// A number that may be missing, and is at most `most`.
    fn at_most(&self, name: &str, most: u32) -> Result<u32> {
        match self.metadata.u32_or_zero(&self.key(name))? {
            given if given <= most => Ok(given),
            given => Err(self.wrong(name, given, format!("at most {most}"))),
        }
    }

    /// One number for all layers, or one for each.
    fn per_layer(&self, name: &str, layers: u32) -> Result<Option<PerLayer>> {
        let key = self.key(name);
        let field = |at: usize| format!("`{key}[{at}]`");
        match self.metadata.get(&key) {
            None => Ok(None),
            Some(Value::Array(Array::Integers(Kind::U32 | Kind::I32, values))) => {
                if values.len() as u64 != u64::from(layers) {
                    let length = format_args!("the length of `{key}`");
                    let expected = format!("{layers}, the number of layers");
                    return Err(Problem::wrong(length, values.len(), expected));
                }
                let mut numbers = Vec::with_capacity(values.len());
                for (at, &value) in values.iter().enumerate() {
                    let number = u32::try_from(value).ok().filter(|&n| n <= MOST_PER_LAYER);
                    let expected = format!("from 0 to {MOST_PER_LAYER}");
                    numbers.push(number.ok_or_else(|| Problem::wrong(field(at), value, expected))?);
                }
                Ok(Some(PerLayer::Each(numbers)))
            }
            Some(_) => match self.u32(name)? {
                Some(number) if number <= MOST_PER_LAYER => Ok(Some(PerLayer::All(number))),
                Some(number) => {
                    Err(self.wrong(name, number, format!("from 0 to {MOST_PER_LAYER}")))
                }
                None => Ok(None),
            },
        }
    }

    fn wrong(&self, name: &str, given: u32, expected: String) -> Problem {
        Problem::wrong(format_args!("`{}`", self.key(name)), given, expected)
    }
}

/// Far above any network's heads or widths.
const MOST_PER_LAYER: u32 = 1 << 22;

/// A number that is the same for all layers, or its own for each.
enum PerLayer {
    All(u32),
    Each(Vec<u32>),
}

impl PerLayer {
    fn at(&self, layer: usize) -> u32 {
        match self {
            Self::All(number) => *number,
            Self::Each(numbers) => numbers.get(layer).copied().unwrap_or(0),
        }
    }
}

/// Checks head counts, which the engine divides by, and counts the KV cache's elements per token.
fn check_heads(keys: &Keys<'_>, embedding: u32, layers: u32) -> Result<u64> {
    const HEADS: &str = "attention.head_count";
    const KV_HEADS: &str = "attention.head_count_kv";
    keys.per_layer("feed_forward_length", layers)?;
    let heads = keys.per_layer(HEADS, layers)?;
    if RECURRENT.contains(&keys.architecture) {
        return Ok(0);
    }
    let heads = heads.ok_or_else(|| Problem::Missing {
        field: format!("`{}`", keys.key(HEADS)),
        remedy: "the engine needs it; convert the model again",
    })?;
    let kv_heads = keys.per_layer(KV_HEADS, layers)?;
    // Hybrids have layers without attention, and say so with a 0 of that layer alone.
    if let PerLayer::All(0) = heads {
        return Err(keys.wrong(HEADS, 0, "above 0".to_owned()));
    }
    let first = heads.at(0);
    let widths = ["attention.key_length", "attention.value_length"];
    let mut head_widths = [0; 2];
    for (width, name) in head_widths.iter_mut().zip(widths) {
        *width = match keys.u32(name)? {
            Some(0) => return Err(keys.wrong(name, 0, "above 0".to_owned())),
            Some(given) if given > MOST_PER_LAYER => {
                return Err(keys.wrong(name, given, format!("at most {MOST_PER_LAYER}")));
            }
            Some(given) => given,
            None if first == 0 => 0,
            None if embedding.is_multiple_of(first) => embedding / first,
            None => {
                let rule = format!("a divisor of the embedding length {embedding}");
                return Err(keys.wrong(HEADS, first, rule));
            }
        };
    }
    let [key_width, value_width] = head_widths;
    if let Some(rotary) = keys.u32("rope.dimension_count")? {
        let whole = WHOLE_HEAD_ROTARY.contains(&keys.architecture) && first > 0;
        if whole && rotary != key_width {
            let rule = format!("{key_width}, the width of a head");
            return Err(keys.wrong("rope.dimension_count", rotary, rule));
        }
    }
    let mut elements: u64 = 0;
    for layer in 0..layers as usize {
        let queries = heads.at(layer);
        let shared = kv_heads.as_ref().map_or(queries, |kv| kv.at(layer));
        if queries > 0 && shared > 0 && queries % shared != 0 {
            let rule = format!("a divisor of the {queries} heads (layer {layer})");
            return Err(keys.wrong(KV_HEADS, shared, rule));
        }
        if shared == 0 && queries > 0 && matches!(kv_heads, Some(PerLayer::All(0))) {
            return Err(keys.wrong(KV_HEADS, 0, "above 0".to_owned()));
        }
        let width = u64::from(key_width) + u64::from(value_width);
        elements = elements.saturating_add(u64::from(shared).saturating_mul(width));
    }
    Ok(elements)
}

/// Checks what the engine asserts of a mixture of experts.
fn check_experts(keys: &Keys<'_>) -> Result<()> {
    let experts = keys.at_most("expert_count", limits::EXPERTS)?;
    // One number for all layers, or for a few architectures one for each; those the engine checks.
    let used = match keys.metadata.get(&keys.key("expert_used_count")) {
        Some(Value::Array(_)) => return Ok(()),
        _ => keys.at_most("expert_used_count", experts)?,
    };
    if experts > 0 && used == 0 {
        let expected = format!("from 1 to {experts}, the number of experts");
        return Err(keys.wrong("expert_used_count", used, expected));
    }
    let groups = keys.at_most("expert_group_count", experts.saturating_sub(1))?;
    if groups > 1 {
        if experts % groups != 0 {
            let expected = format!("a divisor of {experts}, the number of experts");
            return Err(keys.wrong("expert_group_count", groups, expected));
        }
        let used = keys.at_most("expert_group_used_count", groups - 1)?;
        if used == 0 {
            let expected = format!("from 1 to {}", groups - 1);
            return Err(keys.wrong("expert_group_used_count", used, expected));
        }
    }
    Ok(())
}

/// Checks the kind of rotary scaling, which the engine asserts to know.
fn check_rope(keys: &Keys<'_>) -> Result<()> {
    const KINDS: [&str; 4] = ["none", "linear", "yarn", "longrope"];
    let key = keys.key("rope.scaling.type");
    match keys.metadata.text(&key)? {
        Some(kind) if !KINDS.contains(&kind.as_str()) => {
            let expected = format!("one of {}", KINDS.join(", "));
            Err(Problem::wrong(format_args!("`{key}`"), quoted(kind.as_bytes()), expected))
        }
        _ => Ok(()),
    }
}

/// Far above any factor of a network, and far below where products of a few overflow.
const MOST_FLOAT: f32 = 1e12;

/// Checks the network's fractions, with which the engine computes without a look at them.
fn check_floats(keys: &Keys<'_>) -> Result<()> {
    let prefix = keys.key("");
    for (key, value) in keys.metadata.floats() {
        let Some(name) = key.strip_prefix(&prefix) else { continue };
        // A comparison with NaN is false.
        let (good, expected) = if name.ends_with("epsilon") {
            ((0.0..=MOST_FLOAT).contains(&value), format!("from 0 to {MOST_FLOAT:e}"))
        } else if name.contains("freq_base") {
            let good = value > 0.0 && value <= MOST_FLOAT;
            (good, format!("above 0 and at most {MOST_FLOAT:e}"))
        } else {
            (value.abs() <= MOST_FLOAT, format!("from -{MOST_FLOAT:e} to {MOST_FLOAT:e}"))
        };
        if !good {
            return Err(Problem::wrong(format_args!("`{key}`"), value, expected));
        }
    }
    Ok(())
}
