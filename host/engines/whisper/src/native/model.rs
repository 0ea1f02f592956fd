//! The weights and the vocabulary.

use std::ffi::{CStr, CString, c_void};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use std::ptr::NonNull;

use whisper_rs_sys as sys;

/// Bytes read at a time.
const BUFFER: usize = 1 << 20;

/// The ids of the tokens that mean something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tokens {
    /// How many there are.
    pub(crate) count: u32,
    /// Ends a window; everything from here on is no text.
    pub(crate) end: u32,
    /// Starts decoding.
    pub(crate) start: u32,
    /// In front of a context.
    pub(crate) previous: u32,
    /// Tells silence from speech.
    pub(crate) no_speech: u32,
    /// Says that no timestamps follow.
    pub(crate) no_timestamps: u32,
    /// The time 0.
    pub(crate) time: u32,
    /// Asks for the words as they are spoken.
    pub(crate) transcribe: u32,
    /// Asks for their translation into English.
    pub(crate) translate: u32,
}

/// Weights and vocabulary, shared by all states.
pub(crate) struct Model {
    context: NonNull<sys::whisper_context>,
    /// The ids of the tokens that mean something.
    pub(crate) tokens: Tokens,
    /// The greatest number of tokens in the decoder's window.
    pub(crate) text_context: u32,
    /// Whether the model knows languages other than English.
    pub(crate) multilingual: bool,
    /// Whether whisper.cpp takes the model for a distilled one, which it runs without timestamps.
    pub(crate) distilled: bool,
    /// Whether a device other than the CPU computes.
    pub(crate) accelerated: bool,
    /// Whether the encoder computes a window as long as the sound.
    pub(crate) fit: bool,
    /// Whether a short piece costs little: its window fits it, or the encoder is small.
    pub(crate) light: bool,
}

/// The numbers in one matrix of each of the encoder's layers, together, up to which it is light; the
/// smallest of OpenAI's models has 590,000.
const LIGHT: u64 = 100_000;

// SAFETY: whisper.cpp only reads the context once it is loaded; what a decode changes is in its
// state, and states on one context may run side by side.
unsafe impl Send for Model {}
// SAFETY: as above.
unsafe impl Sync for Model {}

/// The file that whisper.cpp reads from.
struct Source<'a> {
    file: BufReader<File>,
    read: u64,
    total: u64,
    ended: bool,
    progress: &'a mut dyn FnMut(f32),
}

impl Model {
    /// Reads a file; `progress` gets fractions from 0 to 1.
    ///
    /// The file must be sound: on one that is not, whisper.cpp may end the process.
    pub(crate) fn load(
        path: &Path,
        accelerated: bool,
        fit: bool,
        progress: &mut dyn FnMut(f32),
    ) -> Result<Option<Self>, std::io::Error> {
        let file = File::open(path)?;
        let total = file.metadata()?.len().max(1);
        let file = BufReader::with_capacity(BUFFER, file);
        let mut source = Source { file, read: 0, total, ended: false, progress };
        let mut loader = sys::whisper_model_loader {
            context: (&raw mut source).cast(),
            read: Some(read),
            eof: Some(ended),
            close: Some(close),
        };
        // SAFETY: takes no arguments.
        let mut params = unsafe { sys::whisper_context_default_params() };
        params.use_gpu = accelerated;
        // On a CPU it is slower than what it replaces.
        params.flash_attn = accelerated;
        // SAFETY: the loader and its source live until the call returns, and it keeps neither.
        let context = unsafe { sys::whisper_init_with_params_no_state(&raw mut loader, params) };
        let Some(context) = NonNull::new(context) else { return Ok(None) };
        let raw = context.as_ptr();
        let id = |token: sys::whisper_token| u32::try_from(token).unwrap_or_default();
        // SAFETY: the context is live, and these only read it.
        let model = unsafe {
            Self {
                context,
                tokens: Tokens {
                    count: id(sys::whisper_n_vocab(raw)),
                    end: id(sys::whisper_token_eot(raw)),
                    start: id(sys::whisper_token_sot(raw)),
                    previous: id(sys::whisper_token_prev(raw)),
                    no_speech: id(sys::whisper_token_nosp(raw)),
                    no_timestamps: id(sys::whisper_token_not(raw)),
                    time: id(sys::whisper_token_beg(raw)),
                    transcribe: id(sys::whisper_token_transcribe(raw)),
                    translate: id(sys::whisper_token_translate(raw)),
                },
                text_context: id(sys::whisper_n_text_ctx(raw)),
                multilingual: sys::whisper_is_multilingual(raw) != 0,
                distilled: sys::whisper_model_n_text_layer(raw) == 2
                    && sys::whisper_n_vocab(raw) != 51_866,
                accelerated,
                fit,
                light: {
                    let wide = u64::from(id(sys::whisper_model_n_audio_state(raw)));
                    let deep = u64::from(id(sys::whisper_model_n_audio_layer(raw)));
                    fit || wide.saturating_mul(wide).saturating_mul(deep) <= LIGHT
                },
            }
        };
        Ok(Some(model))
    }

