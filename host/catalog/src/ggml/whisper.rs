//! Whisper models: their numbers, filters, vocabulary and tensors.

use std::io::{Read, Seek};

use super::{
    MAGIC,
    input::Input,
    tensors::{Found, Wanted},
};
use crate::{
    error::{Problem, Result},
    tensor::TensorType,
};

/// The sizes of vocabulary from which the engine derives its special tokens: English alone, 99
/// languages, 100 languages.
const VOCABULARIES: [u32; 3] = [51_864, 51_865, 51_866];
/// Positions of the encoder: 30 seconds.
const AUDIO_CONTEXT: u32 = 1_500;
/// Bins of the short Fourier transform that the engine computes.
const BINS: u32 = 201;
/// The tokens of text, before the special ones; the file may name the special ones too.
const TEXT_TOKENS: u32 = 50_256;
/// Bytes of one token's text.
const TOKEN_BYTES: u32 = 1_024;
/// The version that quantized weights are written in, a thousandfold beside their type.
const QUANTIZATION_VERSION: u32 = 2;
const VERSION_FACTOR: u32 = 1_000;

/// A whisper model whose every byte is accounted for; the weights themselves are not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Whisper {
    pub(crate) vocabulary: u32,
    pub(crate) text_context: u32,
    pub(crate) text_state: u32,
    pub(crate) text_layers: u32,
    pub(crate) quantization: &'static str,
    pub(crate) tensors: usize,
    pub(crate) parameters: u64,
    pub(crate) weight_bytes: u64,
    /// The numbers under the names that plugins know them by.
    pub(crate) metadata: Vec<(String, String)>,
}

/// Whether a file that begins so is meant to be a whisper model.
pub(crate) fn is_whisper(start: &[u8]) -> bool {
    let number = |at: usize| {
        let bytes = start.get(at * 4..at * 4 + 4)?;
        bytes.try_into().ok().map(u32::from_le_bytes)
    };
    let vocabulary = number(1).is_some_and(|size| VOCABULARIES.contains(&size));
    start.starts_with(&MAGIC) && (vocabulary || number(2) == Some(AUDIO_CONTEXT))
}

/// The numbers at the beginning.
#[derive(Clone, Copy, Debug)]
struct Numbers {
    vocabulary: u32,
    audio_context: u32,
    state: u32,
    audio_heads: u32,
    audio_layers: u32,
    text_context: u32,
    text_heads: u32,
    text_layers: u32,
    mels: u32,
    file_type: u32,
}

impl Whisper {
    /// Reads a file of so many bytes.
    pub(crate) fn read<R: Read + Seek>(inner: R, bytes: u64) -> Result<Self> {
        let mut input = Input::new(inner, bytes);
        input.skip(MAGIC.len() as u64, &"the magic")?;
        let numbers = Numbers::read(&mut input)?;
        let weights = weight_type(numbers.file_type)?;
        read_filters(&mut input, numbers.mels)?;
        read_vocabulary(&mut input, numbers.vocabulary)?;
        let Found { tensors, elements, bytes } = numbers.tensors(weights)?.read(&mut input)?;
        Ok(Self {
            vocabulary: numbers.vocabulary,
            text_context: numbers.text_context,
            text_state: numbers.state,
            text_layers: numbers.text_layers,
            quantization: weights.quantization,
            tensors,
            parameters: elements,
            weight_bytes: bytes,
            metadata: numbers.metadata(),
        })
    }
}

