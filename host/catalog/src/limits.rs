//! The limits that every file is held to, far above what real models need.
//!
//! Counts and sizes in a file are claims; nothing is allocated for a claim before it has passed
//! its limit and the file's own length.

/// Keys in the metadata.
pub(crate) const KEYS: u64 = 65_536;
/// Bytes of a key's name.
pub(crate) const KEY_BYTES: u64 = 256;
/// Bytes of one string; chat templates are the longest.
pub(crate) const STRING_BYTES: u64 = 16 << 20;
/// Elements of an array; vocabularies are the longest.
pub(crate) const ARRAY: u64 = 4 << 20;
/// Bytes of everything before the tensors' data.
pub(crate) const HEADER_BYTES: u64 = 256 << 20;
/// Tensors.
pub(crate) const TENSORS: u64 = 65_536;
/// Bytes of a tensor's name; ggml keeps 64 with the end mark.
pub(crate) const TENSOR_NAME_BYTES: u64 = 63;
/// Dimensions of a tensor.
pub(crate) const DIMENSIONS: usize = 4;
/// The coarsest alignment of tensors.
pub(crate) const ALIGNMENT: u64 = 64 << 10;
/// Layers; llama.cpp keeps them in arrays of this size.
pub(crate) const LAYERS: u32 = 512;
/// Experts of a mixture; llama.cpp's own limit.
pub(crate) const EXPERTS: u32 = 1024;
/// Tokens of context, which engines count in 32 signed bits.
pub(crate) const CONTEXT: u32 = i32::MAX as u32;
