//! Writes GGUF files, valid ones and every kind of broken one.

/// A metadata value.
#[derive(Clone)]
pub(crate) enum Item {
    U16(u16),
    U32(u32),
    U64(u64),
    I32(i32),
    F32(f32),
    Bool(bool),
    Text(Vec<u8>),
    Texts(Vec<Vec<u8>>),
    I32s(Vec<i32>),
    U32s(Vec<u32>),
    F32s(Vec<f32>),
    U8s(Vec<u8>),
    /// A type number and the bytes that follow it, for what no valid file holds.
    Raw(u32, Vec<u8>),
}

impl From<&str> for Item {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<u32> for Item {
    fn from(number: u32) -> Self {
        Self::U32(number)
    }
}

/// A tensor's description, as it is written.
#[derive(Clone)]
pub(crate) struct Tensor {
    pub(crate) name: Vec<u8>,
    pub(crate) shape: Vec<u64>,
    pub(crate) kind: u32,
    pub(crate) offset: u64,
    /// Bytes of data that go into the file.
    pub(crate) bytes: u64,
}

/// A file in the making.
#[derive(Clone)]
pub(crate) struct Gguf {
    pub(crate) magic: [u8; 4],
    pub(crate) version: u32,
    pub(crate) keys: Vec<(Vec<u8>, Item)>,
    pub(crate) tensors: Vec<Tensor>,
    pub(crate) key_count: Option<u64>,
    pub(crate) tensor_count: Option<u64>,
    pub(crate) alignment: u64,
}

impl Gguf {
    /// A file with nothing in it.
    pub(crate) fn empty() -> Self {
        Self {
            magic: *b"GGUF",
            version: 3,
            keys: vec![],
            tensors: vec![],
            key_count: None,
            tensor_count: None,
            alignment: 32,
        }
    }

    /// The smallest whole model: one layer, a vocabulary of bytes, two tensors.
    pub(crate) fn tiny() -> Self {
        let mut tokens: Vec<Vec<u8>> = vec![b"<unk>".into(), b"<s>".into(), b"</s>".into()];
        let mut types = vec![2, 3, 3];
        for byte in 0..=255_u8 {
            tokens.push(format!("<0x{byte:02X}>").into_bytes());
            types.push(6);
        }
        tokens.push(b"<|user|>".into());
        types.push(4);
        let scores = vec![0.0; tokens.len()];
        Self::empty()
            .set("general.architecture", "llama")
            .set("general.name", "tiny")
            .set("llama.context_length", 128)
            .set("llama.embedding_length", 32)
            .set("llama.block_count", 1)
            .set("llama.feed_forward_length", 64)
            .set("llama.attention.head_count", 4)
            .set("llama.attention.head_count_kv", 2)
            .set("llama.rope.dimension_count", 8)
            .set("llama.attention.layer_norm_rms_epsilon", Item::F32(1e-5))
            .set("tokenizer.ggml.model", "llama")
            .set("tokenizer.ggml.tokens", Item::Texts(tokens))
            .set("tokenizer.ggml.scores", Item::F32s(scores))
            .set("tokenizer.ggml.token_type", Item::I32s(types))
            .set("tokenizer.ggml.bos_token_id", 1)
            .set("tokenizer.ggml.eos_token_id", 2)
            .set("tokenizer.ggml.add_bos_token", Item::Bool(true))
            .tensor("token_embd.weight", &[32, 4], 0, 512)
            .tensor("output_norm.weight", &[32], 0, 128)
    }

    /// Sets a key, in its old place if it has one.
    pub(crate) fn set(mut self, key: &str, item: impl Into<Item>) -> Self {
        let item = item.into();
        match self.keys.iter_mut().find(|(name, _)| name == key.as_bytes()) {
            Some((_, place)) => *place = item,
            None => self.keys.push((key.into(), item)),
        }
        self
    }

    /// Adds a key whether it is there or not.
    pub(crate) fn push(mut self, key: &[u8], item: impl Into<Item>) -> Self {
        self.keys.push((key.into(), item.into()));
        self
    }

