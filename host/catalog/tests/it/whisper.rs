//! Whisper models: a small whole one, one broken file for each rule, and hostile bytes.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "the numbers of the tests are small"
)]

use std::{io::Cursor, path::Path};

use catalog::{CatalogError, ModelFile};
use proptest::prelude::*;

/// A tensor as it is written.
#[derive(Clone)]
struct Tensor {
    name: String,
    kind: i32,
    shape: Vec<i32>,
    bytes: usize,
}

/// A file in the making.
#[derive(Clone)]
struct Ggml {
    /// From `n_vocab` to `ftype`, in the file's order.
    numbers: [i32; 11],
    filters: [i32; 2],
    tokens: i32,
    token_length: u32,
    tensors: Vec<Tensor>,
}

const STATE: i32 = 32;
const VOCABULARY: usize = 0;
const FILE_TYPE: usize = 10;

/// The bytes of a block of each tensor type, and its elements.
fn block(kind: i32) -> (usize, usize) {
    match kind {
        0 => (4, 1),
        1 => (2, 1),
        6 => (22, 32),
        other => panic!("{other}"),
    }
}

impl Ggml {
    /// One layer each, of half precision.
    fn tiny() -> Self {
        Self::of_type(1, 1)
    }

    fn of_type(file_type: i32, kind: i32) -> Self {
        let numbers = [51_864, 1_500, STATE, 2, 1, 64, STATE, 4, 1, 80, file_type];
        let mut file =
            Self { numbers, filters: [80, 201], tokens: 50_257, token_length: 1, tensors: vec![] };
        let convolution = i32::from(kind != 0);
        let n = STATE;
        file.add("encoder.positional_embedding", 0, &[n, 1_500]);
        file.add("encoder.conv1.weight", convolution, &[3, 80, n]);
        file.add("encoder.conv1.bias", 0, &[1, n]);
        file.add("encoder.conv2.weight", convolution, &[3, n, n]);
        file.add("encoder.conv2.bias", 0, &[1, n]);
        file.add("decoder.positional_embedding", 0, &[n, 64]);
        file.add("decoder.token_embedding.weight", kind, &[n, 51_864]);
        for norm in ["encoder.ln_post", "decoder.ln"] {
            file.add_norm(norm);
        }
        for part in ["encoder", "decoder"] {
            let block = format!("{part}.blocks.0");
            file.add_norm(&format!("{block}.mlp_ln"));
            file.add(&format!("{block}.mlp.0.weight"), kind, &[n, 4 * n]);
            file.add(&format!("{block}.mlp.0.bias"), 0, &[4 * n]);
            file.add(&format!("{block}.mlp.2.weight"), kind, &[4 * n, n]);
            file.add(&format!("{block}.mlp.2.bias"), 0, &[n]);
            let both = if part == "decoder" { &["attn", "cross_attn"][..] } else { &["attn"] };
            for attention in both {
                file.add_norm(&format!("{block}.{attention}_ln"));
                for matrix in ["query", "key", "value", "out"] {
                    file.add(&format!("{block}.{attention}.{matrix}.weight"), kind, &[n, n]);
                    if matrix != "key" {
                        file.add(&format!("{block}.{attention}.{matrix}.bias"), 0, &[n]);
                    }
                }
            }
        }
        file
    }

    fn add_norm(&mut self, name: &str) {
        self.add(&format!("{name}.weight"), 0, &[STATE]);
        self.add(&format!("{name}.bias"), 0, &[STATE]);
    }

    fn add(&mut self, name: &str, kind: i32, shape: &[i32]) {
        let (bytes, elements) = block(kind);
        let all: usize = shape.iter().map(|&length| length as usize).product();
        let bytes = all / elements * bytes;
        self.tensors.push(Tensor { name: name.to_owned(), kind, shape: shape.to_vec(), bytes });
    }

    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn number(self, at: usize, value: i32) -> Self {
        self.with(|file| file.numbers[at] = value)
    }

    fn tensor(self, name: &str, change: impl FnOnce(&mut Tensor)) -> Self {
        self.with(|file| {
            change(file.tensors.iter_mut().find(|tensor| tensor.name == name).unwrap());
        })
    }

