//! A loaded model: its weights, what its file declares, and its vocabulary.

use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr::NonNull;

use llama_cpp_sys_2 as sys;

/// What a token is, as the vocabulary declares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    Normal,
    Unknown,
    Control,
    UserDefined,
    Other,
}

/// How weights are loaded.
pub(crate) struct WeightsOptions {
    pub(crate) mmap: bool,
    /// Negative: all layers.
    pub(crate) gpu_layers: i32,
    pub(crate) vocabulary_only: bool,
}

/// Weights and vocabulary; immutable once loaded.
pub(crate) struct Weights {
    model: NonNull<sys::llama_model>,
    vocabulary: NonNull<sys::llama_vocab>,
    size: u32,
}

// SAFETY: llama.cpp only reads a loaded model; the one call that changes it, loading an adapter,
// takes `&mut self`, and a context is made where no other thread has the weights yet.
unsafe impl Send for Weights {}
// SAFETY: as above: through `&self` it is only read.
unsafe impl Sync for Weights {}

struct Progress<'a>(&'a mut dyn FnMut(f32) -> bool);

unsafe extern "C" fn on_progress(fraction: f32, data: *mut c_void) -> bool {
    // SAFETY: `data` is the `Progress` on the stack of `load`, which outlives the loading call.
    let progress = unsafe { &mut *data.cast::<Progress<'_>>() };
    (progress.0)(fraction)
}

impl Weights {
    /// Loads a file; `progress` may stop it by returning `false`.
    ///
    /// The vocabulary never puts spaces in front of text by itself: the caller does.
    pub(crate) fn load(
        path: &CStr,
        options: &WeightsOptions,
        progress: &mut dyn FnMut(f32) -> bool,
    ) -> Option<Self> {
        let mut progress = Progress(progress);
        let overrides = [no_space_prefix(), end_of_overrides()];
        // SAFETY: every pointer in `params` (progress, overrides, path) refers to a local that
        // outlives the call; the list of overrides ends with an empty key, as llama.cpp wants.
        let (model, vocabulary) = unsafe {
            let mut params = sys::llama_model_default_params();
            params.n_gpu_layers = options.gpu_layers;
            params.load_mode =
                if options.mmap { sys::LLAMA_LOAD_MODE_MMAP } else { sys::LLAMA_LOAD_MODE_NONE };
            params.vocab_only = options.vocabulary_only;
            params.kv_overrides = overrides.as_ptr();
            params.progress_callback = Some(on_progress);
            params.progress_callback_user_data = std::ptr::from_mut(&mut progress).cast();
            let model = NonNull::new(sys::llama_model_load_from_file(path.as_ptr(), params))?;
            (model, NonNull::new(sys::llama_model_get_vocab(model.as_ptr()).cast_mut())?)
        };
        // SAFETY: the vocabulary belongs to the model, which is alive.
        let size = unsafe { sys::llama_vocab_n_tokens(vocabulary.as_ptr()) };
        Some(Self { model, vocabulary, size: u32::try_from(size).unwrap_or(0) })
    }

    pub(super) fn as_ptr(&self) -> *mut sys::llama_model {
        self.model.as_ptr()
    }

    /// How many tokens the vocabulary has.
    pub(crate) fn vocabulary_size(&self) -> u32 {
        self.size
    }

    /// The context length that the weights were trained for.
    pub(crate) fn trained_context(&self) -> u32 {
        // SAFETY: the model is alive.
        u32::try_from(unsafe { sys::llama_model_n_ctx_train(self.as_ptr()) }).unwrap_or(0)
    }

    /// Parameters of the network.
    pub(crate) fn parameters(&self) -> u64 {
        // SAFETY: the model is alive.
        unsafe { sys::llama_model_n_params(self.as_ptr()) }
    }

    /// Bytes of all tensors.
    pub(crate) fn bytes(&self) -> u64 {
        // SAFETY: the model is alive.
        unsafe { sys::llama_model_size(self.as_ptr()) }
    }

    /// Whether the matrices are floating-point numbers rather than quantized.
    pub(crate) fn is_float(&self) -> bool {
        // SAFETY: the model is alive.
        let kind = unsafe { sys::llama_model_ftype(self.as_ptr()) } & !sys::LLAMA_FTYPE_GUESSED;
        [sys::LLAMA_FTYPE_ALL_F32, sys::LLAMA_FTYPE_MOSTLY_F16, sys::LLAMA_FTYPE_MOSTLY_BF16]
            .contains(&kind)
    }

    /// Whether a sequence's past is a state that cannot be cut, as in Mamba or RWKV.
    pub(crate) fn keeps_state(&self) -> bool {
        // SAFETY: the model is alive.
        unsafe {
            sys::llama_model_is_recurrent(self.as_ptr())
                || sys::llama_model_is_hybrid(self.as_ptr())
        }
    }

    /// Whether the model writes one token after the other, without an encoder before it.
    pub(crate) fn is_causal_decoder(&self) -> bool {
        // SAFETY: the model is alive.
        unsafe {
            !sys::llama_model_has_encoder(self.as_ptr())
                && sys::llama_model_has_decoder(self.as_ptr())
                && !sys::llama_model_is_diffusion(self.as_ptr())
        }
    }

    /// A scalar of the file's metadata, as text.
    pub(crate) fn metadata(&self, key: &CStr) -> Option<String> {
        let mut buffer = vec![0_u8; 256];
        // SAFETY: the buffer is as long as stated, and llama.cpp ends what it writes with a NUL.
        let length = unsafe {
            sys::llama_model_meta_val_str(
                self.as_ptr(),
                key.as_ptr(),
                buffer.as_mut_ptr().cast::<c_char>(),
                buffer.len(),
            )
        };
        let length = usize::try_from(length).ok()?.min(buffer.len() - 1);
        buffer.truncate(length);
        String::from_utf8(buffer).ok()
    }

    /// Whether this is a sentencepiece vocabulary.
    pub(crate) fn is_sentencepiece(&self) -> bool {
        // SAFETY: the vocabulary is alive.
        let kind = unsafe { sys::llama_vocab_type(self.vocabulary.as_ptr()) };
        kind == sys::LLAMA_VOCAB_TYPE_SPM
    }

    /// Whether there is a vocabulary at all.
    pub(crate) fn has_vocabulary(&self) -> bool {
        // SAFETY: the vocabulary is alive.
        let kind = unsafe { sys::llama_vocab_type(self.vocabulary.as_ptr()) };
        kind != sys::LLAMA_VOCAB_TYPE_NONE && self.size > 0
    }

    /// Whether prompts begin with the beginning-of-sequence token.
    pub(crate) fn adds_bos(&self) -> bool {
        // SAFETY: the vocabulary is alive.
        unsafe { sys::llama_vocab_get_add_bos(self.vocabulary.as_ptr()) }
    }

    /// The beginning-of-sequence token.
    pub(crate) fn bos(&self) -> Option<u32> {
        // SAFETY: the vocabulary is alive.
        self.checked(unsafe { sys::llama_vocab_bos(self.vocabulary.as_ptr()) })
    }

    /// The end-of-sequence token.
    pub(crate) fn eos(&self) -> Option<u32> {
        // SAFETY: the vocabulary is alive.
        self.checked(unsafe { sys::llama_vocab_eos(self.vocabulary.as_ptr()) })
    }

    /// The padding token.
    pub(crate) fn pad(&self) -> Option<u32> {
        // SAFETY: the vocabulary is alive.
        self.checked(unsafe { sys::llama_vocab_pad(self.vocabulary.as_ptr()) })
    }

    fn checked(&self, token: sys::llama_token) -> Option<u32> {
        u32::try_from(token).ok().filter(|token| *token < self.size)
    }

    /// Whether a token ends generation; `false` for one outside the vocabulary.
    pub(crate) fn ends_generation(&self, token: u32) -> bool {
        token < self.size
            // SAFETY: the vocabulary is alive and the token is within it.
            && unsafe { sys::llama_vocab_is_eog(self.vocabulary.as_ptr(), token.cast_signed()) }
    }

    /// What a token is.
    pub(crate) fn kind(&self, token: u32) -> TokenKind {
        if token >= self.size {
            return TokenKind::Other;
        }
        // SAFETY: the vocabulary is alive and the token is within it.
        let attributes =
            unsafe { sys::llama_vocab_get_attr(self.vocabulary.as_ptr(), token.cast_signed()) };
        let has = |flag: sys::llama_token_attr| attributes & flag != 0;
        if has(sys::LLAMA_TOKEN_ATTR_CONTROL) {
            TokenKind::Control
        } else if has(sys::LLAMA_TOKEN_ATTR_UNKNOWN) {
            TokenKind::Unknown
        } else if has(sys::LLAMA_TOKEN_ATTR_USER_DEFINED) {
            TokenKind::UserDefined
        } else if has(sys::LLAMA_TOKEN_ATTR_NORMAL) {
            TokenKind::Normal
        } else {
            TokenKind::Other
        }
    }

    /// How the vocabulary spells a token, escapes and all.
    pub(crate) fn spelling(&self, token: u32) -> Option<String> {
        if token >= self.size {
            return None;
        }
        // SAFETY: the vocabulary is alive and the token is within it; the string belongs to it.
        let text = unsafe {
            let text = sys::llama_vocab_get_text(self.vocabulary.as_ptr(), token.cast_signed());
            if text.is_null() {
                return None;
            }
            CStr::from_ptr(text)
        };
        Some(text.to_string_lossy().into_owned())
    }

    /// The bytes that a token stands for, special ones by their spelling.
    pub(crate) fn piece(&self, token: u32) -> Vec<u8> {
        if token >= self.size {
            return Vec::new();
        }
        let mut buffer = vec![0_u8; 32];
        loop {
            // SAFETY: the token is within the vocabulary, and the buffer as long as stated.
            let written = unsafe {
                sys::llama_token_to_piece(
                    self.vocabulary.as_ptr(),
                    token.cast_signed(),
                    buffer.as_mut_ptr().cast::<c_char>(),
                    i32::try_from(buffer.len()).unwrap_or(i32::MAX),
                    0,
                    true,
                )
            };
            if let Ok(length) = usize::try_from(written) {
                buffer.truncate(length);
                return buffer;
            }
            let needed = usize::try_from(written.unsigned_abs()).unwrap_or(0);
            if needed <= buffer.len() {
                return Vec::new();
            }
            buffer.resize(needed, 0);
        }
    }

    /// The tokens of a text, with control tokens in it read as plain text.
    pub(crate) fn tokenize(&self, text: &str, tokens: &mut Vec<u32>) {
        let Ok(length) = i32::try_from(text.len()) else { return };
        // No token is shorter than a byte, and some tokenizers add one more.
        let mut buffer = vec![0_i32; text.len() + 8];
        loop {
            // SAFETY: text and buffer are as long as stated; llama.cpp writes no more than that.
            let written = unsafe {
                sys::llama_tokenize(
                    self.vocabulary.as_ptr(),
                    text.as_ptr().cast::<c_char>(),
                    length,
                    buffer.as_mut_ptr(),
                    i32::try_from(buffer.len()).unwrap_or(i32::MAX),
                    false,
                    false,
                )
            };
            if let Ok(written) = usize::try_from(written) {
                tokens.extend(buffer.iter().take(written).map(|token| token.cast_unsigned()));
                return;
            }
            let needed = usize::try_from(written.unsigned_abs()).unwrap_or(0);
            if needed <= buffer.len() {
                return;
            }
            buffer.resize(needed, 0);
        }
    }

    /// Loads an adapter, which lives as long as the weights.
    pub(crate) fn load_adapter(&mut self, path: &CStr) -> Option<Adapter> {
        // SAFETY: the path lives for the call, and `&mut self` keeps other users of the model away.
        let adapter = unsafe { sys::llama_adapter_lora_init(self.as_ptr(), path.as_ptr()) };
        NonNull::new(adapter).map(Adapter)
    }
}

impl Drop for Weights {
    fn drop(&mut self) {
        // SAFETY: the pointer came from loading and is freed once; contexts hold an `Arc` of this.
        unsafe { sys::llama_model_free(self.model.as_ptr()) }
    }
}

/// A LoRA adapter; freed with its weights.
#[derive(Clone, Copy)]
pub(crate) struct Adapter(pub(super) NonNull<sys::llama_adapter_lora>);

fn no_space_prefix() -> sys::llama_model_kv_override {
    let mut entry = end_of_overrides();
    entry.tag = sys::LLAMA_KV_OVERRIDE_TYPE_BOOL;
    let name: CString = c"tokenizer.ggml.add_space_prefix".into();
    for (to, from) in entry.key.iter_mut().zip(name.as_bytes_with_nul()) {
        // The name is ASCII, so the sign of C's `char` does not matter.
        *to = (*from).cast_signed();
    }
    entry.__bindgen_anon_1.val_bool = false;
    entry
}

fn end_of_overrides() -> sys::llama_model_kv_override {
    sys::llama_model_kv_override {
        tag: sys::LLAMA_KV_OVERRIDE_TYPE_INT,
        key: [0; 128],
        __bindgen_anon_1: sys::llama_model_kv_override__bindgen_ty_1 { val_i64: 0 },
    }
}