impl Numbers {
    fn read<R: Read + Seek>(input: &mut Input<R>) -> Result<Self> {
        let [least, .., most] = VOCABULARIES;
        let vocabulary = input.number(least..=most, &"n_vocab")?;
        let audio_context = input.number(AUDIO_CONTEXT..=AUDIO_CONTEXT, &"n_audio_ctx")?;
        let state = input.number(8..=8_192, &"n_audio_state")?;
        let audio_heads = heads(input, state, "n_audio_head")?;
        let audio_layers = input.number(1..=128, &"n_audio_layer")?;
        let text_context = input.number(16..=4_096, &"n_text_ctx")?;
        let text_state = input.i32(&"n_text_state")?;
        if u32::try_from(text_state) != Ok(state) {
            let expected = format!("{state}, the same as n_audio_state");
            return Err(Problem::wrong("n_text_state", text_state, expected));
        }
        let text_heads = heads(input, state, "n_text_head")?;
        let text_layers = input.number(1..=128, &"n_text_layer")?;
        let mels = input.i32(&"n_mels")?;
        let mels = u32::try_from(mels)
            .ok()
            .filter(|mels| [80, 128].contains(mels))
            .ok_or_else(|| Problem::wrong("n_mels", mels, "80, or 128 for large-v3 and turbo"))?;
        let file_type = input.number(0..=i32::MAX.unsigned_abs(), &"ftype")?;
        Ok(Self {
            vocabulary,
            audio_context,
            state,
            audio_heads,
            audio_layers,
            text_context,
            text_heads,
            text_layers,
            mels,
            file_type,
        })
    }

    fn metadata(&self) -> Vec<(String, String)> {
        let all = [
            ("n_vocab", self.vocabulary),
            ("n_audio_ctx", self.audio_context),
            ("n_audio_state", self.state),
            ("n_audio_head", self.audio_heads),
            ("n_audio_layer", self.audio_layers),
            ("n_text_ctx", self.text_context),
            ("n_text_state", self.state),
            ("n_text_head", self.text_heads),
            ("n_text_layer", self.text_layers),
            ("n_mels", self.mels),
            ("ftype", self.file_type),
        ];
        all.iter().map(|(name, value)| (format!("whisper.{name}"), value.to_string())).collect()
    }

    /// The tensors that the engine makes room for.
    fn tensors(&self, weights: Weights) -> Result<Wanted> {
        let float = tensor_type(0)?;
        let (weight, convolution) =
            (tensor_type(weights.tensor)?, tensor_type(weights.convolution)?);
        let n = self.state;
        let mut wanted = Wanted::default();
        wanted.add("encoder.positional_embedding", float, &[n, self.audio_context]);
        wanted.add("encoder.conv1.weight", convolution, &[3, self.mels, n]);
        wanted.add("encoder.conv1.bias", float, &[1, n]);
        wanted.add("encoder.conv2.weight", convolution, &[3, n, n]);
        wanted.add("encoder.conv2.bias", float, &[1, n]);
        wanted.add("encoder.ln_post.weight", float, &[n]);
        wanted.add("encoder.ln_post.bias", float, &[n]);
        wanted.add("decoder.positional_embedding", float, &[n, self.text_context]);
        wanted.add("decoder.token_embedding.weight", weight, &[n, self.vocabulary]);
        wanted.add("decoder.ln.weight", float, &[n]);
        wanted.add("decoder.ln.bias", float, &[n]);
        for layer in 0..self.audio_layers {
            self.add_block(&mut wanted, &format!("encoder.blocks.{layer}"), (float, weight));
        }
        for layer in 0..self.text_layers {
            let block = format!("decoder.blocks.{layer}");
            self.add_block(&mut wanted, &block, (float, weight));
            self.add_attention(&mut wanted, &format!("{block}.cross_attn"), (float, weight));
        }
        Ok(wanted)
    }

    fn add_block(&self, wanted: &mut Wanted, block: &str, types: (TensorType, TensorType)) {
        let (float, weight) = types;
        let n = self.state;
        let wide = n.saturating_mul(4);
        self.add_attention(wanted, &format!("{block}.attn"), types);
        wanted.add(format!("{block}.mlp_ln.weight"), float, &[n]);
        wanted.add(format!("{block}.mlp_ln.bias"), float, &[n]);
        wanted.add(format!("{block}.mlp.0.weight"), weight, &[n, wide]);
        wanted.add(format!("{block}.mlp.0.bias"), float, &[wide]);
        wanted.add(format!("{block}.mlp.2.weight"), weight, &[wide, n]);
        wanted.add(format!("{block}.mlp.2.bias"), float, &[n]);
    }