    fn build(&self) -> Vec<u8> {
        let mut out = b"lmgg".to_vec();
        let put = |value: i32, out: &mut Vec<u8>| out.extend(value.to_le_bytes());
        self.numbers.iter().for_each(|&number| put(number, &mut out));
        self.filters.iter().for_each(|&number| put(number, &mut out));
        out.resize(out.len() + 80 * 201 * 4, 0);
        put(self.tokens, &mut out);
        for _ in 0..self.tokens {
            out.extend(self.token_length.to_le_bytes());
            out.resize(out.len() + self.token_length.min(8) as usize, b'x');
        }
        for tensor in &self.tensors {
            put(tensor.shape.len() as i32, &mut out);
            put(tensor.name.len() as i32, &mut out);
            put(tensor.kind, &mut out);
            tensor.shape.iter().for_each(|&length| put(length, &mut out));
            out.extend(tensor.name.as_bytes());
            out.resize(out.len() + tensor.bytes, 0);
        }
        out
    }
}

fn read(bytes: &[u8]) -> Result<ModelFile, CatalogError> {
    ModelFile::read_ggml(Cursor::new(bytes), bytes.len() as u64, Path::new("case.gguf"))
}

#[track_caller]
fn check(file: &Ggml, expect: &str) {
    crate::check_message(read(&file.build()), expect);
}

#[test]
fn whole_files() {
    let file = read(&Ggml::tiny().build()).unwrap();
    let embedding = 51_864 * 32;
    assert!(file.parameters() > embedding && file.parameters() < embedding + 100_000);
    assert!(file.weight_bytes() > 2 * embedding && file.weight_bytes() < file.file_bytes());
    assert_eq!((file.tensors(), file.quantization()), (50, "f16"));
    assert_eq!(file.languages(), ["en"]);
    assert_eq!(file.kv_bytes_per_token(2.0), 32 * 2 * 2);
    let card = file.card("speech", None, &[("style".into(), "v3".into())]);
    assert_eq!((card.name.as_str(), card.architecture.as_str()), ("speech", "whisper"));
    assert_eq!((card.vocabulary_size, card.context_length), (51_864, 64));
    let value = |key: &str| {
        card.metadata.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    };
    for (key, expect) in [
        ("n_vocab", "51864"),
        ("n_audio_ctx", "1500"),
        ("n_audio_state", "32"),
        ("n_audio_head", "2"),
        ("n_audio_layer", "1"),
        ("n_text_ctx", "64"),
        ("n_text_state", "32"),
        ("n_text_head", "4"),
        ("n_text_layer", "1"),
        ("n_mels", "80"),
        ("ftype", "1"),
    ] {
        assert_eq!(value(&format!("whisper.{key}")), Some(expect), "{key}");
    }
    let quantized = read(&Ggml::of_type(2_008, 6).build()).unwrap();
    assert_eq!(quantized.quantization(), "q5_0");
    assert_eq!(read(&Ggml::of_type(0, 0).build()).unwrap().quantization(), "f32");
    // The order of tensors is free, and a file for tests may leave them out.
    read(&Ggml::tiny().with(|file| file.tensors.reverse()).build()).unwrap();
    read(&Ggml::tiny().with(|file| file.tensors.clear()).build()).unwrap();
}

#[test]
fn numbers() {
    for (at, value, expect) in [
        (VOCABULARY, 51_863, "n_vocab is 51863; it must be from 51864 to 51866"),
        (1, 1_501, "n_audio_ctx is 1501; it must be 1500"),
        (2, -32, "n_audio_state is -32"),
        (2, 1 << 20, "n_audio_state is 1048576"),
        (3, 0, "n_audio_head is 0"),
        (3, 3, "n_audio_head is 3; it must be a divisor of 32"),
        (4, 0, "n_audio_layer is 0"),
        (4, i32::MAX, "n_audio_layer is 2147483647"),
        (5, 0, "n_text_ctx is 0"),
        (6, 64, "n_text_state is 64; it must be 32, the same as n_audio_state"),
        (7, 5, "n_text_head is 5"),
        (8, 129, "n_text_layer is 129"),
        (9, 81, "n_mels is 81; it must be 80, or 128"),
        (FILE_TYPE, -1, "ftype is -1"),
        (FILE_TYPE, 4, "ftype is 4: no type of weights that is known"),
        (FILE_TYPE, 8, "quantized in version 0, and 2 is known"),
    ] {
        check(&Ggml::tiny().number(at, value), expect);
    }
    check(
        &Ggml::tiny().with(|file| file.filters = [128, 201]),
        "the number of mel filters is 128; it must be 80",
    );
    check(
        &Ggml::tiny().with(|file| file.filters = [80, i32::MAX]),
        "the length of a mel filter is 2147483647",
    );
}

