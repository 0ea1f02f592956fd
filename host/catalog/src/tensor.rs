//! Tensors: the types that ggml knows, and one tensor's place in the file.

use std::io::Read;

use crate::{
    error::{Problem, Result, quoted},
    limits,
    source::Source,
};

/// How a tensor's elements are stored: blocks of so many elements in so many bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TensorType {
    id: u32,
    pub(crate) name: &'static str,
    block: u64,
    bytes: u64,
}

const fn stored(id: u32, name: &'static str, block: u64, bytes: u64) -> TensorType {
    TensorType { id, name, block, bytes }
}

/// The types that weights can have. Removed ones and those of intermediate results are left out.
const TYPES: [TensorType; 33] = [
    stored(0, "F32", 1, 4),
    stored(1, "F16", 1, 2),
    stored(2, "Q4_0", 32, 18),
    stored(3, "Q4_1", 32, 20),
    stored(6, "Q5_0", 32, 22),
    stored(7, "Q5_1", 32, 24),
    stored(8, "Q8_0", 32, 34),
    stored(10, "Q2_K", 256, 84),
    stored(11, "Q3_K", 256, 110),
    stored(12, "Q4_K", 256, 144),
    stored(13, "Q5_K", 256, 176),
    stored(14, "Q6_K", 256, 210),
    stored(16, "IQ2_XXS", 256, 66),
    stored(17, "IQ2_XS", 256, 74),
    stored(18, "IQ3_XXS", 256, 98),
    stored(19, "IQ1_S", 256, 50),
    stored(20, "IQ4_NL", 32, 18),
    stored(21, "IQ3_S", 256, 110),
    stored(22, "IQ2_S", 256, 82),
    stored(23, "IQ4_XS", 256, 136),
    stored(24, "I8", 1, 1),
    stored(25, "I16", 1, 2),
    stored(26, "I32", 1, 4),
    stored(27, "I64", 1, 8),
    stored(28, "F64", 1, 8),
    stored(29, "IQ1_M", 256, 56),
    stored(30, "BF16", 1, 2),
    stored(34, "TQ1_0", 256, 54),
    stored(35, "TQ2_0", 256, 66),
    stored(39, "MXFP4", 32, 17),
    stored(40, "NVFP4", 64, 36),
    stored(41, "Q1_0", 128, 18),
    stored(42, "Q2_0", 64, 18),
];

/// Types of norms and biases, which are multiplied and added as they are.
const FLOATS: [&str; 3] = ["F32", "F16", "BF16"];
/// Types that ggml stores and does not multiply.
const NUMBERS: [&str; 5] = ["I8", "I16", "I32", "I64", "F64"];
/// The one kind of tensor that holds integers: which experts a token goes to.
const ROUTING_TABLE: &str = ".ffn_gate_tid2eid.weight";

impl TensorType {
    pub(crate) fn known(id: u32) -> Option<Self> {
        TYPES.iter().copied().find(|known| known.id == id)
    }

    /// Whether a row of so many elements is made of whole blocks.
    pub(crate) fn fits(self, row: u64) -> bool {
        row.is_multiple_of(self.block)
    }

    /// The bytes of so many elements, in whole blocks.
    pub(crate) fn bytes_of(self, elements: u64) -> u64 {
        (elements / self.block).saturating_mul(self.bytes)
    }

    /// Whether the type says something of the model's quantization; norms are always `F32`.
    pub(crate) fn is_quantized(self) -> bool {
        self.block > 1
    }
}

/// One tensor, its place and shape checked but for its neighbours.
#[derive(Debug)]
pub(crate) struct Tensor {
    pub(crate) name: String,
    pub(crate) stored: TensorType,
    /// Elements per dimension, the fastest first; 1 beyond the tensor's own dimensions.
    pub(crate) shape: [u64; limits::DIMENSIONS],
    pub(crate) elements: u64,
    pub(crate) bytes: u64,
    /// From the start of the tensors' data.
    pub(crate) offset: u64,
}

