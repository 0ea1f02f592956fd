//! Voice activity detectors: silero, as whisper.cpp reads it.

use std::{
    io::{Read, Seek},
    path::Path,
};

use super::{
    MAGIC,
    input::Input,
    tensors::{Found, Wanted},
};
use crate::{
    error::{CatalogError, Problem, Result},
    tensor::TensorType,
};

/// Samples that are judged at once, and those before them that are looked at too.
const WINDOW: u32 = 512;
const CONTEXT: u32 = 64;
/// Layers of the encoder, and the channels that the first of them takes.
const LAYERS: usize = 4;
const BINS: u32 = 129;
/// The samples that each step of a layer looks at.
const KERNEL: u32 = 3;
/// The widest layer.
const CHANNELS: u32 = 4_096;

/// A voice activity detector that has passed every check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VadFile {
    name: String,
    version: String,
    file_bytes: u64,
    weight_bytes: u64,
}

impl VadFile {
    /// Reads and validates a file of `bytes` bytes; `file` is for messages.
    pub fn read(
        source: impl Read + Seek,
        bytes: u64,
        file: &Path,
    ) -> std::result::Result<Self, CatalogError> {
        Self::parse(source, bytes).map_err(|problem| CatalogError::new(file, problem))
    }

    pub(crate) fn parse(source: impl Read + Seek, bytes: u64) -> Result<Self> {
        let mut input = Input::new(source, bytes);
        let magic = input.i32(&"the magic")?.to_le_bytes();
        if magic != MAGIC {
            return Err(Problem::wrong(
                "the magic",
                crate::error::quoted(&magic),
                "`lmgg`, as in a silero model converted by whisper.cpp",
            ));
        }
        let length = input.i32(&"the length of the detector's name")?;
        let length = u32::try_from(length).ok().filter(|length| (1..=64).contains(length));
        let Some(length) = length else {
            return Err(Problem::unsupported(
                "the file",
                "no voice activity detector",
                "give the path of a silero model converted by whisper.cpp, such as `ggml-silero-v6.2.0.bin`",
            ));
        };
        let name = input.text(length, &"the detector's name")?;
        let mut version = Vec::new();
        for _ in 0..3 {
            version.push(input.number(0..=1_000, &"the detector's version")?.to_string());
        }
        input.number(WINDOW..=WINDOW, &"n_window")?;
        input.number(CONTEXT..=CONTEXT, &"n_context")?;
        let Found { tensors, bytes: weight_bytes, .. } =
            read_shape(&mut input)?.read(&mut input)?;
        if tensors == 0 {
            return Err(Problem::Missing {
                field: "every tensor".to_owned(),
                remedy: "copy or download the file again",
            });
        }
        Ok(Self { name, version: version.join("."), file_bytes: bytes, weight_bytes })
    }

    /// Its name, such as `silero-16k`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its version, such as `6.2.0`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Bytes of the file.
    pub fn file_bytes(&self) -> u64 {
        self.file_bytes
    }

    /// Bytes of the weights in it.
    pub fn weight_bytes(&self) -> u64 {
        self.weight_bytes
    }
}

/// Reads the numbers of the network, and says which tensors they call for.
fn read_shape<R: Read + Seek>(input: &mut Input<R>) -> Result<Wanted> {
    let known = |id| {
        TensorType::known(id).ok_or_else(|| Problem::wrong("a tensor's type", id, "a known one"))
    };
    let (float, half) = (known(0)?, known(1)?);
    let layers = u32::try_from(LAYERS).unwrap_or(u32::MAX);
    input.number(layers..=layers, &"n_encoder_layers")?;
    let mut wanted = Wanted::default();
    wanted.add("_model.stft.forward_basis_buffer", half, &[256, 1, 2 * BINS]);
    let mut channels = BINS;
    for layer in 0..LAYERS {
        // Each layer takes what the one before it gives.
        let inputs =
            input.number(channels..=channels, &format_args!("encoder_in_channels[{layer}]"))?;
        let outputs = input.number(1..=CHANNELS, &format_args!("encoder_out_channels[{layer}]"))?;
        let kernel = input.number(KERNEL..=KERNEL, &format_args!("kernel_sizes[{layer}]"))?;
        let name = format!("_model.encoder.{layer}.reparam_conv");
        wanted.add(format!("{name}.weight"), half, &[kernel, inputs, outputs]);
        wanted.add(format!("{name}.bias"), float, &[outputs]);
        channels = outputs;
    }
    input.number(channels..=channels, &"lstm_input_size")?;
    let hidden = input.number(channels..=channels, &"lstm_hidden_size")?;
    input.number(hidden..=hidden, &"final_conv_in")?;
    input.number(1..=1, &"final_conv_out")?;
    let gates = hidden.saturating_mul(4);
    for part in ["ih", "hh"] {
        wanted.add(format!("_model.decoder.rnn.weight_{part}"), float, &[hidden, gates]);
        wanted.add(format!("_model.decoder.rnn.bias_{part}"), float, &[gates]);
    }
    wanted.add("_model.decoder.decoder.2.weight", half, &[hidden]);
    wanted.add("_model.decoder.decoder.2.bias", float, &[1]);
    Ok(wanted)
}