    /// whisper.cpp's number for a language's code, such as `en`; `None`: it knows none.
    pub(crate) fn language(code: &str) -> Option<u32> {
        let code = CString::new(code).ok()?;
        // SAFETY: the string is NUL-terminated, and only read.
        let id = unsafe { sys::whisper_lang_id(code.as_ptr()) };
        // It takes full names too, but a code is what is asked for here.
        // SAFETY: an id that it gave is valid; the string lives as long as the process.
        let known = unsafe {
            let text = sys::whisper_lang_str(id);
            !text.is_null() && CStr::from_ptr(text) == code.as_c_str()
        };
        u32::try_from(id).ok().filter(|_| known)
    }

    /// The token of one of whisper.cpp's languages.
    pub(crate) fn language_token(&self, language: u32) -> u32 {
        self.tokens.start + 1 + language
    }

    /// The bytes of a token; empty where there is no such token.
    pub(crate) fn bytes(&self, token: u32) -> Vec<u8> {
        if token >= self.tokens.count {
            return Vec::new();
        }
        let Ok(token) = sys::whisper_token::try_from(token) else { return Vec::new() };
        // SAFETY: the token is one of the vocabulary's, and its text is a NUL-terminated string
        // that lives as long as the context.
        unsafe {
            let text = sys::whisper_token_to_str(self.context.as_ptr(), token);
            if text.is_null() { Vec::new() } else { CStr::from_ptr(text).to_bytes().to_vec() }
        }
    }

    pub(super) fn raw(&self) -> *mut sys::whisper_context {
        self.context.as_ptr()
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        // SAFETY: the context is live, and states hold the model, so none is left.
        unsafe { sys::whisper_free(self.context.as_ptr()) }
    }
}

unsafe extern "C" fn read(source: *mut c_void, output: *mut c_void, size: usize) -> usize {
    // SAFETY: `load` passed a source that lives for the whole call and is used by nothing else, and
    // whisper.cpp asks for no more than its buffer holds.
    let (source, output) = unsafe {
        (
            &mut *source.cast::<Source<'_>>(),
            std::slice::from_raw_parts_mut(output.cast::<u8>(), size),
        )
    };
    let mut filled = 0;
    while let Some(rest) = output.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match source.file.read(rest) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => {
                tracing::error!("reading the weights: {error}");
                break;
            }
        }
    }
    source.ended |= filled < size;
    source.read += filled as u64;
    (source.progress)(source.read as f32 / source.total as f32);
    filled
}

unsafe extern "C" fn ended(source: *mut c_void) -> bool {
    // SAFETY: as in `read`.
    unsafe { (*source.cast::<Source<'_>>()).ended }
}

unsafe extern "C" fn close(_source: *mut c_void) {}