impl Tensor {
    /// Reads the description of tensor number `at`.
    pub(crate) fn read<R: Read>(source: &mut Source<R>, at: u64) -> Result<Self> {
        let name =
            source.string(limits::TENSOR_NAME_BYTES, &format_args!("the name of tensor {at}"))?;
        let name = match String::from_utf8(name) {
            Ok(name) if !name.is_empty() && !name.contains(char::is_control) => name,
            Ok(name) => {
                return Err(Problem::wrong(
                    format_args!("the name of tensor {at}"),
                    quoted(name.as_bytes()),
                    "printable text",
                ));
            }
            Err(bad) => {
                return Err(Problem::wrong(
                    format_args!("the name of tensor {at}"),
                    quoted(bad.as_bytes()),
                    "UTF-8 text",
                ));
            }
        };
        let field = |part: &str| format!("the {part} of tensor `{name}`");
        let dimensions = source.u32(&field("number of dimensions"))?;
        if dimensions == 0 || dimensions as usize > limits::DIMENSIONS {
            let expected = format!("from 1 to {}", limits::DIMENSIONS);
            return Err(Problem::wrong(field("number of dimensions"), dimensions, expected));
        }
        let mut shape = [1; limits::DIMENSIONS];
        let mut elements: u64 = 1;
        for length in shape.iter_mut().take(dimensions as usize) {
            *length = source.u64(&field("shape"))?;
            let product = elements.checked_mul(*length).filter(|&n| n > 0 && n <= MAX_ELEMENTS);
            elements = product.ok_or_else(|| {
                let expected = format!("above 0 and give at most {MAX_ELEMENTS} elements in all");
                Problem::wrong(field("shape"), format!("{length} in one dimension"), expected)
            })?;
        }
        let id = source.u32(&field("type"))?;
        let stored = TensorType::known(id).ok_or_else(|| {
            Problem::unsupported(
                field("type"),
                id,
                "no type of weights that the engine knows; convert the model again with a current llama.cpp",
            )
        })?;
        let [row, ..] = shape;
        if !stored.fits(row) {
            let expected =
                format!("a multiple of {}, the block size of {}", stored.block, stored.name);
            return Err(Problem::wrong(field("row length"), row, expected));
        }
        let bytes = stored.bytes_of(elements);
        let offset = source.u64(&field("offset"))?;
        Ok(Self { name, stored, shape, elements, bytes, offset })
    }

    /// Checks that the engine can compute with the type: it ends its process where it cannot.
    pub(crate) fn check_type(&self) -> Result<()> {
        let name = self.name.as_str();
        let is_table = name.ends_with(ROUTING_TABLE);
        let (allowed, expected) = if is_table {
            (self.stored.name == "I32", "I32, being a table of experts")
        } else if name.contains("norm") || name.rsplit('.').next() == Some("bias") {
            (FLOATS.contains(&self.stored.name), "F32, F16 or BF16, being a norm or bias")
        } else {
            (!NUMBERS.contains(&self.stored.name), "a type that matrices can have")
        };
        if allowed {
            return Ok(());
        }
        Err(Problem::wrong(format_args!("the type of tensor `{name}`"), self.stored.name, expected))
    }
}

/// Far above any model, far below where sizes in bytes overflow.
const MAX_ELEMENTS: u64 = 1 << 48;

/// Checks that tensors lie one after the other, aligned, without overlap, and inside the file.
///
/// llama.cpp asks for exactly this layout. Returns the bytes of all tensors.
pub(crate) fn check_layout(
    tensors: &[Tensor],
    data_start: u64,
    alignment: u64,
    file_bytes: u64,
) -> Result<u64> {
    let mut expected: u64 = 0;
    let mut sum: u64 = 0;
    for tensor in tensors {
        let field = || format!("the offset of tensor `{}`", tensor.name);
        if tensor.offset % alignment != 0 {
            let rule = format!("a multiple of the alignment {alignment}");
            return Err(Problem::wrong(field(), tensor.offset, rule));
        }
        if tensor.offset != expected {
            let what = if tensor.offset < expected {
                "so that no tensors overlap"
            } else {
                "so that no gap is left"
            };
            return Err(Problem::wrong(field(), tensor.offset, format!("{expected}, {what}")));
        }
        // A sum that overflows is far behind the end of any file.
        let start = data_start.saturating_add(tensor.offset);
        let left = file_bytes.saturating_sub(start);
        if tensor.bytes > left {
            return Err(Problem::Truncated {
                field: format!("tensor `{}`", tensor.name),
                needs: tensor.bytes,
                left,
            });
        }
        let end = tensor.offset.saturating_add(tensor.bytes);
        expected = end.checked_next_multiple_of(alignment).unwrap_or(u64::MAX);
        sum = sum.saturating_add(tensor.bytes);
    }
    Ok(sum)
}
