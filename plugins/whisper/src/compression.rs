//! How well a text compresses.

/// The level that Python's `zlib.compress` has, by which OpenAI's threshold was chosen.
const LEVEL: u8 = 6;

/// A text's bytes by the bytes that zlib makes of them; 0 for no text.
///
/// Speech is below 2.4; a text that repeats itself is above it.
#[expect(clippy::cast_precision_loss, reason = "a text has some thousand bytes")]
pub(crate) fn ratio(text: &str) -> f32 {
    let compressed = miniz_oxide::deflate::compress_to_vec_zlib(text.as_bytes(), LEVEL);
    text.len() as f32 / compressed.len().max(1) as f32
}