    fn add_attention(&self, wanted: &mut Wanted, name: &str, types: (TensorType, TensorType)) {
        let (float, weight) = types;
        let n = self.state;
        wanted.add(format!("{name}_ln.weight"), float, &[n]);
        wanted.add(format!("{name}_ln.bias"), float, &[n]);
        // Keys have no bias.
        for (part, has_bias) in [("query", true), ("key", false), ("value", true), ("out", true)] {
            wanted.add(format!("{name}.{part}.weight"), weight, &[n, n]);
            if has_bias {
                wanted.add(format!("{name}.{part}.bias"), float, &[n]);
            }
        }
    }
}

/// A number of attention heads, among which the state is divided.
fn heads<R: Read + Seek>(input: &mut Input<R>, state: u32, field: &str) -> Result<u32> {
    let heads = input.number(1..=256, &field)?;
    if !state.is_multiple_of(heads) {
        let expected = format!("a divisor of {state}, the width of the network");
        return Err(Problem::wrong(field, heads, expected));
    }
    Ok(heads)
}

/// How the weights are stored.
#[derive(Clone, Copy, Debug)]
struct Weights {
    quantization: &'static str,
    /// The type of matrices.
    tensor: u32,
    /// The type of convolutions, which are never quantized.
    convolution: u32,
}

fn weight_type(file_type: u32) -> Result<Weights> {
    let (version, kind) = (file_type / VERSION_FACTOR, file_type % VERSION_FACTOR);
    let (quantization, tensor) = match kind {
        0 => ("f32", 0),
        1 => ("f16", 1),
        2 => ("q4_0", 2),
        3 => ("q4_1", 3),
        7 => ("q8_0", 8),
        8 => ("q5_0", 6),
        9 => ("q5_1", 7),
        10 => ("q2_k", 10),
        11 => ("q3_k", 11),
        12 => ("q4_k", 12),
        13 => ("q5_k", 13),
        14 => ("q6_k", 14),
        _ => {
            return Err(Problem::unsupported(
                "ftype",
                file_type,
                "no type of weights that is known; quantize the model again with whisper.cpp, for example to q5_0",
            ));
        }
    };
    if kind > 1 && version != QUANTIZATION_VERSION {
        return Err(Problem::unsupported(
            "ftype",
            file_type,
            format!(
                "its weights are quantized in version {version}, and {QUANTIZATION_VERSION} is known; quantize the model again with a current whisper.cpp"
            ),
        ));
    }
    Ok(Weights { quantization, tensor, convolution: u32::from(kind != 0) })
}

fn tensor_type(id: u32) -> Result<TensorType> {
    TensorType::known(id).ok_or_else(|| Problem::wrong("a tensor's type", id, "a known one"))
}

fn read_filters<R: Read + Seek>(input: &mut Input<R>, mels: u32) -> Result<()> {
    let filters = input.number(mels..=mels, &"the number of mel filters")?;
    let bins = input.number(BINS..=BINS, &"the length of a mel filter")?;
    let bytes = u64::from(filters) * u64::from(bins) * 4;
    input.skip(bytes, &"the mel filters")
}

fn read_vocabulary<R: Read + Seek>(input: &mut Input<R>, size: u32) -> Result<()> {
    let tokens = input.number(TEXT_TOKENS..=size, &"the number of tokens in the vocabulary")?;
    for at in 0..tokens {
        let field = format_args!("the length of token {at}");
        let length = input.number(0..=TOKEN_BYTES, &field)?;
        input.skip(length.into(), &format_args!("token {at}"))?;
    }
    Ok(())
}