    pub(crate) fn without(mut self, key: &str) -> Self {
        self.keys.retain(|(name, _)| name != key.as_bytes());
        self
    }

    /// Appends a tensor behind the last one.
    pub(crate) fn tensor(mut self, name: &str, shape: &[u64], kind: u32, bytes: u64) -> Self {
        let end = self.tensors.last().map_or(0, |last| last.offset + last.bytes);
        let offset = end.next_multiple_of(self.alignment);
        let (name, shape) = (name.into(), shape.into());
        self.tensors.push(Tensor { name, shape, kind, offset, bytes });
        self
    }

    /// Changes the last tensor.
    pub(crate) fn last_tensor(mut self, change: impl FnOnce(&mut Tensor)) -> Self {
        change(self.tensors.last_mut().unwrap());
        self
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// The bytes of the file.
    pub(crate) fn build(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend(self.magic);
        out.extend(self.version.to_le_bytes());
        out.extend(self.tensor_count.unwrap_or(self.tensors.len() as u64).to_le_bytes());
        out.extend(self.key_count.unwrap_or(self.keys.len() as u64).to_le_bytes());
        for (key, item) in &self.keys {
            text(&mut out, key);
            write(&mut out, item);
        }
        for tensor in &self.tensors {
            text(&mut out, &tensor.name);
            out.extend(u32::try_from(tensor.shape.len()).unwrap().to_le_bytes());
            out.extend(tensor.shape.iter().flat_map(|length| length.to_le_bytes()));
            out.extend(tensor.kind.to_le_bytes());
            out.extend(tensor.offset.to_le_bytes());
        }
        let pad = |out: &mut Vec<u8>| {
            let end = (out.len() as u64).next_multiple_of(self.alignment.max(1));
            out.resize(usize::try_from(end).unwrap(), 0);
        };
        for tensor in &self.tensors {
            pad(&mut out);
            out.resize(out.len() + usize::try_from(tensor.bytes).unwrap(), 7);
        }
        out
    }
}

fn text(out: &mut Vec<u8>, text: &[u8]) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend(text);
}

fn write(out: &mut Vec<u8>, item: &Item) {
    let number = |out: &mut Vec<u8>, kind: u32, bytes: &[u8]| {
        out.extend(kind.to_le_bytes());
        out.extend(bytes);
    };
    let array = |out: &mut Vec<u8>, kind: u32, length: usize, bytes: Vec<u8>| {
        out.extend(9_u32.to_le_bytes());
        out.extend(kind.to_le_bytes());
        out.extend((length as u64).to_le_bytes());
        out.extend(bytes);
    };
    match item {
        Item::U16(n) => number(out, 2, &n.to_le_bytes()),
        Item::U32(n) => number(out, 4, &n.to_le_bytes()),
        Item::I32(n) => number(out, 5, &n.to_le_bytes()),
        Item::F32(n) => number(out, 6, &n.to_le_bytes()),
        Item::Bool(flag) => number(out, 7, &[u8::from(*flag)]),
        Item::U64(n) => number(out, 10, &n.to_le_bytes()),
        Item::Text(bytes) => {
            out.extend(8_u32.to_le_bytes());
            text(out, bytes);
        }
        Item::Texts(texts) => {
            let mut bytes = Vec::new();
            for item in texts {
                text(&mut bytes, item);
            }
            array(out, 8, texts.len(), bytes);
        }
        Item::I32s(n) => array(out, 5, n.len(), n.iter().flat_map(|n| n.to_le_bytes()).collect()),
        Item::U32s(n) => array(out, 4, n.len(), n.iter().flat_map(|n| n.to_le_bytes()).collect()),
        Item::F32s(n) => array(out, 6, n.len(), n.iter().flat_map(|n| n.to_le_bytes()).collect()),
        Item::U8s(bytes) => array(out, 0, bytes.len(), bytes.clone()),
        Item::Raw(kind, bytes) => number(out, *kind, bytes),
    }
}