#[test]
fn vocabularies() {
    check(
        &Ggml::tiny().with(|file| file.tokens = 51_865),
        "the number of tokens in the vocabulary is 51865; it must be from 50256 to 51864",
    );
    check(&Ggml::tiny().with(|file| file.tokens = -1), "the number of tokens in the vocabulary");
    check(
        &Ggml::tiny().with(|file| file.token_length = u32::MAX),
        "the length of token 0 is -1; it must be from 0 to 1024",
    );
}

#[test]
fn tensors() {
    const QUERY: &str = "decoder.blocks.0.cross_attn.query.weight";
    check(
        &Ggml::tiny().tensor(QUERY, |tensor| tensor.name.push('s')),
        "weights`: the network has no such tensor",
    );
    check(
        &Ggml::tiny().tensor(QUERY, |tensor| tensor.shape = vec![STATE, STATE, 2]),
        "is 32 x 32 x 2; it must be 32 x 32 x 1",
    );
    check(
        &Ggml::tiny().tensor(QUERY, |tensor| tensor.shape = vec![i32::MAX; 3]),
        "is 2147483647 x 2147483647 x 2147483647",
    );
    check(&Ggml::tiny().tensor(QUERY, |tensor| tensor.shape = vec![1; 5]), "number of dimensions");
    check(&Ggml::tiny().tensor(QUERY, |tensor| tensor.shape = vec![]), "is 1 x 1 x 1; it must be");
    check(&Ggml::tiny().tensor(QUERY, |tensor| tensor.shape = vec![-1, 1]), "the shape of tensor");
    check(
        &Ggml::tiny().tensor(QUERY, |tensor| tensor.kind = 0),
        "the type of tensor `decoder.blocks.0.cross_attn.query.weight` is F32; it must be F16",
    );
    check(&Ggml::tiny().tensor(QUERY, |tensor| tensor.kind = -7), "is -7; it must be F16");
    check(
        &Ggml::tiny().tensor(QUERY, |tensor| tensor.name.clear()),
        "the length of the name of tensor",
    );
    check(
        &Ggml::tiny().with(|file| {
            file.tensors.retain(|tensor| tensor.name != QUERY);
        }),
        "tensor `decoder.blocks.0.cross_attn.query.weight` is missing",
    );
    check(
        &Ggml::tiny().with(|file| {
            let again = file.tensors.iter().find(|tensor| tensor.name == QUERY).unwrap().clone();
            file.tensors.push(again);
        }),
        "tensor `decoder.blocks.0.cross_attn.query.weight` occurs twice",
    );
    let mut bytes = Ggml::tiny().build();
    bytes.pop();
    crate::check_message(read(&bytes), "is cut short");
    bytes.extend([0, 0, 0, 0, 0]);
    crate::check_message(read(&bytes), "is cut short");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn parts_are_refused(part in any::<prop::sample::Index>()) {
        // A file without tensors is valid, so cuts right there are left out.
        let bytes = Ggml::tiny().build();
        let end = part.index(bytes.len());
        let bare = Ggml::tiny().with(|file| file.tensors.clear()).build().len();
        prop_assert!(end == bare || read(&bytes[..end]).is_err());
    }

    #[test]
    fn changed_bytes_never_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        in_front in any::<bool>(),
    ) {
        let mut bytes = Ggml::tiny().build();
        let length = if in_front { 64 } else { bytes.len() };
        for (place, byte) in changes {
            bytes[place.index(length)] = byte;
        }
        if let Ok(file) = read(&bytes) {
            prop_assert!(file.weight_bytes() <= bytes.len() as u64);
        }
    }

    #[test]
    fn arbitrary_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(read(&bytes).is_err());
        let vad = [b"lmgg".as_slice(), &bytes].concat();
        prop_assert!(
            catalog::VadFile::read(Cursor::new(&vad), vad.len() as u64, Path::new("x")).is_err()
        );
    }
}
